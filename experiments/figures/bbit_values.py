"""Bits a value that decode, and the scaling they need."""

import math
from claims import allowance, draw, figure, legend, load, pick, predicted, save, style

checks = load(__doc__)
fig, (left, right) = figure("page", 1, 2, height=2.4)
shares = pick(checks, quantity="share of rows with the predicted b")
left.plot([check["at"]["tau"] for check in shares], [check["at"]["mean_bits"] for check in shares], color=style.PALETTE[0], marker="o", markersize=3.5, linestyle="-", linewidth=0.8)
left.set_xlabel("query scaling $\\tau$")
left.set_xlim(5.6, 15.2)
left.set_ylim(-1, None)
left.set_ylabel("bits a value that decode")
for check in shares:
    left.annotate(f"{check['measured']:.3f}", (check["at"]["tau"], check["at"]["mean_bits"]), textcoords="offset points", xytext=(6, -7), ha="left", fontsize=style.points(6.5), color=style.MUTED)
scaling = pick(checks, quantity="tau")
right.set_ylim(0, 1.1 * max(check["hi"] for check in scaling))
allowance(right, scaling, "bits", style.PALETTE[1])
predicted(right, scaling, "bits", style.INK, "$E\\,S(\\tau) = 1/(2^b - 1)$")
draw(right, scaling, "bits", style.PALETTE[1], "s", "measured")
right.set_xlabel("bits a value $b$")
right.set_ylabel("query scaling $\\tau_b$")
slope = pick(checks, quantity="slope of tau against b, over ln 2/(1 - mu+)")[0]
right.annotate(f"slope: {slope['measured']:.2f} of the guide $\\ln 2/(1 - \\mu_+)$", (0.97, 0.05), xycoords="axes fraction", ha="right", fontsize=style.points(6.5))
legend(right, loc="upper left")
at = scaling[0]["at"]
save(fig, "bbit_values", f"Sphere keys, N = {at['tokens']}, d = {at['d']}. Left: mean number of bits a value that rows decode against the worst other rows; beside each point the share of rows in which it is "
     "ceil(log2(1 + 1/S)) - 1. Right: scaling at which the mean leak is 1/(2^b - 1), with its law and the 2 % allowance.")
