"""SubGen's numerator against its exact variance, and the number of its clusters."""

from claims import at, draw, figure, legend, pick, run, style, tolerance, values


def picture(checks):
    fig, (left, right) = figure("page", 1, 2, height=2.3)
    variance, slopes = pick(checks, quantity="s variance / (kappa - 1)"), pick(
        checks, quantity="slope of the error in s"
    )
    left.axhspan(variance[0].allowed_lo, variance[0].allowed_hi, color=style.FORBIDDEN, linewidth=0, zorder=0)
    left.axhline(1, color=style.INK, linewidth=0.8, zorder=1)
    for turn, tau in enumerate(values(variance, "tau")):
        x = lambda check: check.at["samples"] * 1.06 ** (2 * turn - 1)  # noqa: E731  (used at once)
        name = f"$\\tau = {tau:g}$, slope {pick(slopes, tau=tau)[0].measured:.3f}"
        draw(left, pick(variance, tau=tau), x, style.PALETTE[turn], style.MARKERS[turn], name)
    left.set_xscale("log", base=2)
    left.set_xlabel("sampled values $s$")
    left.set_ylabel("$s$ × variance / $(\\kappa - 1)$")
    left.set_ylim(0.93, 1.09)
    legend(left, loc="upper left")

    hard, clustered = pick(checks, quantity="clusters / N"), pick(checks, quantity="clusters / c")
    for turn, (here, label) in enumerate(((hard, "hard instance"), (clustered, "clustered keys")), 2):
        here = sorted(here, key=lambda check: check.at["tokens"])
        look = {"color": style.PALETTE[turn], "marker": style.MARKERS[turn], "markersize": 4, "linewidth": 1}
        right.plot(at(here, "tokens"), at(here, "clusters"), label=label, **look)
    right.set_xscale("log", base=2)
    right.set_yscale("log", base=2)
    right.set_xlabel("tokens $N$")
    right.set_ylabel("clusters")
    legend(right, loc="upper left")
    caption = f"""
        Left: squared error of SubGen's answer, relative to the exact one and to its law (kappa - 1)/s; grey: the
        allowance of {tolerance(variance)}.
        Right: clusters that it opens on uniform unit keys of width 64, below their least distance, and on 16 clusters.
    """
    return fig, caption


if __name__ == "__main__":
    run()
