"""Error of eviction rules against the fraction of rows kept."""

import numpy as np
from claims import draw, figure, legend, pick, run, style

RULES = {
    "uniform": "random",
    "recent": "newest",
    "heavy_keys": "heavy keys",
    "most_ones": "most ones",
    "fewest_ones": "fewest ones",
}


def picture(checks):
    errors = pick(checks, quantity="error")
    fig, (left, right) = figure("column", 1, 2, height=2.5)
    share = np.linspace(0, 1, 50)
    left.plot(share, (1 - share) / 2, color=style.INK, linewidth=0.8)
    right.axhline(0, color=style.INK, linewidth=0.8)
    right.axhspan(-0.005, 0.005, color=style.FORBIDDEN, linewidth=0, zorder=0)
    ticks = []
    for turn, (rule, label) in enumerate(RULES.items()):
        own = pick(errors, rule=rule)
        colour, marker = style.PALETTE[turn], style.MARKERS[turn]
        draw(left, own, lambda check: check.at["share"] + 0.012 * (turn - 2), colour, marker, label, markersize=3)
        quarter = [check for check in own if abs(check.at["share"] - 0.25) < 1e-9]
        for check in sorted(quarter, key=lambda check: check.at["d"]):
            place, moved = len(ticks), check.mapped(lambda value: value - (1 - check.at["share"]) / 2)
            draw(right, [moved], lambda _: place, colour, marker, markersize=3)
            right.plot([place - 0.3, place + 0.3], [moved.predicted] * 2, color=colour, linewidth=0.8)
            ticks.append(f"{label}, {check.at['d']}")
    left.set_xlim(0, 1)
    left.set_ylim(0, 0.5)
    left.set_xlabel("fraction of rows kept $f$")
    left.set_ylabel("bit error")
    right.set_xticks(range(len(ticks)), ticks, rotation=90, fontsize=style.points(6))
    right.set_ylabel("error $- (1 - f)/2$ at $f = 1/4$")
    legend(left, loc="lower left", handletextpad=0.2)
    caption = """
        Bit error of keeping a fraction f of the rows by five rules.
        Left: all of them and the line (1 - f)/2 (points are set apart sideways).
        Right: distance to the line at f = 1/4, by rule and d; grey: the allowance of rules that ignore values; short
        lines: predictions.
    """
    return fig, caption


if __name__ == "__main__":
    run()
