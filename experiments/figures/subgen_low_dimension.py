"""SubGen's clusters against N for keys of low dimension, between the two cap bounds."""

import numpy as np
from claims import at, figure, legend, note, pick, run, style, values


def picture(checks):
    packing = pick(checks, quantity="m cap(delta/2)")
    fig, ax = figure("column", height=2.6)
    sizes = np.array(values(checks, "tokens"), float)
    ax.plot(sizes, sizes, color=style.MUTED, linewidth=0.8, linestyle=":", zorder=1)
    note(ax, sizes[1], 1.3 * sizes[1], "$m = N$", ha="right")

    def clusters(here, turn):
        name = f"$D = {here[0].at['dimension']}$, $\\delta = {here[-1].at['delta']:g}$"
        look = {"color": style.PALETTE[turn], "marker": style.MARKERS[turn], "markersize": 4, "linewidth": 1}
        ax.plot(at(here, "tokens"), at(here, "clusters"), label=name, zorder=2, **look)

    for turn, dimension in enumerate(values(packing, "dimension")):
        here = sorted(pick(packing, dimension=dimension), key=lambda check: check.at["tokens"])
        # measured = m cap(delta/2), so 1/cap is their ratio. Bounds that coincide take turns with their dashes.
        most = here[-1].at["clusters"] / here[-1].measured
        dashes = {"color": style.PALETTE[turn], "linewidth": 0.9, "linestyle": (5 * turn, (5, 5))}
        ax.plot(sizes, np.minimum(sizes, most), zorder=1, **dashes)
        clusters(here, turn)
    high = sorted(pick(checks, quantity="m / N", dimension=128), key=lambda check: check.at["tokens"])
    if high:
        clusters(high, 4)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xlabel("tokens $N$")
    ax.set_ylabel("clusters $m$ in the message")
    legend(ax, loc="upper left")
    caption = """
        Clusters in SubGen's message for keys uniform on the unit sphere of a D-dimensional subspace, against the number
        of tokens.
        Dashed: min(N, 1/cap(delta/2)), the packing bound.
        The covering bound 1/cap(delta) is a factor of about 2^(D-1) below it.
    """
    return fig, caption


if __name__ == "__main__":
    run()
