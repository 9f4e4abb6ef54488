"""Success against the share of cells that are read."""

from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
fig, axes = figure()
axes.fill_between([0, 1], [0.5, 1], [1.04, 1.04], color=style.FORBIDDEN, linewidth=0, zorder=0)
axes.plot([0, 1], [0.5, 1], color=style.INK, linewidth=0.9, label="$1/2 + s/(2Nd)$", zorder=2)
for turn, strategy in enumerate(values(checks, "strategy")):
    # They coincide, so later ones are smaller.
    draw(axes, pick(checks, strategy=strategy), "share", style.PALETTE[turn], style.MARKERS[turn], f"{strategy} read", markersize=8 - 2.6 * turn,
         markerfacecolor="white" if turn < 2 else style.PALETTE[turn])
axes.plot([0, 1 / 3, 1 / 3], [2 / 3, 2 / 3, 0.46], color=style.MUTED, linewidth=0.7, linestyle=":", zorder=1)
axes.text(0.35, 0.475, "success 2/3 from a third of the cells", fontsize=style.points(6.5), color=style.MUTED)
axes.set_xlim(-0.04, 1.04)
axes.set_ylim(0.46, 1.04)
axes.set_xlabel("share of cells read, $s/(Nd)$")
axes.set_ylabel("probability of the right bit")
legend(axes, loc="upper left")
at = checks[0]["at"]
save(fig, "nonadaptive_probes", f"Probability of naming one random bit of V (N = {at['tokens']}, d = {at['d']}) from s cells that are fixed before the query, for three ways to choose the cells. "
     "Line: 1/2 + s/(2 N d). Grey: only probes that know the query could be there.")
