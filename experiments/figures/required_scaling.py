"""Scaling that the median and the worst row need, between the necessary and the sufficient one."""

import sys

from claims import draw, figure, legend, load, pick, save, style, values

checks = load(sys.argv)
median = pick(checks, quantity="median need")
bounds = pick(checks, quantity="largest worst need / tau*")
families = values(median, "embedding")
fig, axes = figure("column", 1, len(families), height=2.4, sharey=True)
for family, ax in zip(families, axes):
    for turn, eta in enumerate(values(median, "eta")):
        colour = style.PALETTE[turn]
        here = sorted(pick(median, embedding=family, eta=eta), key=lambda check: check["at"]["d"])
        outer = sorted(pick(bounds, embedding=family, eta=eta), key=lambda check: check["at"]["d"])
        d = [check["at"]["d"] for check in here]
        ax.plot(d, [check["predicted"] for check in here], color=colour, label=f"$\\tau_{{\\mathrm{{typ}}}}$, $\\eta = {eta:g}$")
        draw(ax, here, "d", colour, "o", "median row")
        ax.plot(d, [check["at"]["worst"] for check in outer], color=colour, marker="^", linestyle="none", fillstyle="none", label="worst row")
        ax.plot(d, [check["at"]["star"] for check in outer], color=colour, linestyle="--", label="$\\tau^*$")
    ax.set_xscale("log", base=2)
    ax.set_xticks([64, 128, 256] if max(d) > 128 else [64, 128], [64, 128, 256] if max(d) > 128 else [64, 128])
    ax.set_xlabel("dimension $d$")
    ax.set_title(f"{family} keys")
axes[0].set_ylabel("query scaling $\\tau$")
axes[0].set_ylim(bottom=0, top=max(check["at"]["star"] for check in bounds) * 1.35)
legend(axes[1], loc="upper right", ncols=2, columnspacing=0.8)
tokens = median[0]["at"]["tokens"]
save(fig, "required_scaling", f"Query scaling that {tokens} random keys need. Lines: tau_typ, at which the mean leak meets (1-eta)/(1+eta). Circles: the median row; triangles: the worst row, "
     "mean over trials. Dashed: the sufficient tau* of the measured coherence.")
