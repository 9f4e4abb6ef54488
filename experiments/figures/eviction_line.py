"""Error of eviction rules against the share of rows kept."""

import numpy as np
from claims import draw, figure, legend, load, pick, save, style

checks = pick(load(__doc__), quantity="error")
rules = {"uniform": "random", "recent": "newest", "heavy_keys": "heavy keys", "most_ones": "most ones", "fewest_ones": "fewest ones"}
fig, (left, right) = figure("column", 1, 2, height=2.5)
share = np.linspace(0, 1, 50)
left.plot(share, (1 - share) / 2, color=style.INK, linewidth=0.8)
right.axhline(0, color=style.INK, linewidth=0.8)
right.axhspan(-0.005, 0.005, color=style.FORBIDDEN, linewidth=0, zorder=0)
place = 0
ticks = []
for turn, (rule, label) in enumerate(rules.items()):
    own = pick(checks, rule=rule)
    draw(left, own, lambda check: check["at"]["share"] + 0.012 * (turn - 2), style.PALETTE[turn], style.MARKERS[turn], label, markersize=3)
    for check in sorted(own, key=lambda check: (check["at"]["d"], check["at"]["share"])):
        if abs(check["at"]["share"] - 0.25) > 1e-9:
            continue
        moved = {**check, **{name: check[name] - (1 - check["at"]["share"]) / 2 for name in ("measured", "lo", "hi", "predicted")}}
        draw(right, [moved], lambda _: place, style.PALETTE[turn], style.MARKERS[turn], markersize=3)
        right.plot([place - 0.3, place + 0.3], [moved["predicted"]] * 2, color=style.PALETTE[turn], linewidth=0.8)
        ticks.append(f"{label}, {check['at']['d']}")
        place += 1
left.set_xlim(0, 1)
left.set_ylim(0, 0.5)
left.set_xlabel("share of rows kept $f$")
left.set_ylabel("bit error")
right.set_xticks(range(place), ticks, rotation=90, fontsize=style.points(6))
right.set_ylabel("error $- (1 - f)/2$ at $f = 1/4$")
legend(left, loc="lower left")
save(fig, "eviction_line", "Bit error of keeping a share f of the rows by five rules. Left: all of them and the line (1 - f)/2 (points are set apart sideways). Right: distance to the line at f = 1/4, rule and d; grey: the allowance of rules "
     "that ignore values; short lines: predictions.")
