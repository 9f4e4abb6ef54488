"""Worst-case logit errors: decoding steps where S e^{2e} meets the threshold; real rounding stays within u tau."""

from claims import draw, figure, legend, pick, run, style, values

FORMATS = ["fp32", "fp16", "bf16"]


def picture(checks):
    shares = pick(checks, quantity="decoded share, worst-case signs")
    fig, (step, errors) = figure("column", 1, 2, height=2.2, gridspec_kw={"width_ratios": [3, 2]})
    step.plot([0.93, 1, 1, 1.07], [0, 0, 1, 1], color=style.INK, linewidth=0.8, zorder=1)
    for turn, name in enumerate(FORMATS):
        here = pick(shares, format=name, eta=min(values(shares, "eta")))
        x = lambda check: check.at["tau_over_required"] + 0.006 * (turn - 1)  # noqa: E731  (used at once)
        draw(step, here, x, style.PALETTE[turn], style.MARKERS[turn], name)
        step.axvline(1 / here[0].at["shift"], color=style.PALETTE[turn], linewidth=0.7, linestyle=":", zorder=0)
    step.set_xlabel("$\\tau$ / $\\tau$ at $S e^{2 u \\tau} = \\frac{1-\\eta}{1+\\eta}$")
    step.set_ylabel("fraction of rows decoded")
    step.set_ylim(-0.05, 1.05)
    step.set_xticks([0.95, 1, 1.05])
    legend(step, loc="upper left")

    largest = pick(checks, quantity="largest rounding error / (u tau)")
    for turn, eta in enumerate(values(largest, "eta")):
        x = lambda check: FORMATS.index(check.at["format"]) + 0.14 * (2 * turn - 1)  # noqa: E731  (used at once)
        colour = style.MUTED if turn else style.INK
        draw(errors, pick(largest, eta=eta), x, colour, style.MARKERS[turn], f"$\\eta = {eta:g}$")
    errors.axhspan(1, 1.2, color=style.FORBIDDEN, linewidth=0, zorder=0)
    errors.set_ylim(0, 1.2)
    errors.set_xlim(-0.5, 2.5)
    errors.set_xticks(range(3), FORMATS)
    errors.set_ylabel("largest $|e| / (u \\tau)$")
    legend(errors, loc="lower left")
    failures = sum(check.measured for check in pick(checks, quantity="failures below the bound"))
    caption = f"""
        Left: rows that decode when logit errors u tau have the worst signs (eta = 0), against tau over the predicted
        threshold; dotted: where the threshold would be without errors.
        Right: largest error of real rounding of keys or logits; grey: impossible.
        Failures of really rounded rows below the bound: {failures:g}.
    """
    return fig, caption


if __name__ == "__main__":
    run()
