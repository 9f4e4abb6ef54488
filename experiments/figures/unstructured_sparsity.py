"""Error of top-k attention against the fraction of bits sent."""

import numpy as np
from claims import draw, figure, legend, note, pick, run, style, values


def picture(checks):
    fig, ax = figure("column", height=2.5)
    share = np.linspace(0, 1, 100)
    p = np.linspace(1e-6, 0.5, 4001)
    rates = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
    ax.fill_betweenx(p, 0, rates, color=style.FORBIDDEN, linewidth=0, zorder=0)
    ax.plot(rates, p, color=style.INK, linewidth=0.9)
    ax.plot(share, (1 - share) / 2, color=style.MUTED, linewidth=0.8, linestyle="--")
    note(ax, 0.2, 0.18, "floor")
    note(ax, 0.62, 0.22, "$(1 - f)/2$", style.MUTED)
    kept = sorted(values(checks, "k"), key=lambda k: k or 1e9)
    for turn, k in enumerate(kept):
        shift = 0.015 * (turn - (len(kept) - 1) / 2)
        x = lambda check: check.at["share"] + shift  # noqa: E731  (used at once)
        own = pick(checks, k=k, quantity="error")
        draw(ax, own, x, style.PALETTE[turn], style.MARKERS[turn], f"$k = {k}$" if k else "all")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 0.5)
    ax.set_xlabel("fraction $f$ of the $N d$ bits sent")
    ax.set_ylabel("bit error")
    legend(ax, loc="upper right", title="weights kept", title_fontsize=style.points(6.5))
    least = min(check.measured for check in pick(checks, quantity="largest weight"))
    caption = f"""
        Bit error of attention limited to the k largest weights of each query, against the fraction of the bits sent
        (points are set apart sideways).
        The smallest of the largest weights is {least:.3f} on average: the rows are nearly 1-sparse already.
    """
    return fig, caption


if __name__ == "__main__":
    run()
