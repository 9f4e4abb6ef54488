"""Bit error of random values against the query scaling, with the law Q(1/sqrt(S(2 tau)))."""

import math
import numpy as np
from claims import draw, figure, legend, load, pick, save, style, values



def law(family, tokens, d, taus):
    """Q(1/sqrt(E S(2 tau))) over the range of `taus`."""
    tau = np.linspace(min(taus) - 0.1, max(taus) + 0.1, 100)
    if family == "rademacher":
        mean = (tokens - 1) * ((1 + np.exp(-4 * tau / d)) / 2) ** d
    else:
        angle = np.pi * (np.arange(2000) + 0.5) / 2000
        density = np.sin(angle) ** (d - 2)
        mean = (tokens - 1) * (density * np.exp(2 * tau[:, None] * (np.cos(angle) - 1))).sum(axis=1) / density.sum()
    return tau, np.array([math.erfc(1 / math.sqrt(2 * value)) / 2 for value in mean])


checks = load(__doc__)
ratios = pick(checks, quantity="error / law")
fig, (errors, relative) = figure("column", 2, 1, height=3.2, sharex=True, gridspec_kw={"height_ratios": [2, 1]})
for turn, family in enumerate(values(ratios, "embedding")):
    here = sorted(pick(ratios, embedding=family), key=lambda check: check["at"]["tau"])
    tau = np.array([check["at"]["tau"] for check in here])
    errors.plot(*law(family, here[0]["at"]["tokens"], here[0]["at"]["d"], tau), color=style.PALETTE[turn], label=f"law, {family} keys")
    errors.plot(tau, [check["at"]["error"] for check in here], color=style.PALETTE[turn], marker=style.MARKERS[turn], linestyle="none", label="measured")
    draw(relative, here, "tau", style.PALETTE[turn], style.MARKERS[turn])
errors.set_yscale("log")
errors.set_ylabel("bit error")
legend(errors, loc="center left")
rows = pick(checks, quantity="worst-case decodable rows")
if rows:
    errors.annotate(f"worst-case decodable\nrows here: {100 * rows[0]['measured']:.0f} %", (rows[0]["at"]["tau"], rows[0]["at"]["error"]), (-26, -1), textcoords="offset points", fontsize=style.points(6.5),
                    ha="right", arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": style.MUTED})
relative.axhspan(ratios[0]["allowed_lo"], ratios[0]["allowed_hi"], color=style.FORBIDDEN, linewidth=0, zorder=0)
relative.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
relative.set_ylabel("error / law")
relative.set_xlabel("query scaling $\\tau$")
save(fig, "random_bit_error", "Above: error of random bits read off exact attention, and its law mean Q(1/sqrt(S(2 tau))) over the same rows. Below: their ratio and the allowance (grey). Worst-case "
     "values need about twice this scaling.")
