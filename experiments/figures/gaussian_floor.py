"""Squared error of Gaussian values against bits per entry, with the Shannon floor."""

import numpy as np
from claims import at, figure, legend, pick, run, style, values

MOST = 10  # of the error axis


def picture(checks):
    points = pick(checks, quantity="worth / bits")
    fig, ax = figure("page", height=3.4)
    rates = np.linspace(0.3, 36, 500)
    ax.fill_between(rates, 1e-14, 4.0**-rates, color=style.FORBIDDEN, linewidth=0, zorder=0)
    ax.plot(rates, 4.0**-rates, color=style.INK, linewidth=0.9, label="floor $4^{-b}$")
    scalar = np.sqrt(3) * np.pi / 2 * 4.0**-rates
    ax.plot(rates, scalar, "--", color=style.MUTED, linewidth=0.8, label="$2.72 \\cdot 4^{-b}$")
    for code in values(points, "code"):
        colour, marker = ("#000000", "X") if code == "lloyd_max" else style.look(code)
        own = pick(points, code=code)
        look = {"color": colour, "marker": marker, "markersize": 4, "linestyle": "none"}
        ax.plot(at(own, "rate"), [min(mse, MOST) for mse in at(own, "mse")], label=code, clip_on=False, **look)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlim(0.4, 40)
    ax.set_ylim(1e-8, MOST)
    ax.set_xticks([0.5, 1, 2, 4, 8, 16, 32], ["1/2", "1", "2", "4", "8", "16", "32"])
    ax.set_xlabel("message bits / N d")
    ax.set_ylabel("mean squared error")
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1.02), labelspacing=0.2)
    beyond = sorted({check.at["code"] for check in points if check.at["mse"] > MOST})
    cut = f"Errors above {MOST} are drawn at {MOST}: {', '.join(beyond)}." if beyond else ""
    caption = f"""
        Mean squared error of answers about N(0, 1) values, against message bits per entry.
        Grey: impossible.
        Crosses: Lloyd-Max scalar quantisers at 1 to 4 bits.
        The error of the full cache is the leak at its scaling.
        {cut}
    """
    return fig, caption


if __name__ == "__main__":
    run()
