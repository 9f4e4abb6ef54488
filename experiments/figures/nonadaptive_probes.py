"""Success against the fraction of cells that are read."""

from claims import draw, figure, legend, note, pick, run, style, values


def picture(checks):
    fig, axes = figure()
    axes.fill_between([0, 1], [0.5, 1], [1.04, 1.04], color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.plot([0, 1], [0.5, 1], color=style.INK, linewidth=0.9, label="$1/2 + s/(2Nd)$", zorder=2)
    for turn, strategy in enumerate(values(checks, "strategy")):
        # They coincide, so later ones are smaller.
        look = {"markersize": 8 - 2.6 * turn, "markerfacecolor": "white" if turn < 2 else style.PALETTE[turn]}
        own = pick(checks, strategy=strategy)
        draw(axes, own, "share", style.PALETTE[turn], style.MARKERS[turn], f"{strategy} read", **look)
    axes.plot([0, 1 / 3, 1 / 3], [2 / 3, 2 / 3, 0.46], color=style.MUTED, linewidth=0.7, linestyle=":", zorder=1)
    note(axes, 0.35, 0.475, "success 2/3 from a third of the cells", style.MUTED)
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(0.46, 1.04)
    axes.set_xlabel("fraction of cells read, $s/(Nd)$")
    axes.set_ylabel("probability of the right bit")
    legend(axes, loc="upper left")
    tokens, d = checks[0].at["tokens"], checks[0].at["d"]
    caption = f"""
        Probability of naming one random bit of V (N = {tokens}, d = {d}) from s cells that are fixed before the query,
        for three ways to choose the cells.
        Line: 1/2 + s/(2 N d).
        Grey: only probes that know the query could be there.
    """
    return fig, caption


if __name__ == "__main__":
    run()
