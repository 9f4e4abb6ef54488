"""Bit error inside and outside the window, and the size of the state."""

import math
import numpy as np
from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
tokens, d = values(checks, "tokens"), checks[0]["at"]["d"]
fig, (left, right) = figure("page", 1, 2, height=2.5)
most = max(tokens)
xs = np.linspace(1, 200, 200)
left.fill_between(xs, [0.5 - 1 / math.sqrt(2 * math.pi * (min(tokens) - x)) for x in xs], 0.5, color=style.PALETTE[1], alpha=0.15, linewidth=0, zorder=0)
for turn, n in enumerate(tokens):
    shift = 1 + 0.06 * (turn - (len(tokens) - 1) / 2)
    x = lambda check: check["at"]["window"] * shift
    draw(left, pick(checks, tokens=n, quantity="error outside"), x, style.PALETTE[1], style.MARKERS[turn], f"older token, $N$ = {n}", markerfacecolor="none" if turn else None)
    draw(left, pick(checks, tokens=n, quantity="error inside"), x, style.PALETTE[0], style.MARKERS[turn], f"in the window, $N$ = {n}", markerfacecolor="none" if turn else None)
    sizes = pick(checks, tokens=n, quantity="state numbers")
    draw(right, sizes, x, style.PALETTE[2], style.MARKERS[turn], f"$N$ = {n}", markerfacecolor="none" if turn else None)
windows = np.geomspace(28, 220, 50)
right.plot(windows, windows * 2 * d + d + 1, color=style.INK, linewidth=0.9, label="$2Wd + d + 1$")
right.plot(windows, windows * d / 32, color=style.MUTED, linewidth=0.9, linestyle=":", label="$Wd$ bits in 32-bit numbers")
for ax in (left, right):
    ax.set_xscale("log", base=2)
    ax.set_xticks(values(checks, "window"))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_xlim(26, 236)
    ax.set_xlabel("window $W$ (tokens)")
left.set_ylim(-0.02, 0.56)
left.set_ylabel("bit error")
right.set_yscale("log")
right.set_ylabel("numbers in the state")
legend(left, loc="center right")
legend(right, loc="center right", bbox_to_anchor=(1, 0.42))
worst = max(check["measured"] for check in pick(checks, quantity="difference"))
save(fig, "sliding_window", f"Left: bits of tokens in the window of W tokens decode without error, those of older tokens not at all (shaded: what a majority vote of the old values allows). "
     f"Right: the exact algorithm keeps W pairs, one value sum and a counter, whatever N is; dotted: the W d bits that are needed. Largest difference from masked attention: {worst:.1g}. d = {d}, sphere keys.")
