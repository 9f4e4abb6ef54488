"""Coherence of every embedding against the Welch bound and its law."""

import numpy as np
from claims import at, draw, figure, legend, pick, run, style, values

# The laws of random families: quantity, marker and name.
LAWS = [
    ("share of pairs beyond t", "o", "pairs beyond $t$ / exact tail"),
    ("row maxima below their median", "D", "row maxima / their median"),
    ("draws over the union bound", "v", "draws over the union bound / $\\beta$"),
]


def picture(checks):
    random = pick(checks, quantity="draws over the union bound")
    fig, (left, right) = figure("page", 1, 2, height=2.9)
    tokens, dimensions, families = random[0].at["tokens"], values(random, "d"), values(random, "embedding")

    line = np.geomspace(min(dimensions) * 0.8, max(dimensions) * 1.25, 50)
    guide = {"color": style.INK, "linewidth": 0.8}
    left.plot(line, np.sqrt(4 * np.log(tokens) / line), label="$\\sqrt{4 \\ln N/d}$", **guide)
    left.plot(line, np.sqrt(2 * np.log(tokens) / line), "--", label="$\\sqrt{2 \\ln N/d}$ (one row)", **guide)
    for turn, family in enumerate(families):
        here = pick(random, embedding=family)
        shift = 1.03 ** (turn - (len(families) - 1) / 2)
        mark = {"color": style.PALETTE[turn], "marker": style.MARKERS[turn], "linestyle": "none"}
        left.plot([d * shift for d in at(here, "d")], at(here, "mean mu"), label=family, **mark)
    bounds = pick(checks, quantity="mu above Welch", embedding="sphere")
    left.plot(at(bounds, "d"), [check.predicted for check in bounds], ":", color=style.MUTED, label="Welch bound")
    left.set_xscale("log", base=2)
    left.set_xticks(dimensions, dimensions)
    left.set_xlabel("dimension $d$")
    left.set_ylabel("mean coherence")
    left.set_ylim(0, None)
    left.set_title(f"random families, $N = {tokens}$")
    legend(left, loc="upper right", ncols=2, columnspacing=1.0)

    for turn, (quantity, marker, label) in enumerate(LAWS):

        def place(check):
            side = 0.3 if check.at["d"] > min(dimensions) else -0.05
            return families.index(check.at["embedding"]) + 0.1 * (turn - 1) + side

        over_law = [check.mapped(lambda value: value / check.predicted) for check in pick(checks, quantity=quantity)]
        draw(right, over_law, place, style.PALETTE[turn], marker, label)
    right.axhspan(0.94, 1.06, color=style.FORBIDDEN, linewidth=0, zorder=0)
    right.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
    right.set_xticks(np.arange(len(families)) + 0.12, families, rotation=20)
    right.set_ylabel("measured / law")
    right.set_ylim(-0.05, 1.55)
    legend(right, loc="upper left")
    exact = ", ".join(
        f"{check.at['embedding']} (N = {check.at['tokens']}, d = {check.at['d']}) "
        f"{check.measured:.4f} of {check.predicted:.4f}"
        for check in pick(checks, quantity="exact mu+")
    )
    caption = f"""
        Left: mean coherence of random keys (two-sided; 1 - margin for the families whose norms fluctuate) with the
        usual guides and the largest of the first four Welch bounds.
        Right: measured over exact law, at the smallest d (left of each name) and at larger ones.
        Grey: the allowance for tails; the union bound is one-sided.
        Deterministic families, mu+ against its exact value: {exact}.
    """
    return fig, caption


if __name__ == "__main__":
    run()
