"""Message bits over the floor of the polar code with lists, at its two errors."""

import numpy as np
import style
from claims import draw, figure, run


def picture(checks):
    fig, axes = figure("column", height=2.0)
    axes.axhspan(0.9, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
    for check in checks:
        error, bound = check.at["error"], check.allowed_hi
        axes.plot([error - 0.02, error + 0.02], [bound] * 2, color=style.MUTED, linewidth=1.0)
        above = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
        small = {"fontsize": style.points(6.5), "color": style.MUTED}
        axes.annotate(f"bound {bound:.2f}", (error, bound), **above, **small)
    draw(axes, checks, "error", *style.look("rate_distortion"))
    axes.set_xlim(0, 0.5)
    axes.set_xticks(np.linspace(0, 0.5, 6))
    axes.set_ylim(0.98, 1.13)
    axes.set_xlabel("bit error")
    axes.set_ylabel("message bits / floor")
    entries = checks[0].at["entries"]
    caption = f"""
        Message bits of rate_distortion with lists of 8 over the finite-size floor of its measured error, at
        m = {entries:.0f} bits.
        Grey: impossible.
    """
    return fig, caption


if __name__ == "__main__":
    run()
