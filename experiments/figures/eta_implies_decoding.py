"""Which schemes answer within eta of the exact outputs at which rate, and how many such answers have a wrong bit."""

from claims import at, figure, legend, pick, run, style, values

# How much of what was asked is within eta, the marker's filling and its name.
FILLINGS = [
    (lambda share: share == 0, "none", "no row"),
    (lambda share: 0 < share < 1, "bottom", "some rows"),
    (lambda share: share == 1, "full", "all rows"),
]


def picture(checks):
    counts = pick(checks, quantity="counterexamples")
    schemes = values(counts, "scheme")
    fig, ax = figure("column", height=0.9 + 0.13 * len(schemes))
    for belongs, filling, label in FILLINGS:
        own = [check for check in counts if belongs(check.at["share_within_eta"])]
        places = [schemes.index(check.at["scheme"]) for check in own]
        look = {"fillstyle": filling, "markerfacecoloralt": "white", "markeredgewidth": 0.8, "markersize": 4}
        ax.plot(at(own, "rate"), places, "o", color=style.PALETTE[0], label=label, clip_on=False, **look)
    ax.set_xscale("log", base=2)
    ax.set_xlim(0.15, 40)
    ax.set_xticks([0.25, 1, 4, 16], ["1/4", "1", "4", "16"])
    ax.set_xlabel("message bits / N d")
    ax.set_yticks(range(len(schemes)), schemes, fontsize=style.points(6.5))
    ax.set_ylim(len(schemes) - 0.4, -0.6)
    ax.grid(axis="y", color=style.FORBIDDEN, linewidth=0.5)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    wrong = sum(check.measured for check in counts)
    (total,) = at(pick(checks, quantity="wrong share of all rows within eta"), "rows")
    legend(ax, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, columnspacing=1.0, handletextpad=0.1)
    caption = f"""
        Which queried rows have all entries within (1 +- eta) of the exact outputs, eta = 1/2, at the certified scaling,
        by scheme and message bits per entry: none (open), some (half filled) or all (filled).
        Of the {total:.0f} rows within eta, {wrong:.0f} have a wrong bit at threshold (1 - eta^2)/2.
    """
    return fig, caption


if __name__ == "__main__":
    run()
