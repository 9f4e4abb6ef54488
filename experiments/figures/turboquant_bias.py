"""Slope of the estimated on the true inner product, and the distortion of the two-stage estimator, against bits."""

import math
from claims import allowance, draw, figure, legend, pick, predicted, run, style, tolerance

QUANTISERS = {"mse": "Lloyd-Max, $b$ bits", "prod": "Lloyd-Max, $b-1$ bits,\nand QJL"}


def picture(checks):
    fig, (left, right) = figure("page", 1, 2, height=2.4)
    for turn, (quantiser, name) in enumerate(QUANTISERS.items()):
        here = pick(checks, quantity="slope", quantiser=quantiser)
        predicted(left, here, "bits", style.PALETTE[turn])
        draw(left, here, "bits", style.PALETTE[turn], style.MARKERS[turn], name)
    left.axhline(2 / math.pi, color=style.MUTED, linewidth=0.7, linestyle=":", zorder=0)
    left.text(4.1, 0.645, "$2/\\pi$", fontsize=style.points(7), color=style.MUTED, ha="right", va="bottom")
    left.set_ylabel("slope of $\\langle y,\\hat x\\rangle$ on $\\langle y,x\\rangle$")
    left.set_ylim(0.6, 1.05)
    legend(left, loc="center right", bbox_to_anchor=(1, 0.5))

    distortion = pick(checks, quantity="d * distortion")
    right.set_yscale("log")
    allowance(right, distortion, "bits", style.PALETTE[1])
    predicted(right, distortion, "bits", style.PALETTE[1], "$(\\pi/2 - 1/d)\\,D(b-1)$")
    draw(right, distortion, "bits", style.PALETTE[1], style.MARKERS[1], "measured")
    right.set_ylabel("$d\\,\\cdot$ mean squared error")
    legend(right, loc="upper right")
    for ax in (left, right):
        ax.set_xticks([1, 2, 3, 4])
        ax.set_xlim(0.8, 4.2)
        ax.set_xlabel("bits per coordinate, $b$")
    d = checks[0].at["d"]
    caption = f"""
        Rotated unit vectors of width d = {d}.
        Left: slope of the estimated on the true inner product, for the quantiser that is best in mean squared error and
        for one with a bit less and QJL of the residual; 1 is unbiased, and dotted is 2/pi, the limit at one bit.
        Right: squared error of the latter, with the allowance of {tolerance(distortion)} shaded.
        Lines: predictions.
    """
    return fig, caption


if __name__ == "__main__":
    run()
