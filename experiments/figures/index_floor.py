"""Error against bits an entry of every scheme, with the floor."""

import numpy as np
from claims import figure, legend, load, save, style, values

checks = load(__doc__)
entries = max(values(checks, "entries"))
here = [check for check in checks if check["at"]["entries"] == entries]


def inverse_entropy(rates):
    """The error p in [0, 1/2] with 1 - H2(p) = rate."""
    p = np.linspace(1e-6, 0.5, 20001)
    capacity = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
    return np.interp(rates, capacity[::-1], p[::-1])


fig, (left, right) = figure("page", 1, 2, height=3.4)
rates = np.linspace(0, 1, 400)
floor = inverse_entropy(rates)
left.fill_between(rates, 0, floor, color=style.FORBIDDEN, linewidth=0, zorder=0)
left.plot(rates, floor, color=style.INK, linewidth=0.9)
left.plot(rates, (1 - rates) / 2, color=style.MUTED, linewidth=0.8, linestyle="--")
left.annotate("floor $H_2^{-1}(1 - R)$", (0.04, 0.02), fontsize=style.points(6.5))
left.annotate("$(1 - R)/2$", (0.53, 0.25), fontsize=style.points(6.5), color=style.MUTED)
for scheme in values(here, "scheme"):
    colour, marker = style.look(scheme)
    own = sorted((check for check in here if check["at"]["scheme"] == scheme), key=lambda check: check["at"]["rate"])
    left.plot([check["at"]["rate"] for check in own], [check["at"]["error"] for check in own], color=colour, marker=marker, linestyle="none", markersize=4, label=scheme, clip_on=False)
left.set_xscale("symlog", linthresh=1, linscale=1.2)
left.set_xlim(0, 40)
left.set_xticks([0, 0.5, 1, 4, 16, 32], ["0", "0.5", "1", "4", "16", "32"])
left.minorticks_off()
left.set_ylim(0, 0.52)
left.set_xlabel("message bits / N d")
left.set_ylabel("bit error")
right.axhspan(1, 1.25, color=style.FORBIDDEN, linewidth=0, zorder=0)
for index, check in enumerate(sorted(checks, key=lambda check: -check["measured"])):
    colour, marker = style.look(check["at"]["scheme"])
    low, high = check["measured"] - max(0, check["lo"]), check["hi"] - check["measured"]
    right.errorbar([index], [check["measured"]], yerr=[[low], [high]], color=colour, marker=marker, markersize=3.5, elinewidth=0.8)
right.set_ylim(0, 1.12)
right.set_xlabel("points, by their distance to the floor")
right.set_ylabel("floor / message bits")
right.set_xticks([])
legend(right, handles=left.get_legend_handles_labels()[0], labels=left.get_legend_handles_labels()[1], loc="upper left", bbox_to_anchor=(1, 1))
save(fig, "index_floor", f"Left: bit error against message bits an entry of every scheme on INDEX at N d = {entries:.0f}, with the floor (grey: impossible) and the line of keeping whole rows. "
     "Right: the floor of each point's error over the bits it used, all sizes; above 1 is impossible.")
