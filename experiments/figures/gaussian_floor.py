"""Squared error of Gaussian values against bits an entry, with the Shannon floor."""

import numpy as np
from claims import figure, legend, load, pick, save, style, values

checks = pick(load(__doc__), quantity="worth / bits")
fig, ax = figure("column", height=2.7)
rates = np.linspace(0.3, 36, 500)
ax.fill_between(rates, 1e-14, 4.0**-rates, color=style.FORBIDDEN, linewidth=0, zorder=0)
ax.plot(rates, 4.0**-rates, color=style.INK, linewidth=0.9, label="floor $4^{-b}$")
ax.plot(rates, np.sqrt(3) * np.pi / 2 * 4.0**-rates, color=style.MUTED, linewidth=0.8, linestyle="--", label="$2.72 \\cdot 4^{-b}$")
for code in values(checks, "code"):
    colour, marker = ("#000000", "X") if code == "lloyd_max" else style.look(code)
    own = [check for check in checks if check["at"]["code"] == code]
    ax.plot([check["at"]["rate"] for check in own], [check["at"]["mse"] for check in own], color=colour, marker=marker, markersize=4, linestyle="none", label=code)
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.set_xlim(0.4, 40)
ax.set_ylim(1e-8, 10)
ax.set_xticks([0.5, 1, 2, 4, 8, 16, 32], ["1/2", "1", "2", "4", "8", "16", "32"])
ax.set_xlabel("message bits / N d")
ax.set_ylabel("mean squared error")
legend(ax, loc="lower left")
save(fig, "gaussian_floor", "Mean squared error of answers about N(0, 1) values, against message bits an entry; grey is impossible. Crosses: Lloyd-Max scalar quantisers at 1 to 4 bits. The full cache stops at the leak of its scaling.")
