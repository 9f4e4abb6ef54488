"""Share of the bits that a window of W scales reads."""

from claims import allowance, draw, figure, legend, load, pick, predicted, save, style, values

checks = load(__doc__)
fig, ax = figure("column", height=2.4)
ax.set_ylim(0.3, 1.03)
cells = sorted({(check["at"]["schedule"], check["at"]["n"]) for check in checks})
for turn, (schedule, n) in enumerate(cells):
    own = pick(checks, schedule=schedule, n=n)
    label = {"var256": "VAR-256", "var512": "VAR-512"}.get(schedule, f"doubling, $n = {n}$")
    allowance(ax, own, "window", style.PALETTE[turn])
    predicted(ax, own, "window", style.PALETTE[turn], linewidth=0.8)
    draw(ax, own, "window", style.PALETTE[turn], style.MARKERS[turn], label)
ax.set_xticks(values(checks, "window"))
ax.set_xlabel("window $W$ (cached scales)")
ax.set_ylabel("recovered share of $N d$ bits")
legend(ax, loc="lower right")
save(fig, "scale_window", "Share of all bits that attention over the last W cached scales recovers, 1 - 2 error. Lines: the window's share of the tokens, (1 - 4^-W)/(1 - 4^-(K-1)) for doubling sides; shaded: the allowance.")
