"""Fraction of decodable rows against d / ln N at tau = c ln N: steeper with N, crossing at the sharp threshold."""

from claims import bars, draw, figure, legend, note, pick, predicted, run, style, values


def picture(checks):
    shares = pick(checks, quantity="decodable share")
    families = values(shares, "embedding")
    fig, axes = figure("column", len(families), 1, height=4.0, sharey=True)
    for family, ax in zip(families, axes):
        for crossing in pick(checks, embedding=family, quantity="crossing"):
            ax.axvspan(crossing.allowed_lo, crossing.allowed_hi, color=style.FORBIDDEN, linewidth=0, zorder=0)
            ax.axvline(crossing.predicted, color=style.INK, linewidth=0.8, zorder=1)
            cross = {"color": style.INK, "marker": "x", "markersize": 4, "capsize": 1.5, "elinewidth": 0.8}
            ax.errorbar([crossing.measured], [0.03], xerr=bars([crossing]), **cross)
            note(ax, crossing.predicted - 0.01, 0.93, f"$x_c = {crossing.predicted:.3f}$ ", ha="right")
        for turn, tokens in enumerate(values(shares, "tokens")):
            here = pick(shares, embedding=family, tokens=tokens)
            predicted(ax, here, "d_over_ln_n", style.PALETTE[turn])
            draw(ax, here, "d_over_ln_n", style.PALETTE[turn], style.MARKERS[turn], f"$N = {tokens}$")
        ax.set_title(f"{family} keys, $\\tau = {shares[0].at['c']:g} \\ln N$")
        ax.set_ylabel("fraction of rows decodable")
        ax.set_ylim(-0.04, 1.04)
    axes[-1].set_xlabel("$d / \\ln N$")
    legend(axes[0], loc="lower right")
    crossings = {(check.at["other_tokens"], check.at["tokens"]) for check in pick(checks, quantity="crossing")}
    sizes = "; ".join(f"{smaller} and {larger}" for smaller, larger in sorted(crossings))
    caption = f"""
        Fraction of rows with leak S < 1 against d/ln N.
        Lines: P(S < 1) of a sum of N-1 independent terms.
        Vertical: the sharp threshold x_c and the allowance for the crossing of N = {sizes}, which the cross at
        the bottom marks with its interval.
    """
    return fig, caption


if __name__ == "__main__":
    run()
