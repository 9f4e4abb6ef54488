"""Exponents of the least memory with their intervals, and the exponents of bits per entry over the floor, of every scheme."""

import style
from claims import draw, figure, load, save

checks = load(__doc__)


def at(check, *quantities):
    return check["at"]["quantity"] in quantities


laws = [check for check in checks if at(check, "a", "b", "a on clusters")]
trends = [check for check in checks if at(check, "bits/floor in N", "bits/floor in d")]
schemes = list(dict.fromkeys(check["at"]["scheme"] for check in trends))
rows = max(len(schemes), 9)
fig, (left, right) = figure("page", 1, 2, height=0.8 + 0.17 * rows)

names = []
for check in laws:
    name = f"{check['at']['scheme']}, {'n' if check['at']['quantity'] != 'b' else 'd'}" + (" (clusters)" if "clusters" in check["at"]["quantity"] else "")
    place, low = len(names), max(check["allowed_lo"], -0.5)
    left.barh(place, check["allowed_hi"] - low, left=low, height=0.8, color=style.FORBIDDEN, linewidth=0, zorder=0)
    left.errorbar([check["measured"]], [place], xerr=[[check["measured"] - check["lo"]], [check["hi"] - check["measured"]]], color=style.look(check["at"]["scheme"])[0], marker=style.look(check["at"]["scheme"])[1],
                  markersize=3.5, elinewidth=0.9, capsize=1.5, zorder=3)
    names.append(name)
left.set_yticks(range(len(names)), names, fontsize=style.points(6.5))
left.set_ylim(len(names) - 0.4, -0.6)
left.set_xlim(-0.5, 2.3)
left.set_xticks([0, 0.3, 1, 2], ["0", "0.3", "1", "2"])
left.set_xlabel("exponent of the least memory")
left.set_title("known laws", loc="left")

right.axvspan(-1, -0.03, color=style.FORBIDDEN, linewidth=0, zorder=0)
right.axvline(0, color=style.INK, linewidth=0.6, zorder=1)
for quantity, shift, colour in (("bits/floor in N", -0.18, style.PALETTE[0]), ("bits/floor in d", 0.18, style.PALETTE[1])):
    own = [check for check in trends if at(check, quantity)]
    if own:
        right.errorbar([check["measured"] for check in own], [schemes.index(check["at"]["scheme"]) + shift for check in own],
                       xerr=[[check["measured"] - check["lo"] for check in own], [check["hi"] - check["measured"] for check in own]],
                       linestyle="none", marker="o", markersize=2.8, elinewidth=0.8, capsize=1.2, color=colour, label=f"in {quantity[-1]}", zorder=3)
right.set_yticks(range(len(schemes)), schemes, fontsize=style.points(6.5))
right.set_ylim(len(schemes) - 0.4, -0.6)
edge = max(0.06, 1.1 * max(abs(check["measured"]) + 0.01 for check in trends))
right.set_xlim(-edge, edge)
right.set_xlabel("exponent of bits per entry / floor")
right.set_title("must not fall", loc="left")
right.legend(frameon=False, fontsize=style.points(6.5), loc="lower right")
save(fig, "exponents", "Left: exponents of the least memory at bit error 0.1 in n (2: like N) and in d, of the schemes whose law is known, and of kmeans in n on 8 clusters, whose floor does not grow; grey: the allowance. "
     "Right: exponents of bits over the floor in N and in d at N >= 8 d, of every scheme that reaches the error, without keys and without what is paid per token or per channel (all bits together fall for gear and kivi: fit --over-floor; shared_x, whose one code serves keys and values, is judged by its directions); 90 % intervals, whose lower ends are 95 % limits; grey: falling.")
