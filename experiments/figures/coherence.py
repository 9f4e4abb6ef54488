"""Coherence of every embedding over the Welch bound and its law."""

import numpy as np
from claims import draw, figure, legend, load, pick, save, style, values

checks = load(__doc__)
random = [check for check in checks if check["at"]["quantity"] == "draws over the union bound"]
exact = pick(checks, quantity="exact mu+")
welch = pick(checks, quantity="mu above Welch")
fig, (left, right) = figure("page", 1, 2, height=2.9)

tokens = random[0]["at"]["tokens"]
line = np.geomspace(min(values(random, "d")) * 0.8, max(values(random, "d")) * 1.25, 50)
left.plot(line, np.sqrt(4 * np.log(tokens) / line), color=style.INK, linewidth=0.8, label="$\\sqrt{4 \\ln N/d}$")
left.plot(line, np.sqrt(2 * np.log(tokens) / line), color=style.INK, linewidth=0.8, linestyle="--", label="$\\sqrt{2 \\ln N/d}$ (one row)")
families = values(random, "embedding")
for turn, family in enumerate(families):
    here = pick(random, embedding=family)
    shift = 1.03 ** (turn - (len(families) - 1) / 2)
    left.plot([check["at"]["d"] * shift for check in here], [check["at"]["mean mu"] for check in here], linestyle="none", color=style.PALETTE[turn], marker=style.MARKERS[turn], label=family)
bounds = pick(welch, embedding="sphere")
left.plot([check["at"]["d"] for check in bounds], [check["predicted"] for check in bounds], color=style.MUTED, linestyle=":", label="Welch bound")
left.set_xscale("log", base=2)
left.set_xticks(values(random, "d"), values(random, "d"))
left.set_xlabel("dimension $d$")
left.set_ylabel("mean coherence")
left.set_ylim(0, None)
left.set_title(f"random families, $N = {tokens}$")
legend(left, loc="upper right", ncols=2, columnspacing=1.0)

laws = [check for check in checks if check["at"]["quantity"] in ("share of pairs beyond t", "row maxima below their median", "draws over the union bound")]
for check in laws:
    for name in ("measured", "lo", "hi", "allowed_lo", "allowed_hi"):
        check[name] /= check["predicted"]
marks = {"share of pairs beyond t": ("o", "pairs beyond $t$ / exact tail"), "row maxima below their median": ("D", "row maxima / their median"),
         "draws over the union bound": ("v", "draws over the union bound / $\\beta$")}
for turn, (quantity, (marker, label)) in enumerate(marks.items()):
    here = [check for check in laws if check["at"]["quantity"] == quantity]
    draw(right, here, lambda check: families.index(check["at"]["embedding"]) + 0.1 * (turn - 1) + (0.3 if check["at"]["d"] > min(values(random, "d")) else -0.05), style.PALETTE[turn], marker, label)
right.axhspan(0.94, 1.06, color=style.FORBIDDEN, linewidth=0, zorder=0)
right.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
right.set_xticks(np.arange(len(families)) + 0.12, families, rotation=20)
right.set_ylabel("measured / law")
right.set_ylim(-0.05, 1.55)
legend(right, loc="upper left")
names = ", ".join(f"{check['at']['embedding']} (N = {check['at']['tokens']}, d = {check['at']['d']}) {check['measured']:.4f} of {check['predicted']:.4f}" for check in exact)
save(fig, "coherence", "Left: mean coherence of random keys (two-sided; 1 - gap for the families whose norms fluctuate) with the usual guides and the largest of the first four Welch bounds. Right: "
     f"measured over exact law, at the smallest d (left of each name) and larger ones; grey: the allowance for tails; the union bound is one-sided. Deterministic families, mu+ against its exact value: {names}.")
