"""Chance of following T pointers against the fraction of entries kept."""

import numpy as np
from claims import draw, figure, note, pick, run, style, values

PLACES = {2: (0.62, 0.33), 4: (0.695, 0.16), 8: (0.88, 0.15)}  # of the names of curves, by T


def picture(checks):
    n = checks[0].at["entries"]
    fig, axes = figure(height=2.6)
    kept = np.arange(0, n + 1)
    axes.plot(kept / n, kept / n, color=style.INK, linewidth=0.9, zorder=2)
    axes.fill_between(kept / n, kept / n, 1.03, color=style.FORBIDDEN, linewidth=0, zorder=0)
    for turn, hops in enumerate(values(checks, "hops")):
        colour, marker = style.PALETTE[turn], style.MARKERS[turn]
        share = lambda check: check.at["kept"] / n  # noqa: E731  (used at once)
        if hops > 1:
            chance = np.prod([np.maximum(kept - i, 0) / (n - i) for i in range(hops)], axis=0)
            axes.plot(kept / n, chance, color=colour, linewidth=0.9, zorder=2)
        draw(axes, pick(checks, cache="oblivious", hops=hops), share, colour, marker)
        # The adaptive ones coincide, so they are drawn around each other.
        around = {"markerfacecolor": "none", "markersize": 4 + 2.2 * turn}
        draw(axes, pick(checks, cache="adaptive", hops=hops), share, colour, marker, **around)
        if hops in PLACES:
            note(axes, *PLACES[hops], f"$T$ = {hops}", colour, fontsize=style.points(7))
    note(axes, 0.06, 0.9, "open: adaptive, $s/n$ for every $T$\nfilled: oblivious", va="top")
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("fraction of entries kept, $s/n$")
    axes.set_ylabel("probability of reaching the end")
    caption = f"""
        Probability of following T distinct pointers through a table of n = {n} entries of which s are kept.
        Filled: the kept set does not know the pointers; lines: prod (s-i)/(n-i).
        Open: it keeps whole cycles but does not know the start (markers around each other); line: s/n.
        Grey: only a kept set that knows the start could be there.
    """
    return fig, caption


if __name__ == "__main__":
    run()
