"""Bit error of the linear-attention state, and its bits over the floor, against N/d."""

import math
import numpy as np
from claims import draw, figure, legend, note, pick, run, style

# Values, how the state is stored, the name, and the factor c of the error Qfun(sqrt(c d/N)).
KINDS = [
    ("signs", "fp32", "values ±1", 1.0),
    ("bits", "fp32", "values {0, 1}", 0.5),
    ("signs", "sign", "values ±1,\nsigns of the state", 2 / math.pi),
]


def tail(x):
    """P(Z > x) of a standard normal Z."""
    return math.erfc(x / math.sqrt(2)) / 2


def picture(checks):
    d = checks[0].at["d"]
    fig, (left, right) = figure("page", 1, 2, height=2.5)
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xlabel("tokens per dimension, $N/d$")
        ax.set_xticks([0.5, 1, 2, 4, 8])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    xs = np.geomspace(0.45, 9, 100)
    right.axhspan(0.5, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
    right.axhline(1, color=style.INK, linewidth=0.8)
    for turn, (values, state, name, factor) in enumerate(KINDS):
        colour, marker = style.PALETTE[turn], style.MARKERS[turn]
        here = pick(checks, values=values, state=state)
        ratio = lambda check: check.at["tokens"] / d  # noqa: E731  (used at once)
        left.plot(xs, [tail(math.sqrt(factor / x)) for x in xs], color=colour, linewidth=1, zorder=2)
        draw(left, pick(here, quantity="error"), ratio, colour, marker, name)
        draw(right, pick(here, quantity="state bits / floor"), ratio, colour, marker)
    left.set_ylim(0, 0.5)
    left.set_ylabel("bit error")
    right.set_yscale("log")
    right.set_ylim(0.5, None)
    right.set_ylabel("state bits / floor at that error")
    note(right, 0.02, 0.03, "below the floor", style.MUTED, transform=right.transAxes)
    legend(left, loc="lower right")
    caption = f"""
        Left: bit error of reading rows from the state sum_j k_j v_j^T of linear attention, d = {d}, sphere keys.
        Lines: Qfun(sqrt(d/N)), Qfun(sqrt(d/(2N))) and Qfun(sqrt(2d/(pi N))).
        Right: bits of the state over (1 - H2(error)) N d.
        For large N/d the state stored as signs tends to pi^2 ln(2)/2 = {math.pi**2 * math.log(2) / 2:.2g}.
    """
    return fig, caption


if __name__ == "__main__":
    run()
