"""Exponents of the least memory, and of bits per entry over the floor, of every scheme, with their intervals."""

import style
from claims import bars, figure, run

LAWS = {"a": "n", "b": "d", "a on clusters": "n (clusters)"}
TRENDS = {"bits/floor in N": ("in N", -0.18), "bits/floor in d": ("in d", 0.18)}


def picture(checks):
    laws = [check for check in checks if check.at["quantity"] in LAWS]
    trends = [check for check in checks if check.at["quantity"] in TRENDS]
    schemes = list(dict.fromkeys(check.at["scheme"] for check in trends))
    fig, (left, right) = figure("page", 1, 2, height=0.8 + 0.17 * max(len(schemes), 9))

    for place, check in enumerate(laws):
        low = max(check.allowed_lo, -0.5)
        left.barh(place, check.allowed_hi - low, left=low, height=0.8, color=style.FORBIDDEN, linewidth=0, zorder=0)
        colour, marker = style.look(check.at["scheme"])
        look = {"color": colour, "marker": marker, "markersize": 3.5, "elinewidth": 0.9, "capsize": 1.5}
        left.errorbar([check.measured], [place], xerr=bars([check]), zorder=3, **look)
    names = [f"{check.at['scheme']}, {LAWS[check.at['quantity']]}" for check in laws]
    left.set_yticks(range(len(names)), names, fontsize=style.points(6.5))
    left.set_ylim(len(names) - 0.4, -0.6)
    left.set_xlim(-0.5, 2.3)
    left.set_xticks([0, 0.3, 1, 2], ["0", "0.3", "1", "2"])
    left.set_xlabel("exponent of the least memory")
    left.set_title("known laws", loc="left")

    right.axvspan(-1, max(check.allowed_lo for check in trends), color=style.FORBIDDEN, linewidth=0, zorder=0)
    right.axvline(0, color=style.INK, linewidth=0.6, zorder=1)
    for colour, (quantity, (label, shift)) in zip(style.PALETTE, TRENDS.items()):
        own = [check for check in trends if check.at["quantity"] == quantity]
        places = [schemes.index(check.at["scheme"]) + shift for check in own]
        look = {"color": colour, "marker": "o", "markersize": 2.8, "elinewidth": 0.8, "capsize": 1.2}
        measured = [check.measured for check in own]
        right.errorbar(measured, places, xerr=bars(own), linestyle="none", label=label, zorder=3, **look)
    right.set_yticks(range(len(schemes)), schemes, fontsize=style.points(6.5))
    right.set_ylim(len(schemes) - 0.4, -0.6)
    edge = max(0.06, 1.1 * max(abs(check.measured) + 0.01 for check in trends))
    right.set_xlim(-edge, edge)
    right.set_xlabel("exponent of bits per entry / floor")
    right.set_title("must not fall", loc="left")
    right.legend(frameon=False, fontsize=style.points(6.5), loc="lower right")
    caption = """
        Left: exponents of the least memory at bit error 0.1 in n (2: like N) and in d, for the schemes whose law is
        known, and for kmeans in n on 8 clusters, whose floor does not grow; grey: the allowance.
        Right: exponents of bits over the floor in N and in d at N >= 8 d, for every scheme that reaches the error,
        without keys and without what a scheme pays per token or per channel; grey: falling.
        Counting all bits is what kvfrontier fit --over-floor does.
        The one code of shared_x serves keys and values, so it is judged by its directions.
        Intervals are 90 %, so that their lower ends are 95 % limits.
    """
    return fig, caption


if __name__ == "__main__":
    run()
