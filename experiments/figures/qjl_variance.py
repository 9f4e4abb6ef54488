"""Variance of QJL against the angle, and failures at two lengths."""

import math
import numpy as np
from claims import draw, figure, legend, note, pick, run, style, values

# The two lengths, as the rows of the projection that they ask for.
LENGTHS = {
    "printed": "$\\frac{4}{3}\\,\\frac{1+\\varepsilon}{\\varepsilon^2}\\,\\ln\\frac{2}{\\delta}$",
    "safe": "$\\frac{\\pi}{\\varepsilon^2}\\,\\ln\\frac{2}{\\delta}$",
}


def picture(checks):
    fig, (left, right) = figure("page", 1, 2, height=2.4, gridspec_kw={"width_ratios": [3, 2]})
    variance = pick(checks, quantity="variance / (|q||k|)^2")
    for turn, m in enumerate(values(variance, "m")):
        scaled = [check.mapped(lambda value: value * m) for check in pick(variance, m=m)]
        x = lambda check: check.at["cosine"] + 0.015 * (2 * turn - 1)  # noqa: E731  (used at once)
        draw(left, scaled, x, style.PALETTE[turn], style.MARKERS[turn], f"$m$ = {m}")
    xs = np.linspace(0, 1, 100)
    left.plot(xs, math.pi / 2 - xs**2, color=style.INK, linewidth=0.9, label="$\\pi/2 - \\cos^2$", zorder=1)
    bound = {"color": style.MUTED, "linewidth": 0.8, "linestyle": ":"}
    left.axhline(math.pi / 2, label="$\\pi/2$, the published bound", **bound)
    left.set_xlabel("cosine of query and key")
    left.set_ylabel("$m$ × variance / $(|q||k|)^2$")
    left.set_ylim(0.4, 1.75)
    legend(left, loc="lower left")

    failures = pick(checks, quantity="failures")
    right.axhline(0.01, color=style.INK, linewidth=0.9)
    note(right, 0.5, 0.0112, "$\\delta$", fontsize=style.points(8), ha="center")
    names = []
    for turn, (length, name) in enumerate(LENGTHS.items()):
        own = pick(failures, length=length)
        draw(right, own, lambda _: turn, style.PALETTE[turn + 2], style.MARKERS[turn + 2])
        names.append(f"{name}\n$m$ = {own[0].at['m']}")
    right.set_yscale("log")
    right.set_xlim(-0.5, 1.5)
    right.set_ylim(3e-4, 5e-2)
    right.set_xticks([0, 1], names)
    right.set_xlabel("rows of the projection")
    right.set_ylabel("P(|error| > $\\varepsilon|q||k|$)")
    caption = """
        Left: variance of sqrt(pi/2)/m |k| <Sq, sign(Sk)> times m, for unit lengths, against the angle between query and
        key.
        Line: the exact law pi/2 - cos^2.
        Right: fraction of errors above eps = 0.25 for orthogonal query and key, at the two lengths meant to keep it
        below delta = 0.01.
    """
    return fig, caption


if __name__ == "__main__":
    run()
