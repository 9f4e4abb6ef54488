"""Squared error against bits an entry of every scheme, with the floor."""

import numpy as np
from claims import figure, legend, load, pick, save, style, values

checks = load(__doc__)
floors = pick(checks, quantity="mse floor / bits")
entries = max(values(floors, "entries"))
here = [check for check in floors if check["at"]["entries"] == entries]

p = np.linspace(1e-6, 0.5, 4001)
fig, ax = figure("page", height=3.4)
rates = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
ax.fill_betweenx(p * (1 - p), 1e-3, rates, color=style.FORBIDDEN, linewidth=0, zorder=0)
ax.plot(rates, p * (1 - p), color=style.INK, linewidth=0.9, label="floor")
grid = np.linspace(0.01, 0.999, 300)
ax.plot(grid, (1 - grid) / 4, color=style.MUTED, linestyle="--", linewidth=0.8, label="$(1 - R)/4$")
for scheme in values(here, "scheme"):
    colour, marker = style.look(scheme)
    own = [check for check in here if check["at"]["scheme"] == scheme]
    ax.plot([check["at"]["rate"] for check in own], [max(check["at"]["mse"], 1e-6) for check in own], color=colour, marker=marker, linestyle="none", markersize=4, label=scheme)
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.set_xlim(0.1, 45)
ax.set_ylim(1e-6, 1)
ax.set_xticks([0.125, 0.5, 2, 8, 32], ["1/8", "1/2", "2", "8", "32"])
ax.set_xlabel("message bits / N d")
ax.set_ylabel("mean squared error of the bits")
legend(ax, loc="upper left", bbox_to_anchor=(1, 1))
save(fig, "mse_floor", f"Mean squared error of the outputs about the bits, against message bits an entry, at N d = {entries:.0f}. Left of the black curve (grey) is impossible; dashed: bits in a public order with 1/2 for the others. "
     "Errors below 1e-6 are drawn there.")
