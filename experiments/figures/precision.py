"""Worst-case logit errors: decoding steps where S e^{2e} meets the threshold; real rounding stays within u tau."""

from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
shares = pick(checks, quantity="decoded share, worst-case signs")
fig, (step, errors) = figure("column", 1, 2, height=2.2, gridspec_kw={"width_ratios": [3, 2]})
step.plot([0.93, 1, 1, 1.07], [0, 0, 1, 1], color=style.INK, linewidth=0.8, zorder=1)
formats = ["fp32", "fp16", "bf16"]
for turn, name in enumerate(formats):
    here = pick(shares, format=name, eta=min(values(shares, "eta")))
    shift = here[0]["at"]["shift"]
    draw(step, here, lambda check: check["at"]["tau_over_required"] + 0.006 * (turn - 1), style.PALETTE[turn], style.MARKERS[turn], name)
    step.axvline(1 / shift, color=style.PALETTE[turn], linewidth=0.7, linestyle=":", zorder=0)
step.set_xlabel("$\\tau$ / $\\tau$ at $S e^{2 u \\tau} = \\frac{1-\\eta}{1+\\eta}$")
step.set_ylabel("share of rows decoded")
step.set_ylim(-0.05, 1.05)
step.set_xticks([0.95, 1, 1.05])
legend(step, loc="upper left")
largest = pick(checks, quantity="largest rounding error / (u tau)")
for turn, eta in enumerate(values(largest, "eta")):
    here = pick(largest, eta=eta)
    draw(errors, here, lambda check: formats.index(check["at"]["format"]) + 0.14 * (2 * turn - 1), style.MUTED if turn else style.INK, style.MARKERS[turn], f"$\\eta = {eta:g}$")
errors.axhspan(1, 1.2, color=style.FORBIDDEN, linewidth=0, zorder=0)
errors.set_ylim(0, 1.2)
errors.set_xlim(-0.5, 2.5)
errors.set_xticks(range(3), formats)
errors.set_ylabel("largest $|e| / (u \\tau)$")
legend(errors, loc="lower left")
failures = sum(check["measured"] for check in pick(checks, quantity="failures below the bound"))
save(fig, "precision", "Left: rows that decode when logit errors u tau have the worst signs (eta = 0), against tau over the predicted threshold; dotted: where the threshold would be without errors. Right: largest "
     f"error of real rounding of keys or logits; grey: impossible. Failures of really rounded rows below the bound: {failures:g}.")
