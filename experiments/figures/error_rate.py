"""Error against rate on INDEX instances with the floor, one figure for each cell, from records of index_frontier."""

import math
from collections import defaultdict

import script
import index_cells
import matplotlib.pyplot as plt
import numpy as np
import records
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

MANY = True  # directories
FLOAT_BITS = {"fp32": 32, "fp16": 16, "bf16": 16}


def flags(parser):
    parser.add_argument("--error-axis", choices=["linear", "log"], default="linear")


def curves_of(points, names):
    """Curve name -> its measured points by rate; a message that several budgets lead to appears once."""
    curves = defaultdict(dict)
    for point in points:
        if point.trials > 0:
            curves[names[point.label]].setdefault(point.bits, point)
    return {name: [members[bits] for bits in sorted(members)] for name, members in sorted(curves.items())}


def plain(value, _=None):
    return f"{value:g}"


def time_shared(xs, ys):
    """Points between neighbours as time sharing gives them: linear in the rate, hence bent on its log axis."""
    rates = np.concatenate([np.linspace(a, b, 24) for a, b in zip(xs, xs[1:])] or [np.array(xs, dtype=float)])
    return rates, np.interp(rates, xs, ys)


def near(a, b):
    return abs(math.log(a[0] / b[0])) < 0.06 and abs(a[1] - b[1]) < 0.012


def covers(curve, other):
    """Whether `curve`, a list of positions, runs on top of `other` for more than half of its points."""
    return sum(any(near(p, q) for q in other) for p in curve) * 2 > len(curve)


def ranks_among_coinciding(curves):
    """For each curve how many earlier ones it runs on top of: later ones are drawn thinner, so that all show."""
    ranks = []
    for i, curve in enumerate(curves):
        ranks.append(max([ranks[j] + 1 for j in range(i) if covers(curve, curves[j])], default=0))
    return ranks


def rate_axis(axes, low, high):
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    ticks = [2.0**k for k in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("rate: message bits / ($N\\,d$)")


def size_axis(axes, entries):
    """The same axis in KiB, on top."""
    to_kib = entries / 8 / 1024
    top = axes.secondary_xaxis("top", functions=(lambda rate: rate * to_kib, lambda kib: kib / to_kib))
    low, high = (limit * to_kib for limit in axes.get_xlim())
    ticks = [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high / 1.2)) + 1)]
    top.xaxis.set_major_locator(FixedLocator(ticks))
    top.xaxis.set_major_formatter(FuncFormatter(plain))
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel("message (KiB)", labelpad=2)


