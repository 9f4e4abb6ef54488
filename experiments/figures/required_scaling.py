"""Scaling that the median and the worst row need, between the necessary and the sufficient one."""

from claims import at, draw, figure, legend, pick, run, style, values
from matplotlib.lines import Line2D  # after claims, which chooses the backend


def picture(checks):
    median = pick(checks, quantity="median need")
    bounds = pick(checks, quantity="largest worst need / tau*")
    families, dimensions = values(median, "embedding"), values(median, "d")
    fig, axes = figure("column", 1, len(families), height=2.4, sharey=True)
    for family, ax in zip(families, axes):
        for turn, eta in enumerate(values(median, "eta")):
            colour = style.PALETTE[turn]
            here = sorted(pick(median, embedding=family, eta=eta), key=lambda check: check.at["d"])
            outer = sorted(pick(bounds, embedding=family, eta=eta), key=lambda check: check.at["d"])
            ax.plot(at(here, "d"), [check.predicted for check in here], color=colour, label=f"$\\eta = {eta:g}$")
            draw(ax, here, "d", colour, "o")
            ax.plot(at(outer, "d"), at(outer, "worst"), "^", color=colour, fillstyle="none")
            ax.plot(at(outer, "d"), at(outer, "star"), "--", color=colour)
        ax.set_xscale("log", base=2)
        ax.set_xticks(dimensions, dimensions)
        ax.set_xlabel("dimension $d$")
        ax.set_title(f"{family} keys")
    axes[0].set_ylabel("query scaling $\\tau$")
    axes[0].set_ylim(bottom=0, top=max(at(bounds, "star")) * 1.35)
    legend(axes[0], loc="upper right")
    kinds = [
        Line2D([], [], color=style.INK, label="$\\tau_{\\mathrm{typ}}$"),
        Line2D([], [], color=style.INK, linestyle="--", label="$\\tau^*$"),
        Line2D([], [], color=style.INK, linestyle="none", marker="o", markersize=3.5, label="median row"),
        Line2D([], [], color=style.INK, linestyle="none", marker="^", fillstyle="none", label="worst row"),
    ]
    legend(axes[1], handles=kinds, loc="upper right")
    tokens = median[0].at["tokens"]
    caption = f"""
        Query scaling that {tokens} random keys need.
        Lines: tau_typ, at which the mean leak meets (1-eta)/(1+eta).
        Circles: the median row; triangles: the worst row, mean over trials.
        Dashed: the sufficient tau* of the measured coherence.
    """
    return fig, caption


if __name__ == "__main__":
    run()
