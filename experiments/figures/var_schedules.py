"""Bits that the last step reads, against n, by schedule."""

import numpy as np
from claims import draw, figure, legend, note, pick, run, style

NAMES = {
    "doubling": "1, 2, 4, ..., n",
    "var256": "VAR-256",
    "var512": "VAR-512",
    "infinity": "Infinity",
    "one_step": "1, n",
}


def picture(checks):
    fig, ax = figure("column", height=2.6)
    d = checks[0].at["d"]
    n = np.geomspace(4, 80, 100)
    ax.plot(n, d * (n**2 - 1) / 3, color=style.INK, linewidth=0.9, zorder=1)
    ax.plot(n, np.full(len(n), d), "--", color=style.INK, linewidth=0.9, zorder=1)
    note(ax, 4.2, 5 * d * 1.6, "$d(n^2 - 1)/3$", rotation=28)
    note(ax, 5, d * 1.2, "$d$")
    for turn, (name, label) in enumerate(NAMES.items()):
        own = pick(checks, schedule=name)
        if own:
            draw(ax, own, "n", style.PALETTE[turn], style.MARKERS[turn], label)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks([4, 8, 16, 32, 64], ["4", "8", "16", "32", "64"])
    ax.set_xlabel("side of the last map $n$")
    ax.set_ylabel("bits read in the last step")
    legend(ax, loc="upper left")
    caption = f"""
        Bits recovered from the cache in the single last step at d = {d}, with n^2 zero tokens of its own in the
        softmax.
        Lines: d (n^2 - 1)/3 for doubling sides, and d for sides 1, n, where nothing grows with n.
    """
    return fig, caption


if __name__ == "__main__":
    run()
