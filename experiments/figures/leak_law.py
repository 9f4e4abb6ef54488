"""Mean leak over its closed form, against tau."""

from claims import draw, figure, legend, pick, run, style, tolerance, values


def picture(checks):
    # Relative to the law, because the curves span five decades.
    ratios = [check.mapped(lambda value: value / check.predicted) for check in checks]
    families, dimensions = values(ratios, "embedding"), values(ratios, "d")
    fig, axes = figure("column", 1, len(families), height=2.1, sharey=True)
    for family, ax in zip(families, axes):
        here = pick(ratios, embedding=family)
        ax.axhspan(here[0].allowed_lo, here[0].allowed_hi, color=style.FORBIDDEN, linewidth=0, zorder=0)
        ax.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
        for turn, d in enumerate(dimensions):
            shift = 0.25 * (turn - (len(dimensions) - 1) / 2)
            x = lambda check: check.at["tau"] + shift  # noqa: E731  (used at once)
            draw(ax, pick(here, d=d), x, style.PALETTE[turn], style.MARKERS[turn], f"$d = {d}$")
        ax.set_xlabel("query scaling $\\tau$")
        ax.set_xticks(values(ratios, "tau"))
        ax.set_title(f"{family} keys")
    axes[0].set_ylabel("mean leak / closed form")
    legend(axes[-1], loc="upper left")
    tokens = checks[0].at["tokens"]
    caption = f"""
        Mean leak S of {tokens} random keys divided by its closed form (N-1) E exp(-tau (1 - <k, k'>)), against the
        query scaling tau.
        Grey: the allowance of {tolerance(checks)}.
    """
    return fig, caption


if __name__ == "__main__":
    run()
