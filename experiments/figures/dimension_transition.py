"""Share of decodable rows against d / ln N at tau = c ln N: steeper with N, crossing at the sharp threshold."""

from claims import draw, figure, legend, load, pick, predicted, save, style, values

checks = load(__doc__)
shares = pick(checks, quantity="decodable share")
families = values(shares, "embedding")
fig, axes = figure("column", len(families), 1, height=4.0, sharey=True)
for family, ax in zip(families, axes):
    crossing = pick(checks, embedding=family, quantity="crossing")
    if crossing:
        ax.axvspan(crossing[0]["allowed_lo"], crossing[0]["allowed_hi"], color=style.FORBIDDEN, linewidth=0, zorder=0)
        ax.axvline(crossing[0]["predicted"], color=style.INK, linewidth=0.8, zorder=1)
        ax.errorbar([crossing[0]["measured"]], [0.03], xerr=[[crossing[0]["measured"] - crossing[0]["lo"]], [crossing[0]["hi"] - crossing[0]["measured"]]], color=style.INK, marker="x", markersize=4,
                    capsize=1.5, elinewidth=0.8)
        ax.text(crossing[0]["predicted"] - 0.01, 0.93, f"$x_c = {crossing[0]['predicted']:.3f}$ ", fontsize=style.points(6.5), ha="right")
    for turn, tokens in enumerate(values(shares, "tokens")):
        here = pick(shares, embedding=family, tokens=tokens)
        predicted(ax, here, "d_over_ln_n", style.PALETTE[turn])
        draw(ax, here, "d_over_ln_n", style.PALETTE[turn], style.MARKERS[turn], f"$N = {tokens}$")
    ax.set_title(f"{family} keys, $\\tau = {shares[0]['at']['c']:g} \\ln N$")
    ax.set_ylabel("share of rows decodable")
    ax.set_ylim(0, 1)
axes[-1].set_xlabel("$d / \\ln N$")
legend(axes[0], loc="lower right")
save(fig, "dimension_transition", "Share of rows with leak S < 1 against d/ln N. Lines: P(S < 1) of a sum of N-1 independent terms. Vertical: the sharp threshold x_c and the allowance for the crossing of "
     "N = 4096 and 16384, which the cross below marks with its interval.")
