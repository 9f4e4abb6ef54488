"""Bit error and squared error against rate for every scheme on every kind of stream, as small multiples."""

import json
import math
from collections import defaultdict

import matplotlib.pyplot as plt
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from rows import called, read_csv, save

TITLES = {"index": "INDEX", "clustered": "16 clusters", "low_dimensional": "keys in 4 dimensions", "smooth": "smooth image"}
# What a scheme does to rows, one panel row each: twenty curves in one panel tell nothing.
KINDS = {"drop": ["uniform", "streaming_llm", "h2o", "prefixkv", "subgen", "subgen_sn", "less"],
         "merge": ["kmeans", "abc", "diffrate", "loma", "subgen_kcenter", "tem"],
         "code": ["kivi", "gear", "lorc", "l11", "shared_x", "bitpack", "rate_distortion", "loma_lossless", "ecsq"]}


def curve_name(row):
    options = json.loads(row["options"])
    marks = [options["member"]] if "member" in options else []
    if options.get("decoder") == "invert":
        marks.append("inverted")
    if row["keys"] == "public":
        marks.append("public keys")
    return " ".join([row["scheme"]] + marks)


def curves(rows, column):
    """Name -> sorted (rate, value)."""
    found = defaultdict(dict)
    for row in rows:
        if row[column]:
            found[curve_name(row)][float(row["rate"])] = float(row[column])
    return {name: sorted(points.items()) for name, points in sorted(found.items())}


def styles(names):
    """A colour and marker of its own for each curve of a row of panels."""
    return {name: (style.PALETTE[turn % len(style.PALETTE)], style.MARKERS[turn % len(style.MARKERS)]) for turn, name in enumerate(sorted(names))}


def draw(axes, rows, column, looks):
    values = []
    for name, points in curves(rows, column).items():
        colour, marker = looks[name]
        xs, ys = zip(*points)
        values += [y for y in ys if y > 0]
        axes.plot(xs, [y if y > 0 else math.nan for y in ys] if column == "mse" else ys, color=colour, marker=marker, markersize=3, linewidth=0.9, label=name)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator([0.25, 1, 4, 16, 64]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if column == "mse":
        axes.set_yscale("log")
        axes.set_ylim(1e-6, 10)
    else:
        axes.set_ylim(-0.015, 0.55)


def comparison(rows, column):
    instances = [name for name in TITLES if any(row["instance"] == name and row[column] for row in rows)]
    kinds = [kind for kind, schemes in KINDS.items() if any(row["scheme"] in schemes for row in rows)]
    fig, grid = plt.subplots(len(kinds), len(instances), figsize=style.canvas("page", 1.6 * len(kinds) + 0.3), sharex=True, sharey=True, squeeze=False, constrained_layout=True)
    for line, kind in zip(grid, kinds):
        of_kind = [row for row in rows if row["scheme"] in KINDS[kind]]
        looks = styles({curve_name(row) for row in of_kind})
        for axes, instance in zip(line, instances):
            draw(axes, [row for row in of_kind if row["instance"] == instance], column, looks)
        line[0].set_ylabel({"error": "bit error", "mse": "mean squared error"}[column] + f"\nschemes that {kind}")
        handles = {name: plt.Line2D([], [], color=colour, marker=marker, markersize=3, linewidth=0.9) for name, (colour, marker) in looks.items()}
        line[-1].legend(handles.values(), handles.keys(), fontsize=style.points(6), frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes, instance in zip(grid[0], instances):
        axes.set_title(TITLES[instance], loc="left")
    for axes in grid[-1]:
        axes.set_xlabel("rate")
    first = rows[0]
    what = {"error": "Bit error at threshold 1/2", "mse": "Mean squared distance of outputs to the values asked for"}[column]
    save(fig, f"scheme_comparison_{column}",
         f"{what} against rate (message bits / (N d)), n = {first['n']}, d = {first['d']}, N = {first['tokens']}, query scaling {float(first['tau']):g}, {first['trials']} trials a point. Keys are stored unless a curve says public; "
         f"bitpack and rate_distortion code values alone. The scaling is fixed, so on clustered, crowded and smooth keys exact attention itself averages tokens and need not reach error 0. Token j belongs to cluster j mod 16, so clusters are a periodic image, which cosines (l11) code for almost nothing.\n"
         f"Refuted by: a scheme of dropped or merged rows that beats (1 - f)/2 on INDEX at kept fraction f beyond its trials' spread.")


call = called(__doc__)
rows = [row for row in read_csv(call.program, "table", call.directory, "--format", "csv") if row["status"] == "ok" and int(row["trials"]) > 0]
if not rows:
    raise SystemExit(f"no measured points in {call.directory}")
for column in ("error", "mse"):
    comparison(rows, column)
