"""SubGen's numerator against its exact variance, and the number of its clusters."""

from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
fig, (left, right) = figure("page", 1, 2, height=2.3)
variance, slopes = pick(checks, quantity="s variance / (kappa - 1)"), pick(checks, quantity="slope of the error in s")
left.axhspan(0.95, 1.05, color=style.FORBIDDEN, linewidth=0, zorder=0)
left.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
for turn, tau in enumerate(values(variance, "tau")):
    factor = 1.06 ** (2 * turn - 1)
    slope = pick(slopes, tau=tau)[0]["measured"]
    draw(left, pick(variance, tau=tau), lambda check: check["at"]["samples"] * factor, style.PALETTE[turn], style.MARKERS[turn], f"$\\tau = {tau:g}$, slope {slope:.3f}")
left.set_xscale("log", base=2)
left.set_xlabel("sampled values $s$")
left.set_ylabel("$s$ × variance / $(\\kappa - 1)$")
left.set_ylim(0.93, 1.09)
legend(left, loc="upper left")

hard, clustered = pick(checks, quantity="clusters / N"), pick(checks, quantity="clusters / c")
for turn, (here, label) in enumerate(((hard, "hard instance"), (clustered, "clustered keys"))):
    here = sorted(here, key=lambda check: check["at"]["tokens"])
    right.plot([c["at"]["tokens"] for c in here], [c["at"]["clusters"] for c in here], color=style.PALETTE[turn + 2], marker=style.MARKERS[turn + 2], markersize=4, linewidth=1, label=label)
right.set_xscale("log", base=2)
right.set_yscale("log", base=2)
right.set_xlabel("tokens $N$")
right.set_ylabel("clusters")
legend(right, loc="upper left")
save(fig, "subgen_variance", "Left: squared error of SubGen's answer, relative to the exact one and to its law (kappa - 1)/s; grey: the allowance of 5 %. Right: clusters that it opens on uniform unit keys of width 64, "
     "below their least distance, and on 16 clusters.")