class Panel:
    """Error against rate of one cell, with public or with stored keys."""

    def __init__(self, axes, points, floor, curve_names, bottom, limits):
        """`bottom`: where a logarithmic error axis ends; 0 makes the axis linear."""
        self.axes, self.points, self.floor, self.curve_names = axes, points, floor, curve_names
        self.bottom, self.log, (self.low, self.high) = bottom, bottom > 0, limits
        self.curves = curves_of(points, curve_names)
        self.labels = None
        self.names = []  # of curves: name, colour and where it may be written
        self.laws = []  # the same of eviction laws: text, rates and errors

    def draw(self, title):
        axes = self.axes
        if self.log:
            axes.set_yscale("log")
            axes.set_ylim(self.bottom, 0.7)
            axes.yaxis.set_major_formatter(FuncFormatter(plain))
        else:
            axes.set_ylim(-0.012, 0.54)
        rate_axis(axes, self.low, self.high)
        axes.set_title(style.short(title), loc="left", pad=style.points(26), fontweight="bold")
        self.labels = style.Labels(axes)
        axes.figure.canvas.draw()
        if self.floor is not None:
            self.draw_floor()
        self.draw_laws()
        heights = [[(p.rate, self.height(p)) for p in members] for members in self.curves.values()]
        ranks = ranks_among_coinciding(heights)
        for (name, members), own, rank in zip(self.curves.items(), heights, ranks):
            covered = [r for r, other in zip(ranks, heights) if other is own or covers(other, own)]
            self.draw_curve(name, members, rank, max(covered))
        self.draw_least_rates()
        self.draw_gap()
        self.write_names()

    def height(self, point):
        """Where a point is drawn: at its error, or at the upper end of the interval where a log axis has no 0."""
        return point.hi if self.log and point.error == 0 else point.error

    def draw_floor(self):
        every_fifth = slice(None, None, 5)  # enough for the eye
        shown = self.floor.errors[every_fifth]
        shown = np.maximum(shown, self.bottom) if self.log else shown
        rates = np.maximum(self.floor.rates[every_fifth], self.low)
        self.axes.fill_between(rates, self.bottom, shown, color=style.FORBIDDEN, linewidth=0, zorder=0)
        self.axes.plot(rates, shown, color=style.INK, linewidth=1.0, zorder=1)
        self.labels.avoid_curve(rates, shown)
        inside = (self.low * 1.15, self.bottom * 1.5) if self.log else (self.low * 1.1, 0.022)
        small = min(style.points(7), 8)  # the region is no wider on a slide
        look = {"fontsize": small, "color": style.MUTED, "va": "bottom", "linespacing": 1.1}
        self.labels.avoid_text(self.axes.text(*inside, "no scheme\ncan be here", **look))

    def draw_laws(self):
        """The eviction law: a fraction f of the entries kept, at b bits each, gives error (1 - f)/2 at rate b f."""
        laws = {1 for p in self.points if p.scheme == "bitpack"}
        for p in self.points:
            if p.scheme == "uniform" and p.trials:
                laws.add(FLOAT_BITS[p.options["format"]] * (2 if p.stored_keys else 1))
        for bits in sorted(laws):
            rates = np.geomspace(self.low, bits, 200)
            errors = (1 - rates / bits) / 2
            if self.log:
                rates, errors = rates[errors > 0.05], errors[errors > 0.05]
            self.axes.plot(rates, errors, color=style.INK, linewidth=0.6, dashes=(4, 2), zorder=2.9)
            self.labels.avoid_curve(rates, errors, 0.5)
            self.laws.append((f"$(1-f)/2$, {bits} bit{'s' if bits > 1 else ''} each", rates, errors))

    def draw_curve(self, name, members, rank, most):
        """`rank`: how many curves this one covers; `most`: the largest rank among those that cover it, and its own."""
        colour, marker = style.look(members[0].scheme)
        width, size = (2.8 - 1.0 * rank, 6.5 - 1.6 * rank) if most else (1.1, 4.0)
        axes, labels, bottom = self.axes, self.labels, self.bottom
        budgets = [p for p in members if p.budget is not None]
        if budgets:
            rates = [p.rate for p in budgets]
            xs, ys = time_shared(rates, [p.error for p in budgets])
            below = np.maximum(time_shared(rates, [p.lo for p in budgets])[1], bottom)
            above = np.maximum(time_shared(rates, [p.hi for p in budgets])[1], bottom)
            axes.fill_between(xs, below, above, color=colour, alpha=0.18, linewidth=0, zorder=1.6)
            line = {"color": colour, "linewidth": max(width, 0.8), "zorder": 2 + 0.1 * rank}
            axes.plot(xs, np.maximum(ys, bottom / 2), **line)
            labels.avoid_curve(xs, np.maximum(ys, bottom))
            labels.avoid_curve(xs, above, 0.7)
            labels.avoid_curve(xs, below, 0.7)
        size = max(size, 3) * (1.4 if marker == "*" else 1)
        for p in members:
            if p.budget is None:
                ends = [max(p.lo, bottom), p.hi]
                axes.plot([p.rate] * 2, ends, color=colour, alpha=0.5, linewidth=2, zorder=1.6)
            zero = p.error == 0
            look = {"markersize": size, "markeredgewidth": 0.8, "markerfacecolor": "white" if zero else colour}
            look = {**look, "markeredgecolor": colour, "zorder": 3 + 0.1 * rank, "clip_on": False}
            axes.plot(p.rate, self.height(p), marker=marker, linestyle="none", **look)
            if zero and self.log:
                arrow = {"arrowstyle": "->", "color": colour, "lw": 0.8, "shrinkA": 2, "shrinkB": 0}
                axes.annotate("", (p.rate, p.hi * 0.62), (p.rate, p.hi), arrowprops=arrow)
                labels.avoid_curve([p.rate] * 2, [p.hi, p.hi * 0.6], 4)
            labels.avoid_curve([p.rate], [self.height(p)], 8)
        self.remember(name, members[0].scheme, colour, [(p.rate, self.height(p)) for p in members])

    def remember(self, name, scheme, colour, anchors):
        """Keeps the name for later; variants of a scheme that cannot be told apart share one."""
        for entry in self.names:
            if entry[0].split()[0] == scheme and len(entry[2]) == len(anchors) and all(map(near, entry[2], anchors)):
                entry[0] += "," + name[len(scheme) :]
                return
        self.names.append([name, colour, anchors])

    def draw_least_rates(self):
        """Where budgets were too small, a bar at the least rate of the scheme, unless its first point is there."""
        for name, least in sorted({(self.curve_names[p.label], p.least_rate) for p in self.points if p.least_rate}):
            if name in self.curves and self.curves[name][0].rate < 1.25 * least:
                continue
            colour, _ = style.look(name.split()[0])
            ends = [0.5, 0.56] if self.log else [0.495, 0.515]
            self.axes.plot([least] * 2, ends, color=colour, linewidth=1.2, zorder=2.5, solid_capstyle="butt")
            self.labels.avoid_curve([least] * 2, ends)
            self.labels.place(f"{name}: least rate {least:.3g}", colour, [(least, ends[1])], size=6.5)

    def draw_gap(self):
        """The gap of the best code, along its error; not with stored keys, because the floor counts values only."""
        valued = [p for p in self.points if not p.stored_keys]
        best = min((p for p in valued if p.gap and 0.02 < p.error < 0.45), key=lambda p: p.gap, default=None)
        if best is not None and self.floor is not None:
            every_fifth = slice(None, None, 5)  # the curve that is drawn
            at_floor = np.interp(-best.error, -self.floor.errors[every_fifth], self.floor.rates[every_fifth])
            if best.rate > 1.2 * at_floor:  # else there is no room for an arrow
                arrow = {"arrowstyle": "<->", "lw": 0.8, "color": style.INK, "mutation_scale": 6}
                ends = (at_floor, best.error), (best.rate, best.error)
                self.axes.annotate("", *ends, zorder=4, arrowprops={**arrow, "shrinkA": 1, "shrinkB": 0})
                self.labels.avoid_curve([at_floor, best.rate], [best.error] * 2, 2)
            middle = math.sqrt(at_floor * best.rate)
            anchors = [(best.rate, best.error), (middle, best.error)]
            self.labels.place(f"gap {best.gap:.2f}", style.look(best.scheme)[0], anchors)
        met = [p for p in valued if p.gap == 1 and p.trials]
        if met:
            self.labels.place("gap 1", style.INK, [(met[0].rate, self.height(met[0]))])

    def write_names(self):
        if self.floor is not None and all(p.stored_keys for p in self.points):
            rates, errors = (column[slice(None, None, 5)] for column in (self.floor.rates, self.floor.errors))
            anchors = [(rates[i], max(errors[i], self.bottom)) for i in range(len(rates) // 2, len(rates), 20)]
            self.labels.place("this floor counts\nvalues only", style.MUTED, anchors, size=6.5)
        for name, colour, anchors in sorted(self.names, key=lambda entry: (len(entry[2]), entry[0])):
            if self.log:
                middle = sorted(anchors, key=lambda a: abs(math.log(a[1] / 0.15)))
            else:
                middle = sorted(anchors, key=lambda a: abs(a[1] - 0.33))
            self.labels.place(name, colour, middle)
        for text, rates, errors in self.laws if not self.log else []:
            places = range(len(rates) * 17 // 20, 0, -len(rates) // 20)
            self.labels.place(text, style.MUTED, [(rates[i], errors[i]) for i in places], size=6.5)


def cell_text(cell, tokens):
    return (
        f"{cell.embedding} keys, schedule {cell.schedule}, n = {cell.n} (N = {tokens}), d = {cell.d}, "
        f"eta = {cell.eta:g}"
    )


def file_name(cell):
    parts = ["error_rate", cell.embedding, cell.schedule, f"n{cell.n}", f"d{cell.d}"]
    return "_".join(parts + ([] if cell.eta == 0.5 else [f"eta{cell.eta:g}"]))


def counts_text(points):
    infeasible = sum(p.status == "infeasible" for p in points)
    uncertified, failed = sum(p.uncertified for p in points), sum(p.failed for p in points)
    measured = [p.trials for p in points if p.trials]
    return (
        f"{len(measured)} measured points of {min(measured)} to {max(measured)} trials, {infeasible} infeasible "
        f"budgets, {uncertified} uncertified and {failed} failed trials (in none of the curves)."
    )


def error_against_rate(program, cell, points, log):
    names = records.curve_names(p.label for p in points)
    measured = [p for p in points if p.trials > 0]
    panels = [
        ("public keys (free: both sides draw them)", [p for p in points if not p.stored_keys]),
        ("stored keys (the message pays for them)", [p for p in points if p.stored_keys]),
    ]
    panels = [(title, members) for title, members in panels if any(p.trials for p in members)]
    limits = (min([0.25] + [p.rate for p in measured]) / 1.3, max(p.rate for p in measured) * 1.5)
    bottom = 0.5 * min([p.error or p.hi for p in measured] + [0.01]) if log else 0
    floor = index_cells.floor_of(program, cell.schedule, cell.n, cell.d)
    width = "page" if len(panels) > 1 else "column"
    size = style.canvas(width, 3.0)
    figure, all_axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    left = style.across(width, 0.07 if width == "page" else 0.14)
    bounds = {"bottom": style.upright(0.135), "top": 1 - style.upright(0.185)}
    figure.subplots_adjust(left=left, right=0.985, wspace=0.08, **bounds)
    for axes, (title, members) in zip(all_axes[0], panels):
        Panel(axes, members, floor, names, bottom, limits).draw(title)
        size_axis(axes, points[0].entries)
    all_axes[0][0].set_ylabel("bit error")
    caption = f"""
        Bit error against message size on INDEX instances: {cell_text(cell, points[0].tokens)}.
        Lines join the budgets of one scheme as time sharing between them would (linear in the rate), bands are 95 %
        intervals, and a marker alone is an entry of fixed size.
        Hollow: no error seen; the band (in the log version the arrow) ends at what zero errors still allow.
        Black line: the least error of any message of that length (shell filling); grey: no scheme can be below it.
        Dashed: the eviction law (1 - f)/2 for a kept fraction f of the entries at the given bits each.
        Bars at error 1/2: least rate of a scheme that starts later because of the grid of budgets.
        The floor counts values only, so for stored keys the distance to it means nothing.

        {counts_text(points)}
        Public coins are fresh in every trial.

        Refuted by: a point whose whole band lies in the grey region (kvfrontier audit exits 3), or an eviction scheme
        off its dashed line by more than its band.
    """
    return file_name(cell) + ("_log" if log else ""), figure, caption


def pictures(call):
    for cell, points in index_cells.cells_of(call.program, call.directories).items():
        # A curve needs points; cells with a few budgets only are in the tables.
        if len({p.budget for p in points if p.trials and p.budget is not None}) >= 6:
            yield error_against_rate(call.program, cell, points, call.error_axis == "log")


if __name__ == "__main__":
    script.run()
