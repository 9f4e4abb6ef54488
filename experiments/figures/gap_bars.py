"""How far each scheme's least memory is from the floor, at each target error."""

import matplotlib.pyplot as plt
import style
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from rows import called, read_json, save

call = called(__doc__, lambda parser: parser.add_argument("--target-error", type=float, action="append", default=[], help="may be repeated; default: those of the rows"))
table = [entry for entry in read_json(call.program, "gap", call.directory, "--json", *(word for target in call.target_error for word in ("--target-error", target)))
         if entry["family"]["schedule"] == "doubling" and entry["family"]["instance"]["name"] == "index"]
targets = sorted({entry["target_error"] for entry in table}, reverse=True)
groups = [[entry for entry in table if entry["stored_keys"] == stored] for stored in (False, True)]
# Best to worst by the strictest error that is reached.
def rank(curve, entries):
    return [entry["gap"] or 1e9 for target in reversed(targets) for entry in entries if entry["curve"] == curve and entry["target_error"] == target]

names = [sorted({entry["curve"] for entry in entries}, key=lambda curve: rank(curve, entries)) for entries in groups]
rows = max(1, max(len(part) for part in names))
fig, panels = plt.subplots(1, 2, figsize=style.canvas("page", 0.5 + 0.19 * rows), constrained_layout=True, sharex=True)
colours = dict(zip(targets, style.PALETTE))
for axes, entries, own, title in zip(panels, groups, names, ("public keys, or none", "stored keys, which no floor counts")):
    for place, curve in enumerate(own):
        for turn, target in enumerate(targets):
            height = place + (turn - (len(targets) - 1) / 2) * 0.26
            entry = next((e for e in entries if e["curve"] == curve and e["target_error"] == target), None)
            if entry is None:
                continue
            if entry["gap"] is None:
                axes.text(1.04, height, "not reached", fontsize=style.points(4.5), color=colours[target], va="center")
                continue
            axes.barh(height, entry["gap"] - 1, left=1, height=0.22, color=colours[target], linewidth=0)
            axes.plot([entry["gap_least"], entry["gap_largest"]], [height, height], color=style.INK, linewidth=0.6)
    axes.set_yticks(range(len(own)), [curve.replace(" keys=public", "").replace(" keys=stored", "") for curve in own], fontsize=style.points(6.5))
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(1, max(entry["gap_largest"] for entry in table if entry["gap"]) * 1.2)
    axes.xaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_xlabel("bits / floor")
    axes.set_title(title, loc="left")
    axes.tick_params(axis="y", length=0)
for target in targets:
    panels[0].barh([-9], [0], color=colours[target], label=f"error {target:.3g}")
# Schemes near the floor come first, so that corner is empty.
panels[0].legend(frameon=False, fontsize=style.points(6.5), loc="upper right", handlelength=1, borderaxespad=0.3)
save(fig, "gap_bars", "Least memory over the floor at each error, best to worst: geometric mean over sizes (bars) and range (lines). Left: messages without keys. Right: messages that carry keys, which the floor does not count. "
     "A bar that ended at 1 would be the floor itself; none can end below.")
