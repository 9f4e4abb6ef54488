"""Scaling in low dimension, slopes of random rows, and decodable tokens at fixed norm."""

import numpy as np
from claims import allowance, draw, figure, legend, load, pick, predicted, save, style, values

checks = load(__doc__)
fig, (left, middle, right) = figure("page", 1, 3, height=2.4)
for turn, eta in enumerate(values(pick(checks, part="circle"), "eta")):
    here = pick(checks, part="circle", eta=eta)
    predicted(left, here, "tokens", style.PALETTE[turn])
    draw(left, here, "tokens", style.PALETTE[turn], style.MARKERS[turn], f"circle, $\\eta = {eta:g}$")
here = pick(checks, part="spread", quantity="required tau")
predicted(left, here, "tokens", style.PALETTE[3])
draw(left, here, "tokens", style.PALETTE[3], style.MARKERS[3], "sphere $d = 3$, $\\eta = 0$")
left.set_xscale("log", base=2)
left.set_yscale("log")
left.set_xlabel("tokens $N$")
left.set_ylabel("required scaling $\\tau$")
legend(left, loc="upper left")
left.set_ylim(top=left.get_ylim()[1] * 30)

slopes = pick(checks, part="random")
for turn, (quantity, eta, label) in enumerate([("slope of the median row", 0, "median row"), ("slope of the worst row", 0, "worst row, $\\eta = 0$"), ("slope of the worst row", 0.9, "worst row, $\\eta = 0.9$")]):
    here = pick(slopes, quantity=quantity, eta=eta)
    d = np.linspace(1.9, 4.1, 50)
    middle.plot(d, (2, 3, 4)[turn] / (d - 1), color=style.PALETTE[turn], label=f"${(2, 3, 4)[turn]}/(d-1)$")
    draw(middle, here, "d", style.PALETTE[turn], style.MARKERS[turn], label)
middle.set_xticks([2, 3, 4])
middle.set_xlabel("dimension $d$")
middle.set_ylabel("growth exponent of $\\tau$ in $N$")
legend(middle, loc="upper right")

counts = pick(checks, part="fixed_norm")
growing = [check for check in counts if check["predicted"] < check["at"]["tokens"]]
allowance(right, growing, "d", style.PALETTE[0])
predicted(right, growing, "d", style.PALETTE[0])
draw(right, counts, "d", style.PALETTE[0])
right.axhline(counts[0]["at"]["tokens"], color=style.MUTED, linestyle=":", linewidth=0.8)
right.text(2.1, counts[0]["at"]["tokens"] * 1.1, f"$N = {counts[0]['at']['tokens']}$", fontsize=style.points(6.5), va="bottom")
right.set_xscale("log", base=2)
right.set_yscale("log")
right.set_xticks([2, 4, 8, 16, 32, 64], [2, 4, 8, 16, 32, 64])
right.set_ylim(5, counts[0]["at"]["tokens"] * 2.5)
right.set_xlabel("dimension $d$")
right.set_ylabel("decodable tokens at $\\tau = 12$")
save(fig, "low_dimension", "Left: scaling that evenly spread directions need, with the laws. Middle: growth exponents of the scaling of random directions between N = 32 and 256. Right: tokens absorbed before the "
     "leak reaches 1 at fixed norm: exponential in d (line: renewal law, band: allowance), then all N.")
