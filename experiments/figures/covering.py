"""Clusters of a greedy pass, between the two cap bounds."""

from claims import bars, figure, legend, note, pick, run, style, values


def picture(checks):
    covers, packs = pick(checks, quantity="m cap(delta) / covered share"), pick(checks, quantity="m cap(delta/2)")
    fig, ax = figure("column", height=2.5)
    for turn, d in enumerate(values(covers, "d")):
        across, up = (sorted(pick(part, d=d), key=lambda check: check.at["delta"]) for part in (covers, packs))
        ax.errorbar(
            [check.measured for check in across],
            [check.measured for check in up],
            xerr=bars(across),
            yerr=bars(up),
            color=style.PALETTE[turn],
            marker=style.MARKERS[turn],
            markersize=4,
            elinewidth=0.8,
            capsize=1.5,
            linestyle="none",
            label=f"$d = {d}$",
        )
    right = max(4.0, 1.15 * max(check.measured for check in covers))
    for check in pick(checks, quantity="parking share"):
        ax.axhline(check.predicted, color=style.MUTED, linewidth=0.8, linestyle=":")
        note(ax, 0.98 * right, check.predicted + 0.03, "Rényi's parking constant ($d = 2$)", ha="right")
    ax.axvspan(0, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
    ax.axhspan(1, 1.2, color=style.FORBIDDEN, linewidth=0, zorder=0)
    note(ax, 0.5, 0.5, "cannot cover", rotation=90, ha="center", va="center")
    note(ax, right / 2, 1.05, "cannot pack", ha="center", va="center")
    ax.set_xlim(0, right)
    ax.set_ylim(0, 1.1)
    ax.set_xlabel("$m \\; \\mathrm{cap}(\\delta)$ / covered share")
    ax.set_ylabel("$m \\; \\mathrm{cap}(\\delta/2)$")
    legend(ax, loc="lower left", bbox_to_anchor=(1 / right + 0.01, 0.0), ncols=2, columnspacing=1.0)
    hard = "".join(
        f"On the hard instance (d = {check.at['d']}, delta = {check.at['delta']:g}) "
        f"the pass opens {check.measured:.4f} N clusters."
        for check in pick(checks, quantity="clusters / N")[:1]
    )
    caption = f"""
        Number m of clusters that a greedy pass of radius delta opens on uniform unit keys, in units of the two caps.
        Grey: what volume forbids.
        {hard}
    """
    return fig, caption


if __name__ == "__main__":
    run()
