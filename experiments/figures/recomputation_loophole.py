"""Bits per entry of storing tokens instead of rows, against d."""

import numpy as np
from claims import draw, figure, legend, note, pick, run, style, values


def picture(checks):
    fig, ax = figure("column", height=2.4)
    d = np.geomspace(24, 320, 50)
    for turn, bits in enumerate(values(checks, "codebook_bits")):
        ax.plot(d, bits / d, color=style.PALETTE[turn], linewidth=0.8)
        own = pick(checks, codebook_bits=bits, quantity="message bits / N d")
        draw(ax, own, "d", style.PALETTE[turn], style.MARKERS[turn], f"tokens of {bits} bits")
    ax.axhline(1, color=style.INK, linewidth=0.9)
    note(ax, 26, 1.1, "arbitrary values: at least 1")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_ylim(0.008, 2)
    ticks = values(checks, "d")
    ax.set_xticks(ticks, [str(x) for x in ticks])
    ax.set_xlabel("width $d$")
    ax.set_ylabel("message bits / N d, at no error")
    legend(ax, loc="lower left")
    wrong = max(check.hi for check in pick(checks, quantity="wrong bits"))
    caption = f"""
        Message bits per entry when the cache is recomputed from discrete tokens, with c/d as lines.
        At most {wrong:.4f} of the bits are wrong anywhere.
        The INDEX bound of 1 holds for arbitrary rows only.
    """
    return fig, caption


if __name__ == "__main__":
    run()
