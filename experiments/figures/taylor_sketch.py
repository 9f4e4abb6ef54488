"""Tail of the truncated exponential against its bound, and the leak that truncation adds to the hard instance."""

import math
import numpy as np
from claims import at, draw, figure, legend, pick, run, style, values


def tail(r, t):
    """The sum over k > t of r^k / k!."""
    term = math.exp((t + 1) * math.log(r) - math.lgamma(t + 2))
    total, k = 0.0, t + 2
    while term > 1e-18 * total:
        total += term
        term *= r / k
        k += 1
    return total


def tail_bound(r, t):
    return (math.e * r / (t + 1)) ** (t + 1) / (1 - r / (t + 2))


def poisson(tau, t):
    """P(Poisson(tau) <= t)."""
    return math.exp(-tau) * sum(math.exp(k * math.log(tau) - math.lgamma(k + 1)) for k in range(t + 1))


def picture(checks):
    fig, (left, right) = figure("page", 1, 2, height=2.5)
    errors = pick(checks, quantity="error")
    for turn, r in enumerate(values(errors, "r")):
        colour, own = style.PALETTE[turn], pick(errors, r=r)
        degrees = np.arange(max(1, math.ceil(r - 1)), max(at(own, "degree")) + 2)
        left.plot(degrees, [tail(r, t) for t in degrees], color=colour, linewidth=0.9)
        left.plot(degrees, [tail_bound(r, t) for t in degrees], ":", color=colour, linewidth=0.8)
        draw(left, own, "degree", colour, style.MARKERS[turn], f"$r$ = {r:g}")
    left.axhline(1, color=style.MUTED, linewidth=0.6)
    left.set_yscale("log")
    left.set_ylim(1e-6, 1e7)
    left.set_xlabel("degree $t$")
    left.set_ylabel("largest error of $e^x$ on $|x| \\leq r$")
    legend(left, loc="upper right")

    factors = pick(checks, quantity="leak factor")
    for turn, tau in enumerate(values(factors, "r"), 2):
        colour = style.PALETTE[turn]
        degrees = np.arange(4, int(2.2 * tau) + 1)
        right.plot(degrees, [1 / poisson(tau, t) for t in degrees], color=colour, linewidth=0.9)
        draw(right, pick(factors, r=tau), "degree", colour, style.MARKERS[turn], f"$\\tau$ = {tau:g}")
    right.set_yscale("log")
    right.set_ylim(0.8, 40)
    right.set_yticks([1, 2, 5, 10, 20])
    right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    right.minorticks_off()
    right.set_xlabel("degree $t$")
    right.set_ylabel("leak with $e^x$ cut / exact leak")
    legend(right, loc="upper right")
    tokens, d = factors[0].at["tokens"], factors[0].at["d"]
    caption = f"""
        Left: largest error of the exponential cut off at degree t on |x| <= r.
        Lines: sum of the terms left out; dotted: the bound (e r/(t+1))^(t+1)/(1-r/(t+2)).
        The error is below 1 from t of about e r on.
        Right: leak of the hard instance (N = {tokens}, d = {d}, sphere keys) with the cut exponential over its exact
        leak; lines: 1/P(Poisson(tau) <= t).
    """
    return fig, caption


if __name__ == "__main__":
    run()
