"""The floor from below and codes from above: error against rate, and bits over floor. Records of both_sides.json."""

import script
import matplotlib.pyplot as plt
import numpy as np
import records
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator


def inverse_entropy(rates):
    """The error p in [0, 1/2] with 1 - H2(p) = rate."""
    p = np.concatenate([[0], np.geomspace(1e-9, 0.5, 20001)])
    entropy = -p[1:] * np.log2(p[1:]) - (1 - p[1:]) * np.log2(np.maximum(1 - p[1:], 1e-300))
    capacity = np.concatenate([[1], 1 - entropy])
    return np.interp(rates, capacity[::-1], p[::-1])


def curves_of(points):
    """Name -> points by message bits, one for each message."""
    names = records.curve_names(point.label for point in points)
    curves = {}
    for point in points:
        curves.setdefault(names[point.label], {})[point.bits] = point
    return {name: [curve[bits] for bits in sorted(curve)] for name, curve in curves.items()}


def draw_errors(axes, curves, looks, codes, rates, finite):
    """Error against rate of all curves, over the floor."""
    axes.fill_between(rates, 0, finite, color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.plot(rates, finite, color=style.INK, linewidth=1.2)
    axes.plot(rates, inverse_entropy(rates), "--", color=style.MUTED, linewidth=0.9)
    others = sorted(set(curves) - set(codes))
    for name in [*codes, *others]:
        colour, marker = looks[name]
        own = curves[name]
        bars = [[point.error - point.lo for point in own], [point.hi - point.error for point in own]]
        look = {"markerfacecolor": colour, "linewidth": 0} if name in codes else {"markerfacecolor": "none"}
        look = {"linewidth": 0.8, "elinewidth": 0.6, "markersize": 3, "markeredgewidth": 0.8, **look}
        xs, ys = [point.rate for point in own], [point.error for point in own]
        axes.errorbar(xs, ys, yerr=bars, color=colour, marker=marker, clip_on=False, zorder=3, **look)
    axes.set_xscale("log", base=2)
    axes.set_xlim(1 / 24, 18)
    axes.xaxis.set_major_locator(FixedLocator([1 / 16, 1 / 4, 1, 4, 16]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, 0.5)
    axes.set_xlabel("rate: message bits / (N d)")
    axes.set_ylabel("bit error")
    axes.figure.canvas.draw()
    labels = style.Labels(axes)
    lines = {name: [(point.rate, point.error) for point in curve] for name, curve in curves.items()}
    for line in lines.values():
        labels.avoid_curve(*zip(*line))
    labels.avoid_curve(rates[1:], finite[1:])
    for name in others:
        labels.place(name, looks[name][0], sorted(lines[name], key=lambda place: abs(place[1] - 0.3)), 6.5)
    text = "floor, finite size and\n$H_2^{-1}(1 - R)$ (dashed)"
    axes.annotate(text, (1 / 22, 0.03), fontsize=style.points(6.5))


def draw_gaps(axes, curves, looks, codes):
    """Bits over floor of the codes."""
    largest = 0
    for name in codes:
        colour, marker = looks[name]
        own = [point for point in curves[name] if point.gap]
        xs, ys = [point.rate for point in own], [point.gap for point in own]
        axes.plot(xs, ys, color=colour, marker=marker, markersize=3, linewidth=0.9, label=name)
        largest = max(largest, *ys)
    axes.axhspan(0.9, 1, color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.set_xlim(0, 1)
    axes.set_ylim(0.98, min(1.6, largest * 1.04))
    axes.set_xlabel("rate: message bits / (N d)")
    axes.set_ylabel("message bits / floor")
    small = {"frameon": False, "fontsize": style.points(6), "handlelength": 1.6, "borderaxespad": 0.2}
    axes.legend(loc="upper right", **small)


def pictures(call):
    points = [
        point
        for point in records.points(call.program, call.directory)
        if (point.instance, point.schedule) == ("index", "doubling") and point.trials > 0
    ]
    cells = [(point.n, point.d) for point in points]
    cell = max(cells, key=lambda size: (cells.count(size), size))
    points = [point for point in points if (point.n, point.d) == cell]
    rates, _, finite = map(np.array, records.floor_curve(call.program, *cell, "doubling", 400))
    curves = curves_of(points)
    codes = sorted((name for name in curves if name.startswith("rate_distortion")), key=lambda name: (len(name), name))
    looks = {name: style.look(name) for name in curves}
    looks.update({name: (style.PALETTE[turn], style.MARKERS[turn]) for turn, name in enumerate(codes)})

    fig, (left, right) = plt.subplots(1, 2, figsize=style.canvas("page", 2.9), constrained_layout=True)
    draw_errors(left, curves, looks, codes, rates, finite)
    draw_gaps(right, curves, looks, codes)
    block = next(point.options["block"] for point in points if point.label == "rate_distortion")
    caption = f"""
        Left: bit error against message bits per entry on INDEX, N d = {points[0].entries}: the finite-size floor (grey:
        impossible), its limit for many entries, the lossy polar code at several block lengths, and other schemes with
        public keys (open).
        Bars: 95 % intervals, at least the row bound, which is several times too wide for codes whose rows all err
        alike.
        Right: message bits of the polar code over the floor of its measured error; the same colours as left.
        A curve block=b has blocks of 2^b bits, with b = {block} where its name does not say; list=L tracks L paths.

        Refuted by: a point in the grey region.
    """
    yield "frontier_both_sides", fig, caption


if __name__ == "__main__":
    script.run()
