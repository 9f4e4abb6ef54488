"""Bit error of random values against the query scaling, with the law Q(1/sqrt(S(2 tau)))."""

import math
import numpy as np
from claims import at, draw, figure, legend, pick, run, style, values


def law(family, tokens, d, taus):
    """Q(1/sqrt(E S(2 tau))) over the range of `taus`."""
    tau = np.linspace(min(taus) - 0.1, max(taus) + 0.1, 100)
    if family == "rademacher":
        mean = (tokens - 1) * ((1 + np.exp(-4 * tau / d)) / 2) ** d
    else:
        angle = np.pi * (np.arange(2000) + 0.5) / 2000
        density = np.sin(angle) ** (d - 2)
        weights = density * np.exp(2 * tau[:, None] * (np.cos(angle) - 1))
        mean = (tokens - 1) * weights.sum(axis=1) / density.sum()
    return tau, np.array([math.erfc(1 / math.sqrt(2 * value)) / 2 for value in mean])


def picture(checks):
    ratios = pick(checks, quantity="error / law")
    heights = {"height_ratios": [2, 1]}
    fig, (errors, relative) = figure("column", 2, 1, height=3.2, sharex=True, gridspec_kw=heights)
    for turn, family in enumerate(values(ratios, "embedding")):
        here = sorted(pick(ratios, embedding=family), key=lambda check: check.at["tau"])
        colour, marker, tau = style.PALETTE[turn], style.MARKERS[turn], at(here, "tau")
        curve = law(family, here[0].at["tokens"], here[0].at["d"], tau)
        errors.plot(*curve, color=colour, label=f"law, {family} keys")
        errors.plot(tau, at(here, "error"), color=colour, marker=marker, linestyle="none", label="measured")
        draw(relative, here, "tau", colour, marker)
    errors.set_yscale("log")
    errors.set_ylabel("bit error")
    legend(errors, loc="center left")
    for check in pick(checks, quantity="worst-case decodable rows")[:1]:
        errors.annotate(
            f"worst-case decodable\nrows here: {100 * check.measured:.0f} %",
            (check.at["tau"], check.at["error"]),
            (-26, -1),
            textcoords="offset points",
            fontsize=style.points(6.5),
            ha="right",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": style.MUTED},
        )
    relative.axhspan(ratios[0].allowed_lo, ratios[0].allowed_hi, color=style.FORBIDDEN, linewidth=0, zorder=0)
    relative.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
    relative.set_ylabel("error / law")
    relative.set_xlabel("query scaling $\\tau$")
    caption = """
        Above: error of random bits read from exact attention, and its law, the mean of Q(1/sqrt(S(2 tau))) over the
        same rows.
        Below: their ratio and the allowance (grey).
    """
    return fig, caption


if __name__ == "__main__":
    run()
