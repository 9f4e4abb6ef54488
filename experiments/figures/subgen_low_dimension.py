"""SubGen's clusters against N for keys of low dimension, between the two cap bounds."""

import numpy as np
from claims import figure, legend, load, pick, save, style, values

checks = load(__doc__)
packing, covering = pick(checks, quantity="m cap(delta/2)"), pick(checks, quantity="m cap(delta) + uncovered share")
fig, ax = figure("column", height=2.6)
sizes = np.array(values(checks, "tokens"), float)
ax.plot(sizes, sizes, color=style.MUTED, linewidth=0.8, linestyle=":", zorder=1)
ax.text(sizes[1], 1.3 * sizes[1], "$m = N$", fontsize=style.points(6.5), ha="right")
for turn, dimension in enumerate(values(packing, "dimension")):
    here = sorted(pick(packing, dimension=dimension), key=lambda check: check["at"]["tokens"])
    colour, last = style.PALETTE[turn], here[-1]
    xs, ys = [c["at"]["tokens"] for c in here], [c["at"]["clusters"] for c in here]
    # measured = m cap(delta/2), so the cap is their ratio.
    most = last["at"]["clusters"] / last["measured"]
    ax.plot(sizes, np.minimum(sizes, most), color=colour, linewidth=0.8, linestyle="--", zorder=1)
    ax.plot(xs, ys, color=colour, marker=style.MARKERS[turn], markersize=4, linewidth=1, label=f"$D = {dimension}$, $\\delta = {last['at']['delta']:g}$", zorder=2)
high = sorted(pick(checks, quantity="m / N", dimension=128), key=lambda check: check["at"]["tokens"])
if high:
    ax.plot([c["at"]["tokens"] for c in high], [c["at"]["clusters"] for c in high], color=style.PALETTE[4], marker=style.MARKERS[4], markersize=4, linewidth=1, label=f"$D = 128$, $\\delta = {high[0]['at']['delta']:g}$")
ax.set_xscale("log", base=2)
ax.set_yscale("log", base=2)
ax.set_xlabel("tokens $N$")
ax.set_ylabel("clusters $m$ in the message")
legend(ax, loc="upper left")
save(fig, "subgen_low_dimension", "Clusters in SubGen's message for keys uniform on the unit sphere of a D-dimensional subspace, against the number of tokens. Dashed: min(N, 1/cap(delta/2)), the packing bound; the covering "
     "bound 1/cap(delta) is a factor of about 2^(D-1) below it.")
