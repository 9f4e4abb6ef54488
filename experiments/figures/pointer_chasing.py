"""Chance of following T pointers against the share of entries kept."""

import numpy as np
from claims import draw, figure, load, pick, save, style, values

checks = load(__doc__)
n = checks[0]["at"]["entries"]
share = lambda check: check["at"]["kept"] / n
fig, axes = figure(height=2.6)
kept = np.arange(0, n + 1)
axes.plot(kept / n, kept / n, color=style.INK, linewidth=0.9, zorder=2)
axes.fill_between(kept / n, kept / n, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
for turn, hops in enumerate(values(checks, "hops")):
    colour = style.PALETTE[turn]
    chance = np.ones(n + 1)
    for i in range(hops):
        chance *= np.maximum(kept - i, 0) / (n - i)
    if hops > 1:
        axes.plot(kept / n, chance, color=colour, linewidth=0.9, zorder=2)
    draw(axes, pick(checks, cache="oblivious", hops=hops), share, colour, style.MARKERS[turn])
    # The adaptive ones coincide, so they are drawn around each other.
    draw(axes, pick(checks, cache="adaptive", hops=hops), share, colour, style.MARKERS[turn], markerfacecolor="none", markersize=4 + 2.2 * turn)
    at = {1: (0.8, 0.83), 2: (0.62, 0.33), 4: (0.695, 0.16), 8: (0.88, 0.15)}.get(hops)
    if at and hops > 1:
        axes.text(*at, f"$T$ = {hops}", fontsize=style.points(7), color=colour)
axes.text(0.06, 0.9, "open: adaptive, $s/n$ for every $T$\nfilled: oblivious", fontsize=style.points(6.5), color=style.INK, va="top")
axes.set_xlim(0, 1)
axes.set_ylim(0, 1)
axes.set_xlabel("share of entries kept, $s/n$")
axes.set_ylabel("probability of reaching the end")
save(fig, "pointer_chasing", f"Probability of following T distinct pointers through a table of n = {n} entries of which s are kept. Filled: the kept set does not know the pointers; lines: prod (s-i)/(n-i). "
     "Open: it keeps whole cycles but does not know the start (markers around each other); line: s/n. Grey: only a kept set that knows the start could be there.")
