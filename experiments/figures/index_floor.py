"""Error of every scheme against bits per entry, with the floor."""

import numpy as np
from claims import at, bars, figure, legend, note, pick, run, style, values


def inverse_entropy(rates):
    """The error p in [0, 1/2] with 1 - H2(p) = rate."""
    p = np.linspace(1e-6, 0.5, 20001)
    capacity = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
    return np.interp(rates, capacity[::-1], p[::-1])


def picture(checks):
    entries = max(values(checks, "entries"))
    here = pick(checks, entries=entries)
    fig, (left, right) = figure("page", 1, 2, height=3.4)
    rates = np.linspace(0, 1, 400)
    floor = inverse_entropy(rates)
    left.fill_between(rates, 0, floor, color=style.FORBIDDEN, linewidth=0, zorder=0)
    left.plot(rates, floor, color=style.INK, linewidth=0.9)
    left.plot(rates, (1 - rates) / 2, color=style.MUTED, linewidth=0.8, linestyle="--")
    note(left, 0.04, 0.02, "floor $H_2^{-1}(1 - R)$")
    note(left, 0.7, 0.18, "$(1 - R)/2$", style.MUTED)
    for scheme in values(here, "scheme"):
        colour, marker = style.look(scheme)
        own = sorted(pick(here, scheme=scheme), key=lambda check: check.at["rate"])
        look = {"color": colour, "marker": marker, "markersize": 4, "linestyle": "none"}
        left.plot(at(own, "rate"), at(own, "error"), label=scheme, clip_on=False, **look)
    left.set_xscale("symlog", linthresh=1, linscale=1.2)
    left.set_xlim(0, 40)
    left.set_xticks([0, 0.5, 1, 4, 16, 32], ["0", "0.5", "1", "4", "16", "32"])
    left.minorticks_off()
    left.set_ylim(0, 0.52)
    left.set_xlabel("message bits / N d")
    left.set_ylabel("bit error")

    right.axhspan(1, 1.25, color=style.FORBIDDEN, linewidth=0, zorder=0)
    for index, check in enumerate(sorted(checks, key=lambda check: -check.measured)):
        colour, marker = style.look(check.at["scheme"])
        look = {"color": colour, "marker": marker, "markersize": 3.5, "elinewidth": 0.8}
        right.errorbar([index], [check.measured], yerr=bars([check]), **look)
    right.set_ylim(0, 1.12)
    right.set_xlabel("points, by their distance to the floor")
    right.set_ylabel("floor / message bits")
    right.set_xticks([])
    handles, labels = left.get_legend_handles_labels()
    legend(right, handles=handles, labels=labels, loc="upper left", bbox_to_anchor=(1, 1.02), labelspacing=0.2)
    caption = f"""
        Left: bit error of every scheme on INDEX at N d = {entries:.0f}, against message bits per entry, with the floor
        (grey: impossible) and the line of keeping whole rows.
        Right: the floor of each point's error over the bits it used, for all sizes; above 1 is impossible.
    """
    return fig, caption


if __name__ == "__main__":
    run()
