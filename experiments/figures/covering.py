"""Clusters of a greedy pass between the two cap bounds."""

import numpy as np
from claims import figure, legend, load, pick, save, style, values

checks = load(__doc__)
lower, upper = pick(checks, quantity="m cap(delta) / covered share"), pick(checks, quantity="m cap(delta/2)")
fig, ax = figure("column", height=2.5)
for turn, d in enumerate(values(lower, "d")):
    colour = style.PALETTE[turn]
    for a, b in zip(sorted(pick(lower, d=d), key=lambda c: c["at"]["delta"]), sorted(pick(upper, d=d), key=lambda c: c["at"]["delta"])):
        # m cap(delta) on the x axis, m cap(delta/2) on the y axis.
        ax.errorbar([a["measured"]], [b["measured"]], xerr=[[a["measured"] - a["lo"]], [a["hi"] - a["measured"]]], yerr=[[b["measured"] - b["lo"]], [b["hi"] - b["measured"]]], color=colour,
                    marker=style.MARKERS[turn], markersize=4, elinewidth=0.8, capsize=1.5, linestyle="none", label=f"$d = {d}$" if a is sorted(pick(lower, d=d), key=lambda c: c["at"]["delta"])[0] else None)
parking = pick(checks, quantity="parking share")
if parking:
    ax.axhline(parking[0]["predicted"], color=style.MUTED, linewidth=0.8, linestyle=":")
    ax.text(8.8, parking[0]["predicted"] + 0.012, "Rényi's parking constant ($d = 2$)", fontsize=style.points(6.5), ha="right")
right = 9
ax.axvspan(0, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
ax.axhspan(1, 1.2, color=style.FORBIDDEN, linewidth=0, zorder=0)
ax.text(0.5, 0.5, "cannot cover", rotation=90, fontsize=style.points(6.5), ha="center", va="center")
ax.text(4.5, 1.05, "cannot pack", fontsize=style.points(6.5), ha="center", va="center")
ax.set_xlim(0, right)
ax.set_ylim(0, 1.1)
ax.set_xlabel("$m \\; \\mathrm{cap}(\\delta)$ / covered share")
ax.set_ylabel("$m \\; \\mathrm{cap}(\\delta/2)$")
legend(ax, loc="lower right", ncols=2)
whole = pick(checks, quantity="clusters / N")
ending = f" On the hard instance (d = {whole[0]['at']['d']}, delta = {whole[0]['at']['delta']:g}) the pass opens {whole[0]['measured']:.4f} N clusters." if whole else ""
save(fig, "covering", "Number m of clusters that a greedy pass of radius delta opens on uniform unit keys, in units of the two caps. Grey: what volume forbids." + ending)
