"""Bit error inside and outside the window, and the size of the state."""

import math
import numpy as np
from claims import draw, figure, legend, pick, run, style, values


def picture(checks):
    tokens, d = values(checks, "tokens"), checks[0].at["d"]
    fig, (left, right) = figure("page", 1, 2, height=2.5)
    xs = np.linspace(1, 200, 200)
    vote = [0.5 - 1 / math.sqrt(2 * math.pi * (min(tokens) - x)) for x in xs]
    left.fill_between(xs, vote, 0.5, color=style.PALETTE[1], alpha=0.15, linewidth=0, zorder=0)
    for turn, n in enumerate(tokens):
        x = lambda check: check.at["window"] * (1 + 0.06 * (turn - (len(tokens) - 1) / 2))  # noqa: E731  (used at once)
        marker, filled = style.MARKERS[turn], {"markerfacecolor": "none"} if turn else {}
        kinds = [("error outside", 1, "older token"), ("error inside", 0, "in the window")]
        for quantity, colour, name in kinds:
            own = pick(checks, tokens=n, quantity=quantity)
            draw(left, own, x, style.PALETTE[colour], marker, f"{name}, $N$ = {n}", **filled)
        sizes = pick(checks, tokens=n, quantity="state numbers")
        draw(right, sizes, x, style.PALETTE[2], marker, f"$N$ = {n}", **filled)
    windows = np.geomspace(28, 220, 50)
    right.plot(windows, windows * 2 * d + d + 1, color=style.INK, linewidth=0.9, label="$2Wd + d + 1$")
    needed = {"color": style.MUTED, "linewidth": 0.9, "label": "$Wd$ bits in 32-bit numbers"}
    right.plot(windows, windows * d / 32, ":", **needed)
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
    worst = max(check.measured for check in pick(checks, quantity="difference"))
    caption = f"""
        Left: bits of tokens in the window of W tokens decode without error, those of older tokens not at all (shaded:
        what a majority vote of the old values allows).
        Right: the exact algorithm keeps W pairs, one sum of values and a counter, whatever N is; dotted: the W d bits
        that are needed.
        Largest difference from masked attention: {worst:.1g}.
        d = {d}, sphere keys.
    """
    return fig, caption


if __name__ == "__main__":
    run()
