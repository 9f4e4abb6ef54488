"""Fraction of rows that decode under the worst values, against the query scaling in units of what the row needs."""

from claims import draw, figure, legend, note, pick, run, style, values


def picture(checks):
    shares = pick(checks, quantity="decoded share")
    families = values(shares, "embedding")
    fig, axes = figure("column", 1, len(families), height=2.0, sharey=True)
    for family, ax in zip(families, axes):
        ax.plot([0.75, 1, 1, 1.3], [0, 0, 1, 1], color=style.INK, linewidth=0.8, zorder=1)
        for turn, eta in enumerate(values(shares, "eta")):
            here = pick(shares, embedding=family, eta=eta)
            shift = 0.012 * (turn - 1)
            x = lambda check: check.at["tau_over_required"] + shift  # noqa: E731  (used at once)
            draw(ax, here, x, style.PALETTE[turn], style.MARKERS[turn], f"$\\eta = {eta:g}$")
        star = min(check.measured for check in pick(checks, embedding=family, quantity="least tau* / required tau"))
        failures = pick(checks, embedding=family, quantity="failures above tau*")
        text = f"$\\tau^* \\geq {star:.2f}\\,\\tau_i$:\nno failures"
        if any(check.measured for check in failures):
            text = "failures above $\\tau^*$"
        note(ax, 1.31, 0.5, text, ha="right", va="center")
        ax.set_title(f"{family} keys")
        ax.set_xlabel("$\\tau$ / required $\\tau_i$")
        ax.set_xticks([0.8, 1, 1.2])
    axes[0].set_ylabel("fraction of rows decoded")
    axes[0].set_ylim(-0.05, 1.05)
    legend(axes[0], loc="upper left")
    caption = """
        Fraction of rows that decode when their values are ones among zeros and the complement, against tau over the
        scaling tau_i at which the leak of the row is (1-eta)/(1+eta).
        Black: the predicted step.
    """
    return fig, caption


if __name__ == "__main__":
    run()
