"""Variance of QJL against the angle, and failures at two lengths."""

import math
import numpy as np
from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
fig, (left, right) = figure("page", 1, 2, height=2.4, gridspec_kw={"width_ratios": [3, 2]})
variance = pick(checks, quantity="variance / (|q||k|)^2")
xs = np.linspace(0, 1, 100)
for turn, m in enumerate(values(variance, "m")):
    scaled = [{**check, **{name: check[name] * m for name in ("measured", "lo", "hi")}} for check in pick(variance, m=m)]
    shift = 0.015 * (2 * turn - 1)
    draw(left, scaled, lambda check: check["at"]["cosine"] + shift, style.PALETTE[turn], style.MARKERS[turn], f"$m$ = {m}")
left.plot(xs, math.pi / 2 - xs ** 2, color=style.INK, linewidth=0.9, label="$\\pi/2 - \\cos^2$", zorder=1)
left.axhline(math.pi / 2, color=style.MUTED, linewidth=0.8, linestyle=":", label="$\\pi/2$, the published bound")
left.set_xlabel("cosine of query and key")
left.set_ylabel("$m$ × variance / $(|q||k|)^2$")
left.set_ylim(0.4, 1.75)
legend(left, loc="lower left")

failures = pick(checks, quantity="failures")
names = {"safe": "$\\frac{\\pi}{\\varepsilon^2}\\,\\ln\\frac{2}{\\delta}$", "printed": "$\\frac{4}{3}\\,\\frac{1+\\varepsilon}{\\varepsilon^2}\\,\\ln\\frac{2}{\\delta}$"}
order = ["printed", "safe"]
right.axhline(0.01, color=style.INK, linewidth=0.9)
right.text(0.5, 0.0112, "$\\delta$", fontsize=style.points(8), ha="center")
for turn, length in enumerate(order):
    draw(right, pick(failures, length=length), lambda check: order.index(check["at"]["length"]), style.PALETTE[turn + 2], style.MARKERS[turn + 2])
right.set_yscale("log")
right.set_xlim(-0.5, 1.5)
right.set_ylim(3e-4, 5e-2)
right.set_xticks([0, 1])
right.set_xticklabels([f"{names[length]}\n$m$ = {pick(failures, length=length)[0]['at']['m']}" for length in order])
right.set_xlabel("rows of the projection")
right.set_ylabel("P(|error| > $\\varepsilon|q||k|$)")
save(fig, "qjl_variance", "Left: variance of sqrt(pi/2)/m |k| <Sq, sign(Sk)> times m, for unit lengths, against the angle between query and key. Line: the exact law pi/2 - cos^2. Right: share of errors "
     "above eps = 0.25 for orthogonal query and key at the two lengths meant to keep it below delta = 0.01.")
