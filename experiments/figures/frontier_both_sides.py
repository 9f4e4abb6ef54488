"""The floor from below and codes from above: error against rate, and bits over floor. Rows of both_sides.json."""

import json

import matplotlib.pyplot as plt
import numpy as np
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from rows import called, read_csv, save

call = called(__doc__)
points = [row for row in read_csv(call.program, "table", call.directory, "--format", "csv") if row["instance"] == "index" and row["schedule"] == "doubling" and int(row["trials"]) > 0]
cell = max({(row["n"], row["d"]) for row in points}, key=lambda size: (sum((row["n"], row["d"]) == size for row in points), size))
points = [row for row in points if (row["n"], row["d"]) == cell]
entries = int(points[0]["tokens"]) * int(points[0]["d"])
curve = read_csv(call.program, "floor", "--n", cell[0], "--d", cell[1], "--curve", 400)
rates = np.array([float(row["rate"]) for row in curve])
finite = np.array([float(row["error_finite"]) for row in curve])


def inverse_entropy(rates):
    """The error p in [0, 1/2] with 1 - H2(p) = rate."""
    p = np.concatenate([[0], np.geomspace(1e-9, 0.5, 20001)])
    capacity = np.concatenate([[1], 1 + p[1:] * np.log2(p[1:]) + (1 - p[1:]) * np.log2(np.maximum(1 - p[1:], 1e-300))])
    return np.interp(rates, capacity[::-1], p[::-1])


def name_of(row):
    options = json.loads(row["options"])
    if row["scheme"] != "rate_distortion":
        return row["scheme"]
    return f"rate_distortion, $2^{{{options['block']}}}$" + (f", lists of {options['list']}" if options["list"] > 1 else "")


def number(text):
    return float(text) if text else np.nan


curves = {}
for row in points:
    curves.setdefault(name_of(row), {})[float(row["message_bits"])] = row
codes = sorted((name for name in curves if name.startswith("rate_distortion")), key=lambda name: (len(name), name))
looks = {name: (style.PALETTE[place % len(style.PALETTE)], style.MARKERS[place]) for place, name in enumerate(codes)}
others = {name: style.look(name) for name in curves if name not in looks}
used = {colour for colour, _ in looks.values()}

fig, (left, right) = plt.subplots(1, 2, figsize=style.canvas("page", 2.9), constrained_layout=True)
left.fill_between(rates, 0, finite, color=style.FORBIDDEN, linewidth=0, zorder=0)
left.plot(rates, finite, color=style.INK, linewidth=1.2, label="floor, finite size")
left.plot(rates, inverse_entropy(rates), color=style.MUTED, linewidth=0.9, linestyle="--", label="floor, $H_2^{-1}(1 - R)$")
for name in [*codes, *sorted(others)]:
    own = [curves[name][bits] for bits in sorted(curves[name])]
    colour, marker = looks.get(name) or others[name]
    xs, ys = [number(row["rate"]) for row in own], [number(row["error"]) for row in own]
    errors = [[y - number(row["error_lo"]) for y, row in zip(ys, own)], [number(row["error_hi"]) - y for y, row in zip(ys, own)]]
    left.errorbar(xs, ys, yerr=errors, color=colour, marker=marker, markersize=3, linewidth=0 if name in looks else 0.8, elinewidth=0.6, markerfacecolor=colour if name in looks else "none", markeredgewidth=0.8, label=name, clip_on=False, zorder=3)
left.set_xscale("log", base=2)
left.set_xlim(1 / 24, 18)
left.xaxis.set_major_locator(FixedLocator([1 / 16, 1 / 4, 1, 4, 16]))
left.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
left.xaxis.set_minor_locator(NullLocator())
left.set_ylim(0, 0.5)
left.set_xlabel("rate: message bits / (N d)")
left.set_ylabel("bit error")
fig.canvas.draw()
labels = style.Labels(left)
lines = {name: [(number(row["rate"]), number(row["error"])) for _, row in sorted(curves[name].items())] for name in curves}
for line in lines.values():
    labels.avoid_curve(*zip(*line))
labels.avoid_curve(rates[1:], finite[1:])
for name in sorted(others):
    labels.place(name, others[name][0], sorted(lines[name], key=lambda place: abs(place[1] - 0.3)), 6.5)
left.annotate("floor, finite size and\n$H_2^{-1}(1 - R)$ (dashed)", (1 / 22, 0.03), fontsize=style.points(6.5))

for name in codes:
    own = [curves[name][bits] for bits in sorted(curves[name]) if curves[name][bits]["gap"]]
    colour, marker = looks[name]
    right.plot([number(row["rate"]) for row in own], [number(row["gap"]) for row in own], color=colour, marker=marker, markersize=3, linewidth=0.9, label=name)
right.axhspan(0.9, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
right.set_xlim(0, 1)
gaps = [number(row["gap"]) for name in codes for row in curves[name].values()]
right.set_ylim(0.98, min(1.6, np.nanmax(gaps) * 1.04))
right.set_xlabel("rate: message bits / (N d)")
right.set_ylabel("message bits / floor")
right.legend(frameon=False, fontsize=style.points(6), loc="upper right", handlelength=1.6, borderaxespad=0.2)
save(fig, "frontier_both_sides", f"Left: bit error against message bits an entry on INDEX, N d = {entries}: the finite-size floor (grey: impossible), its limit for many entries, the lossy polar code at several block lengths, other schemes with public keys (open). "
     "Bars: 95 % intervals, at least the row bound, which is several times too wide for codes that err everywhere alike. Right: message bits of the polar code, by block length, over the floor of its measured error; the same colours as left.\nRefuted by: a point in the grey region.")
