"""Fraction of the bits that a window of W maps reads."""

from claims import allowance, draw, figure, legend, pick, predicted, run, style, values

NAMES = {"var256": "VAR-256", "var512": "VAR-512"}


def picture(checks):
    fig, ax = figure("column", height=2.4)
    ax.set_ylim(0.3, 1.03)
    for turn, (schedule, n) in enumerate(sorted({(check.at["schedule"], check.at["n"]) for check in checks})):
        own = pick(checks, schedule=schedule, n=n)
        label = NAMES.get(schedule, f"doubling, $n = {n}$")
        allowance(ax, own, "window", style.PALETTE[turn])
        predicted(ax, own, "window", style.PALETTE[turn], linewidth=0.8)
        draw(ax, own, "window", style.PALETTE[turn], style.MARKERS[turn], label)
    ax.set_xticks(values(checks, "window"))
    ax.set_xlabel("window $W$ (cached maps)")
    ax.set_ylabel("recovered fraction of $N d$ bits")
    legend(ax, loc="lower right")
    caption = """
        Fraction of all bits that attention over the last W cached maps recovers, 1 - 2 error.
        Lines: the window's fraction of the tokens, (1 - 4^-W)/(1 - 4^-(K-1)) for doubling sides; shaded: the allowance.
    """
    return fig, caption


if __name__ == "__main__":
    run()
