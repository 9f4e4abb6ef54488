"""Scaling in low dimension, slopes of random rows, and decodable tokens at fixed norm."""

import numpy as np
from claims import allowance, draw, figure, legend, note, pick, predicted, run, style, values

# Slopes of random directions: quantity, eta, name, and the c of the exponent c/(d-1).
SLOPES = [
    ("slope of the median row", 0, "median row", 2),
    ("slope of the worst row", 0, "worst row, $\\eta = 0$", 3),
    ("slope of the worst row", 0.9, "worst row, $\\eta = 0.9$", 4),
]


def picture(checks):
    fig, (left, middle, right) = figure("page", 1, 3, height=2.4)
    circle = pick(checks, part="circle")
    spread = pick(checks, part="spread", quantity="required tau")
    kinds = [(pick(circle, eta=eta), f"circle, $\\eta = {eta:g}$") for eta in values(circle, "eta")]
    for turn, (here, name) in enumerate([*kinds, (spread, "sphere $d = 3$, $\\eta = 0$")]):
        predicted(left, here, "tokens", style.PALETTE[turn])
        draw(left, here, "tokens", style.PALETTE[turn], style.MARKERS[turn], name)
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.set_xlabel("tokens $N$")
    left.set_ylabel("required scaling $\\tau$")
    legend(left, loc="upper left")
    left.set_ylim(top=left.get_ylim()[1] * 60)

    d = np.linspace(1.9, 4.1, 50)
    for turn, (quantity, eta, label, c) in enumerate(SLOPES):
        here = pick(checks, part="random", quantity=quantity, eta=eta)
        middle.plot(d, c / (d - 1), color=style.PALETTE[turn], label=f"${c}/(d-1)$")
        draw(middle, here, "d", style.PALETTE[turn], style.MARKERS[turn], label)
    middle.set_xticks([2, 3, 4])
    middle.set_xlabel("dimension $d$")
    middle.set_ylabel("growth exponent of $\\tau$ in $N$")
    legend(middle, loc="upper right")

    counts = pick(checks, part="fixed_norm")
    tokens = counts[0].at["tokens"]
    growing = [check for check in counts if check.predicted < tokens]
    allowance(right, growing, "d", style.PALETTE[0])
    predicted(right, growing, "d", style.PALETTE[0])
    draw(right, counts, "d", style.PALETTE[0])
    right.axhline(tokens, color=style.MUTED, linestyle=":", linewidth=0.8)
    note(right, 2.1, tokens * 1.1, f"$N = {tokens}$", va="bottom")
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.set_xticks([2, 4, 8, 16, 32, 64], [2, 4, 8, 16, 32, 64])
    right.set_ylim(5, tokens * 2.5)
    right.set_xlabel("dimension $d$")
    right.set_ylabel("decodable tokens at $\\tau = 12$")
    caption = """
        Left: scaling that evenly spread directions need, with the laws.
        Middle: growth exponents of the scaling of random directions between N = 32 and 256.
        Right: tokens absorbed before the leak reaches 1 at fixed norm: exponential in d (line: renewal law, band:
        allowance), then all N.
    """
    return fig, caption


if __name__ == "__main__":
    run()
