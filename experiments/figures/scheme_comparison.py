"""Bit error and squared error against rate for every scheme on every kind of stream, as small multiples."""

import math

import script
import matplotlib.pyplot as plt
import records
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

TITLES = {
    "index": "INDEX",
    "clustered": "16 clusters",
    "low_dimensional": "keys in 4 dimensions",
    "smooth": "smooth image",
}
# What a scheme does to rows, one line of panels each: twenty curves in one panel tell nothing.
# fmt: off
KINDS = {
    "drop": ["uniform", "streaming_llm", "h2o", "prefixkv", "subgen", "subgen_sn", "less"],
    "merge": ["kmeans", "abc", "diffrate", "loma", "subgen_kcenter", "tem"],
    "code": ["kivi", "gear", "lorc", "l11", "shared_x", "bitpack", "rate_distortion", "loma_lossless", "ecsq"],
}
# fmt: on
LEFT_OUT = ["exact"]  # the full cache is no rival
ERRORS = {
    "error": ("bit error", "Bit error at threshold 1/2"),
    "mse": ("mean squared error", "Mean squared distance of outputs to the values asked for"),
}
LEAST, MOST = 1e-6, 10  # of the axis of squared errors


def curve_name(point, names):
    return names[point.label] + (" public keys" if point.keys == "public" else "")


def curves_of(points, kind, names):
    """Name -> sorted (rate, error of that kind)."""
    found = {}
    for point in points:
        if getattr(point, kind) is not None:
            found.setdefault(curve_name(point, names), {})[point.rate] = getattr(point, kind)
    return {name: sorted(curve.items()) for name, curve in sorted(found.items())}


def looks_of(names):
    """A colour and a marker for each curve of a line of panels."""
    return {
        name: (style.PALETTE[turn % len(style.PALETTE)], style.MARKERS[turn % len(style.MARKERS)])
        for turn, name in enumerate(sorted(names))
    }


def draw(axes, points, kind, looks, names):
    for name, curve in curves_of(points, kind, names).items():
        colour, marker = looks[name]
        xs, ys = zip(*curve)
        if kind == "mse":
            ys = [y if y > 0 else math.nan for y in ys]
        axes.plot(xs, ys, color=colour, marker=marker, markersize=3, linewidth=0.9, label=name)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator([0.25, 1, 4, 16, 64]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if kind == "mse":
        axes.set_yscale("log")
        axes.set_ylim(LEAST, MOST)
    else:
        axes.set_ylim(-0.015, 0.55)


def comparison(points, kind):
    instances = [name for name in TITLES if any(p.instance == name and getattr(p, kind) is not None for p in points)]
    unknown = {p.scheme for p in points} - {*sum(KINDS.values(), []), *LEFT_OUT}
    if unknown:
        raise SystemExit(f"scheme_comparison.py does not say what these schemes do: {sorted(unknown)}")
    names = records.curve_names(p.label for p in points)
    groups = {verb: [p for p in points if p.scheme in schemes] for verb, schemes in KINDS.items()}
    groups = {verb: group for verb, group in groups.items() if group}
    size = style.canvas("page", 1.6 * len(groups) + 0.3)
    shared = {"sharex": True, "sharey": True, "squeeze": False, "constrained_layout": True}
    fig, grid = plt.subplots(len(groups), len(instances), figsize=size, **shared)
    label, what = ERRORS[kind]
    for line, (verb, group) in zip(grid, groups.items()):
        looks = looks_of({curve_name(point, names) for point in group})
        for axes, instance in zip(line, instances):
            draw(axes, [point for point in group if point.instance == instance], kind, looks, names)
        line[0].set_ylabel(f"{label}\nschemes that {verb}")
        handles = [
            plt.Line2D([], [], color=colour, marker=marker, markersize=3, linewidth=0.9)
            for colour, marker in looks.values()
        ]
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        line[-1].legend(handles, looks.keys(), fontsize=style.points(6), frameon=False, **beside)
    for axes, instance in zip(grid[0], instances):
        axes.set_title(TITLES[instance], loc="left")
    for axes in grid[-1]:
        axes.set_xlabel("rate")
    first = points[0]
    cut = f"Squared errors outside {LEAST:g} to {MOST} are cut off." if kind == "mse" else ""
    caption = f"""
        {what} against rate (message bits / (N d)), n = {first.n}, d = {first.d}, N = {first.tokens}, query scaling
        {first.tau:g}, {first.trials} trials per point.
        {cut}
        Keys are stored unless a curve says public; bitpack and rate_distortion code values alone.
        The scaling is fixed, so on clustered, crowded and smooth keys exact attention itself averages tokens and need
        not reach error 0.
        Token j belongs to cluster j mod 16, so the clusters are a periodic image, which cosines (l11) code in almost no
        bits.

        Refuted by: a scheme of dropped or merged rows that beats (1 - f)/2 on INDEX at kept fraction f beyond its
        trials' spread.
    """
    return f"scheme_comparison_{kind}", fig, caption


def pictures(call):
    points = [
        point for point in records.points(call.program, call.directory) if point.status == "ok" and point.trials > 0
    ]
    if not points:
        raise SystemExit(f"no measured points in {call.directory}")
    for kind in ERRORS:
        yield comparison(points, kind)


if __name__ == "__main__":
    script.run()
