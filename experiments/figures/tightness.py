"""Message bits over the floor of the polar code with lists, at its two errors."""

import numpy as np
import style
from claims import draw, figure, load, save

checks = load(__doc__)
fig, axes = figure("column", height=2.0)
axes.axhspan(0.9, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
for check in checks:
    error = check["at"]["error"]
    axes.plot([error - 0.02, error + 0.02], [check["allowed_hi"]] * 2, color=style.MUTED, linewidth=1.0)
    axes.annotate(f"bound {check['allowed_hi']:.2f}", (error, check["allowed_hi"]), (0, 3), textcoords="offset points", fontsize=style.points(6.5), color=style.MUTED, ha="center")
draw(axes, checks, "error", *style.look("rate_distortion"))
axes.set_xlim(0, 0.5)
axes.set_xticks(np.linspace(0, 0.5, 6))
axes.set_ylim(0.98, 1.13)
axes.set_xlabel("bit error")
axes.set_ylabel("message bits / floor")
save(fig, "tightness", f"Message bits of rate_distortion with lists of 8 over the finite-size floor of its measured error, at m = {checks[0]['at']['entries']:.0f} bits. Grey: impossible.")
