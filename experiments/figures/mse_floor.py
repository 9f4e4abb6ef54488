"""Squared error of every scheme against bits per entry, with the floor."""

import numpy as np
from claims import at, figure, legend, pick, run, style, values


def picture(checks):
    floors = pick(checks, quantity="mse floor / bits")
    entries = max(values(floors, "entries"))
    here = pick(floors, entries=entries)
    p = np.linspace(1e-6, 0.5, 4001)
    fig, ax = figure("page", height=3.4)
    rates = 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)
    ax.fill_betweenx(p * (1 - p), 1e-3, rates, color=style.FORBIDDEN, linewidth=0, zorder=0)
    ax.plot(rates, p * (1 - p), color=style.INK, linewidth=0.9, label="floor")
    grid = np.linspace(0.01, 0.999, 300)
    ax.plot(grid, (1 - grid) / 4, "--", color=style.MUTED, linewidth=0.8, label="$(1 - R)/4$")
    for scheme in values(here, "scheme"):
        colour, marker = style.look(scheme)
        own = pick(here, scheme=scheme)
        look = {"color": colour, "marker": marker, "markersize": 4, "linestyle": "none"}
        ax.plot(at(own, "rate"), [max(mse, 1e-6) for mse in at(own, "mse")], label=scheme, clip_on=False, **look)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlim(0.1, 45)
    ax.set_ylim(1e-6, 2 * max(1.0, *at(here, "mse")))
    ax.set_xticks([0.125, 0.5, 2, 8, 32], ["1/8", "1/2", "2", "8", "32"])
    ax.set_xlabel("message bits / N d")
    ax.set_ylabel("mean squared error of the bits")
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1.02), labelspacing=0.2)
    caption = f"""
        Mean squared error of the outputs about the bits, against message bits per entry, at N d = {entries:.0f}.
        To the left of the black curve (grey) is impossible.
        Dashed: bits in a public order, and 1/2 for the others.
        Errors below 1e-6 are drawn at 1e-6.
    """
    return fig, caption


if __name__ == "__main__":
    run()
