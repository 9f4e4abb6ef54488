"""Error of top-k attention against the share of bits sent."""

import numpy as np
from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
fig, ax = figure("column", height=2.5)
share = np.linspace(0, 1, 100)
p = np.linspace(1e-6, 0.5, 4001)
rates = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
ax.fill_betweenx(p, 0, rates, color=style.FORBIDDEN, linewidth=0, zorder=0)
ax.plot(rates, p, color=style.INK, linewidth=0.9)
ax.plot(share, (1 - share) / 2, color=style.MUTED, linewidth=0.8, linestyle="--")
ax.annotate("floor", (0.2, 0.18), fontsize=style.points(6.5))
ax.annotate("$(1 - f)/2$", (0.62, 0.22), fontsize=style.points(6.5), color=style.MUTED)
kept = sorted(values(checks, "k"), key=lambda k: k or 1e9)
for turn, k in enumerate(kept):
    shift = 0.015 * (turn - (len(kept) - 1) / 2)
    draw(ax, pick(checks, k=k, quantity="error"), lambda check: check["at"]["share"] + shift, style.PALETTE[turn], style.MARKERS[turn], f"$k = {k}$" if k else "all")
ax.set_xlim(0, 1)
ax.set_ylim(0, 0.5)
ax.set_xlabel("share $f$ of the $N d$ bits sent")
ax.set_ylabel("bit error")
legend(ax, loc="upper right", title="weights kept", title_fontsize=style.points(6.5))
least = min(check["measured"] for check in pick(checks, quantity="largest weight"))
save(fig, "unstructured_sparsity", f"Bit error of attention limited to the k largest weights of each query, against the share of the bits sent (points are set apart sideways). The smallest of the largest weights is {least:.3f} on average: "
     "the rows are near 1-sparse already.")
