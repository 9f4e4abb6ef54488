"""Rank of interpolated values, and the error of storing only that many rows."""

from claims import draw, figure, legend, pick, run, style


def picture(checks):
    fig, (left, right) = figure("column", 1, 2, height=2.3)
    left.plot([0, 1], [0, 1], color=style.INK, linewidth=0.8)
    for turn, mode in enumerate(("bicubic", "area")):
        ranks = pick(checks, quantity="rank / t_k", resize=mode)
        errors = pick(checks, quantity="log10 of the error of t_{k-1} rows", resize=mode)
        shift = 0.012 * (2 * turn - 1)
        x = lambda check: (check.at["from"] / check.at["to"]) ** 2 + shift  # noqa: E731  (used at once)
        draw(left, ranks, x, style.PALETTE[turn], style.MARKERS[turn], mode)
        draw(right, errors, x, style.PALETTE[turn], style.MARKERS[turn])
    right.axhspan(-9, -7, color=style.FORBIDDEN, linewidth=0)
    right.set_ylim(-18, -7)
    left.set_ylim(0, 1)
    left.set_ylabel("rank of $V_k$ / $t_k$")
    right.set_ylabel("$\\log_{10}$ relative error")
    for ax in (left, right):
        ax.set_xlabel("$t_{k-1}/t_k$")
        ax.set_xlim(0, 1)
    legend(left, loc="upper left")
    caption = """
        Values of map k that are the resized map k-1.
        Left: their numerical rank over t_k, with more than t_k channels, against t_{k-1}/t_k (line: equal).
        Right: relative error of all t_k rows reproduced from t_{k-1} of them; grey: not allowed.
    """
    return fig, caption


if __name__ == "__main__":
    run()
