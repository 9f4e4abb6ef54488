"""Bits an entry of storing tokens instead of rows, against d."""

import numpy as np
from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
fig, ax = figure("column", height=2.4)
d = np.geomspace(24, 320, 50)
for turn, bits in enumerate(values(checks, "codebook_bits")):
    ax.plot(d, bits / d, color=style.PALETTE[turn], linewidth=0.8)
    draw(ax, pick(checks, codebook_bits=bits, quantity="message bits / N d"), "d", style.PALETTE[turn], style.MARKERS[turn], f"tokens of {bits} bits")
ax.axhline(1, color=style.INK, linewidth=0.9)
ax.annotate("arbitrary values: at least 1", (26, 1.1), fontsize=style.points(6.5))
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.set_ylim(0.008, 2)
ticks = values(checks, "d")
ax.set_xticks(ticks, [str(x) for x in ticks])
ax.set_xlabel("width $d$")
ax.set_ylabel("message bits / N d, at no error")
legend(ax, loc="lower left")
wrong = max(check["hi"] for check in pick(checks, quantity="wrong bits"))
save(fig, "recomputation_loophole", f"Message bits an entry when the cache is recomputed from discrete tokens, with c/d as lines; wrong bits at most {wrong:.4f} everywhere. The INDEX bound of 1 holds for arbitrary rows only.")
