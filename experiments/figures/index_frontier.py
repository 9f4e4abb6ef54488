"""Figures of index_frontier: error against rate, and bits against N d at a fixed error, both with the floor."""

import json
import math
from collections import defaultdict

import matplotlib.pyplot as plt
import numpy as np
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from rows import called, read_csv, save

FLOAT_BITS = {"fp32": 32, "fp16": 16, "bf16": 16}


class Point:
    """One line of `kvfrontier table`."""

    def __init__(self, row):
        def number(name):
            return float(row[name]) if row[name] else None
        self.cell = (row["instance"], row["embedding"], row["schedule"], int(row["n"]), int(row["d"]), float(row["eta"]), row["seed"])
        self.tokens, self.d = int(row["tokens"]), int(row["d"])
        self.scheme, self.keys, self.status = row["scheme"], row["keys"], row["status"]
        self.options = json.loads(row["options"])
        self.budget, self.least_rate = number("rate_budget"), number("least_rate")
        self.bits, self.rate = number("message_bits"), number("rate")
        self.error, self.lo, self.hi = number("error"), number("error_lo"), number("error_hi")
        self.gap = number("gap")
        self.trials, self.uncertified, self.failed = (int(row[name]) for name in ("trials", "uncertified", "failed"))
        # The floor drawn here is that of N d fair bits; other families of instances have their own figures.
        self.is_index = number("information_bits") in (None, self.entries) and (self.trials == 0 or self.error is not None)

    @property
    def entries(self):
        return self.tokens * self.d

    def curve(self, told_apart):
        """Name of the curve this point lies on: scheme, and the options that tell two entries of the sweep apart."""
        marks = [str(self.options[name]) for name in told_apart.get(self.scheme, ()) if self.options.get(name) is not None]
        return " ".join([self.scheme] + marks)


def read_points(program, directories):
    points = []
    for directory in directories:
        points += [Point(row) for row in read_csv(program, "table", directory, "--format", "csv")]
    return points


def floor_curve(program, cell, count=400):
    _, _, schedule, n, d, _, _ = cell
    if schedule not in ("doubling", "var256", "var512", "infinity", "one_step"):
        return None
    rows = read_csv(program, "floor", "--n", n, "--d", d, "--schedule", schedule, "--curve", count)
    return np.array([(float(row["rate"]), float(row["bits"]), float(row["error_finite"])) for row in rows])


def options_that_differ(points):
    """For each scheme the options (keys and sizes aside) that take several values among entries of one budget."""
    values = defaultdict(lambda: defaultdict(set))
    for point in points:
        for name, value in point.options.items():
            # What a budget chooses varies along a curve; formats, rotations and proxies tell curves apart.
            if name != "keys" and isinstance(value, str):
                values[point.scheme][name].add(value)
    return {scheme: sorted(name for name, seen in options.items() if len(seen) > 1) for scheme, options in values.items()}


def curves_of(points, told_apart):
    """Curve name -> its measured points by rate; a message that several budgets lead to stands once."""
    curves = defaultdict(dict)
    for point in points:
        if point.trials > 0:
            curves[point.curve(told_apart)].setdefault(point.bits, point)
    return {name: [members[bits] for bits in sorted(members)] for name, members in sorted(curves.items())}


def plain(value, _=None):
    return f"{value:g}"


def time_shared(xs, ys):
    """Points between neighbours as time sharing gives them: linear in the rate, hence bent on its log axis."""
    rates = np.concatenate([np.linspace(a, b, 24) for a, b in zip(xs, xs[1:])] or [np.array(xs, dtype=float)])
    return rates, np.interp(rates, xs, ys)


def near(a, b):
    return abs(math.log(a[0] / b[0])) < 0.06 and abs(a[1] - b[1]) < 0.012


def rank_among_coinciding(curves):
    """For each curve (a list of positions) how many earlier ones it runs on top of: later ones are drawn thinner, so that all show."""
    ranks = []
    for i, curve in enumerate(curves):
        covers = lambda other: sum(any(near(p, q) for q in other) for p in curve) * 2 > len(curve)
        ranks.append(max([ranks[j] + 1 for j in range(i) if covers(curves[j])], default=0))
    return ranks


def rate_axis(axes, low, high):
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    ticks = [2.0 ** k for k in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("rate: message bits / ($N\\,d$)")


def size_axis(axes, entries):
    """The same axis in KiB, on top."""
    to_kib = entries / 8 / 1024
    top = axes.secondary_xaxis("top", functions=(lambda rate: rate * to_kib, lambda kib: kib / to_kib))
    low, high = (limit * to_kib for limit in axes.get_xlim())
    ticks = [10.0 ** k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high / 1.2)) + 1)]
    top.xaxis.set_major_locator(FixedLocator(ticks))
    top.xaxis.set_major_formatter(FuncFormatter(plain))
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel("message (KiB)", labelpad=2)


def draw_panel(axes, points, floor, told_apart, log, bottom, limits, title):
    """Error against rate of one cell, public or stored keys. `bottom`: where a log error axis ends, else 0."""
    low, high = limits
    curves = curves_of(points, told_apart)
    if log:
        axes.set_yscale("log")
        axes.set_ylim(bottom, 0.7)
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
    else:
        axes.set_ylim(-0.012, 0.54)
    rate_axis(axes, low, high)
    axes.set_title(style.short(title), loc="left", pad=style.points(26), fontweight="bold")
    labels = style.Labels(axes)
    axes.figure.canvas.draw()

    if floor is not None:
        shown = np.maximum(floor[:, 2], bottom) if log else floor[:, 2]
        rates = np.maximum(floor[:, 0], low)
        axes.fill_between(rates, bottom, shown, color=style.FORBIDDEN, linewidth=0, zorder=0)
        axes.plot(rates, shown, color=style.INK, linewidth=1.0, zorder=1)
        labels.avoid_curve(rates, shown)
        inside = (low * 1.1, 0.022) if not log else (low * 1.15, bottom * 1.5)
        labels.avoid_text(axes.text(*inside, "no scheme\ncan be here", fontsize=min(style.points(7), 8), color=style.MUTED, va="bottom", linespacing=1.1))  # the region is no wider on a slide

    # The eviction law: a share f of the entries kept, at b bits each, gives error (1 - f)/2 at rate b f.
    laws = {1 for p in points if p.scheme == "bitpack"}
    laws |= {FLOAT_BITS[p.options["format"]] * (2 if p.keys == "stored" else 1) for p in points if p.scheme == "uniform" and p.trials}
    law_texts = []
    for bits in sorted(laws):
        rates = np.geomspace(low, bits, 200)
        errors = (1 - rates / bits) / 2
        if log:
            rates, errors = rates[errors > 0.05], errors[errors > 0.05]
        axes.plot(rates, errors, color=style.INK, linewidth=0.6, dashes=(4, 2), zorder=2.9)
        labels.avoid_curve(rates, errors, 0.5)
        law_texts.append((f"$(1-f)/2$, {bits} bit{'s' if bits > 1 else ''} each", rates, errors))

    drawn = []
    height = lambda p: p.hi if log and p.error == 0 else p.error
    ranks = rank_among_coinciding([[(p.rate, height(p)) for p in members] for members in curves.values()])
    for (name, members), rank in zip(curves.items(), ranks):
        colour, marker = style.look(members[0].scheme)
        lines = [p for p in members if p.budget is not None]
        fixed = [p for p in members if p.budget is None]
        heights = {id(p): height(p) for p in members}
        top = max(ranks[i] for i, other in enumerate(curves.values()) if rank_among_coinciding([[(p.rate, height(p)) for p in members], [(p.rate, height(p)) for p in other]])[1] or other is members)
        width, size = (2.8 - 1.0 * rank, 6.5 - 1.6 * rank) if top else (1.1, 4.0)
        if lines:
            budgets = [p.rate for p in lines]
            xs, ys = time_shared(budgets, [p.error for p in lines])
            below, above = (np.maximum(time_shared(budgets, ends)[1], bottom) for ends in ([p.lo for p in lines], [p.hi for p in lines]))
            axes.fill_between(xs, below, above, color=colour, alpha=0.18, linewidth=0, zorder=1.6)
            axes.plot(xs, np.maximum(ys, bottom / 2), color=colour, linewidth=max(width, 0.8), zorder=2 + 0.1 * rank)
            labels.avoid_curve(xs, np.maximum(ys, bottom))
            labels.avoid_curve(xs, above, 0.7)
            labels.avoid_curve(xs, below, 0.7)
        for p in fixed:
            axes.plot([p.rate] * 2, [max(p.lo, bottom), p.hi], color=colour, alpha=0.5, linewidth=2, zorder=1.6)
        for p in members:
            zero = p.error == 0
            axes.plot(p.rate, heights[id(p)], marker=marker, markersize=max(size, 3) * (1.4 if marker == "*" else 1), linestyle="none",
                      markerfacecolor="white" if zero else colour, markeredgecolor=colour, markeredgewidth=0.8, zorder=3 + 0.1 * rank, clip_on=False)
            if zero and log:
                axes.annotate("", (p.rate, p.hi * 0.62), (p.rate, p.hi), arrowprops={"arrowstyle": "->", "color": colour, "lw": 0.8, "shrinkA": 2, "shrinkB": 0})
                labels.avoid_curve([p.rate] * 2, [p.hi, p.hi * 0.6], 4)
            labels.avoid_curve([p.rate], [heights[id(p)]], 8)
        anchors = [(p.rate, heights[id(p)]) for p in members]
        same = next((entry for entry in drawn if entry[0].split()[0] == members[0].scheme and len(entry[2]) == len(anchors) and all(map(near, entry[2], anchors))), None)
        if same:  # variants that cannot be told apart share a label
            same[0] += "," + name[len(members[0].scheme):]
        else:
            drawn.append([name, colour, anchors])

    # Where budgets were too small: a bar at the least rate of the scheme, unless its first point stands there anyway.
    for name, least in sorted({(p.curve(told_apart), p.least_rate) for p in points if p.least_rate}):
        if name in curves and curves[name][0].rate < 1.25 * least:
            continue
        colour, _ = style.look(name.split()[0])
        ends = [0.5, 0.56] if log else [0.495, 0.515]
        axes.plot([least] * 2, ends, color=colour, linewidth=1.2, zorder=2.5, solid_capstyle="butt")
        labels.avoid_curve([least] * 2, ends)
        labels.place(f"{name}: least rate {least:.3g}", colour, [(least, ends[1])], size=6.5)

    # The gap of the best code, drawn along its error; with stored keys there is none, because the floor counts values only.
    best = min((p for p in points if p.gap and 0.02 < p.error < 0.45 and p.keys != "stored"), key=lambda p: p.gap, default=None)
    if best is not None and floor is not None:
        at_floor = np.interp(-best.error, -floor[:, 2], floor[:, 0])
        if best.rate > 1.2 * at_floor:  # else there is no room for an arrow
            axes.annotate("", (at_floor, best.error), (best.rate, best.error), zorder=4,
                          arrowprops={"arrowstyle": "<->", "lw": 0.8, "color": style.INK, "shrinkA": 1, "shrinkB": 0, "mutation_scale": 6})
            labels.avoid_curve([at_floor, best.rate], [best.error] * 2, 2)
        middle = math.sqrt(at_floor * best.rate)
        labels.place(f"gap {best.gap:.2f}", style.look(best.scheme)[0], [(best.rate, best.error), (middle, best.error)])
    met = [p for p in points if p.gap == 1 and p.keys != "stored" and p.trials]
    if met:
        labels.place("gap 1", style.INK, [(met[0].rate, 0.0 if not log else met[0].hi)])
    if floor is not None and all(p.keys == "stored" for p in points):
        labels.place("this floor counts\nvalues only", style.MUTED, [(floor[i, 0], max(floor[i, 2], bottom)) for i in range(len(floor) // 2, len(floor), 20)], size=6.5)
    for name, colour, anchors in sorted(drawn, key=lambda entry: (len(entry[2]), entry[0])):
        if log:
            middle = sorted(anchors, key=lambda a: abs(math.log(a[1] / 0.15)))
        else:
            middle = sorted(anchors, key=lambda a: abs(a[1] - 0.33))
        labels.place(name, colour, middle)
    for text, rates, errors in law_texts if not log else []:
        labels.place(text, style.MUTED, [(rates[i], errors[i]) for i in range(len(rates) * 17 // 20, 0, -len(rates) // 20)], size=6.5)


def cell_text(cell, tokens):
    instance, embedding, schedule, n, d, eta, _ = cell
    return f"{embedding} keys, schedule {schedule}, n = {n} (N = {tokens}), d = {d}, eta = {eta:g}"


def file_name(cell):
    _, embedding, schedule, n, d, eta, seed = cell
    parts = ["error_rate", embedding, schedule, f"n{n}", f"d{d}"]
    return "_".join(parts + ([] if eta == 0.5 else [f"eta{eta:g}"]))


def counts_text(points):
    infeasible = sum(p.status == "infeasible" for p in points)
    uncertified, failed = sum(p.uncertified for p in points), sum(p.failed for p in points)
    measured = [p.trials for p in points if p.trials]
    return (f"{len(measured)} measured points of {min(measured)} to {max(measured)} trials, {infeasible} infeasible budgets, "
            f"{uncertified} uncertified and {failed} failed trials (in none of the curves). Public coins are fresh in every trial.")


def error_against_rate(program, cell, points, log):
    told_apart = options_that_differ(points)
    measured = [p for p in points if p.trials > 0]
    panels = [("public keys (free: both sides draw them)", [p for p in points if p.keys != "stored"]),
              ("stored keys (the message pays for them)", [p for p in points if p.keys == "stored"])]
    panels = [(title, members) for title, members in panels if any(p.trials for p in members)]
    limits = (min([0.25] + [p.rate for p in measured]) / 1.3, max(p.rate for p in measured) * 1.5)
    bottom = 0.5 * min([p.error or p.hi for p in measured] + [0.01]) if log else 0
    floor = floor_curve(program, cell)
    figure, all_axes = plt.subplots(1, len(panels), figsize=style.canvas("page" if len(panels) > 1 else "column", 3.0), sharey=True, squeeze=False)
    left = style.across("page", 0.07) if len(panels) > 1 else style.across("column", 0.14)
    figure.subplots_adjust(left=left, right=0.985, bottom=style.upright(0.135), top=1 - style.upright(0.185), wspace=0.08)
    for axes, (title, members) in zip(all_axes[0], panels):
        draw_panel(axes, members, floor, told_apart, log, bottom, limits, title)
        size_axis(axes, points[0].entries)
    all_axes[0][0].set_ylabel("bit error")
    caption = (
        f"Bit error against message size on INDEX instances: {cell_text(cell, points[0].tokens)}. Lines join the budgets of one scheme as time sharing between them would (linear in the rate), bands are 95 % intervals, "
        f"a marker alone is an entry of fixed size. Hollow: no error seen, the band (in the log version the arrow) ends at what zero errors still allow. "
        f"Black line: the least error of any message of that length (shell filling); grey: below it no scheme can be. Dashed: the eviction law (1 - f)/2 for a kept "
        f"share f of the entries at the given bits each. Bars at error 1/2: least rate of a scheme that starts later because of the grid of budgets. "
        f"The floor counts values only, so the distance to it means nothing for stored keys.\n"
        f"{counts_text(points)}\n"
        f"Refuted by: a point whose whole band lies in the grey region (kvfrontier audit exits 3), or an eviction scheme off its dashed line by more than its band.")
    save(figure, file_name(cell) + ("_log" if log else ""), caption)


def least_bits(points, target):
    reached = [p for p in points if p.trials > 0 and p.hi <= target]
    return min(reached, key=lambda p: p.bits, default=None)


def bits_against_size(program, cells, target):
    """Least measured bits at the target error, over all cells of one family of keys that reach it."""
    told_apart = options_that_differ([p for points in cells.values() for p in points])
    series = defaultdict(list)
    floors = []
    for cell, points in cells.items():
        floor = floor_curve(program, cell, 2001)
        if floor is None:
            continue
        entries = points[0].entries
        floors.append((entries, floor[floor[:, 2] > target][-1, 1]))  # the last length that is certainly too short
        groups = defaultdict(list)
        for p in points:
            groups[p.curve(told_apart) + (" " + p.keys if p.keys != "none" else "")].append(p)
        for name, members in groups.items():
            best = least_bits(members, target)
            if best is not None:
                series[name].append((entries, best.bits))
    floors.sort()
    sizes = sorted({entries for entries, _ in floors})
    if len(sizes) < 2:
        return False
    embedding, eta = next(iter(cells))[1], next(iter(cells))[5]

    figure, axes = plt.subplots(figsize=style.canvas("column", 3.1))
    figure.subplots_adjust(left=style.across("column", 0.135), right=1 - style.across("column", 0.40), bottom=style.upright(0.12), top=0.97)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = sizes[0] / 1.35, sizes[-1] * 1.35
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    axes.xaxis.set_minor_formatter(NullFormatter())
    xs = np.array([entries for entries, _ in floors], dtype=float)
    ys = np.array([bits for _, bits in floors])
    line_x = np.concatenate([[low], xs, [high]])
    line_y = np.concatenate([[ys[0] * low / xs[0]], ys, [ys[-1] * high / xs[-1]]])
    tops = [bits for members in series.values() for _, bits in members]
    axes.set_ylim(line_y[0] / 2.5, max(tops) * 2.2)
    axes.fill_between(line_x, axes.get_ylim()[0], line_y, color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.plot(line_x, line_y, color=style.INK, linewidth=1.0, zorder=1)
    axes.set_xlabel("$N\\,d$ (bits that Alice holds)")
    axes.set_ylabel(f"message bits for error ≤ {target:g}")

    # Curves that coincide share a label.
    together = defaultdict(list)
    for name, members in sorted(series.items()):
        together[tuple(sorted(members))].append(name)
    ends = []
    for members, names in sorted(together.items(), key=lambda entry: entry[0][-1][1]):
        for turn, name in enumerate(names):
            colour, marker = style.look(name.split()[0])
            x, y = [m[0] for m in members], [m[1] for m in members]
            axes.plot(x, y, color=colour, marker=marker, markersize=max(3, (6.5 if len(names) > 1 else 4.5) - 1.6 * turn) * (1.3 if marker == "*" else 1), linewidth=max(0.8, (2.8 if len(names) > 1 else 1.0) - turn), markeredgewidth=0.8,
                      markerfacecolor="none" if name.endswith("stored") else colour, zorder=3 + turn)
        ends.append((members[-1], names))
    guide_x = np.array([sizes[0], sizes[-1]], dtype=float)
    guide_y = ys[-1] / 1.8 * guide_x / guide_x[-1]
    axes.plot(guide_x, guide_y, color=style.MUTED, linewidth=0.8, linestyle=":", zorder=1)
    axes.text(math.sqrt(guide_x[0] * guide_x[1]), guide_y[0] / 1.2 * math.sqrt(guide_x[1] / guide_x[0]), "slope 1", fontsize=style.points(6.5), color=style.MUTED, ha="left", va="top")

    figure.canvas.draw()
    to_pixels = lambda bits: axes.transData.transform((1, bits))[1]
    # One line of a label per option set; names that differ in the scheme only are joined.
    texts = []
    for (x, y), names in ends:
        tails = defaultdict(list)
        for name in names:
            head, _, tail = name.partition(" ")
            tails[tail].append(head)
        lines = []
        for tail, heads in sorted(tails.items()):
            ratio = y / floors[-1][1] if x == floors[-1][0] else None
            for i in range(0, len(heads), 2):
                last = i + 2 >= len(heads)
                lines.append(", ".join(heads[i:i + 2]) + ("," if not last else (f" {tail}" if tail else "")))
        texts.append((x, y, lines, style.look(names[0].split()[0])[0] if len({name.split()[0] for name in names}) == 1 else style.INK, ratio))
    texts.append((floors[-1][0], floors[-1][1], ["floor: no scheme below"], style.INK, None))
    line_height = style.points(7.6) * figure.dpi / 72
    blocks = [len(lines) for _, _, lines, _, _ in texts]
    heights = style.spread([to_pixels(y) for _, y, _, _, _ in texts], [b * line_height + 3 for b in blocks])
    inverse = axes.transData.inverted()
    for (x, y, lines, colour, ratio), height in zip(texts, heights):
        level = inverse.transform((0, height))[1]
        shown = "\n".join(lines) + (f"  {ratio:.3g}×" if ratio else "")
        axes.annotate(shown, (x * 1.06, y), (high * 1.16, level), fontsize=style.points(6.5), color=colour, va="center", ha="left", annotation_clip=False, linespacing=1.05,
                      arrowprops={"arrowstyle": "-", "lw": 0.4, "color": colour, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)})
    caption = (
        f"Least measured message bits whose whole 95 % interval of the bit error lies at or below {target:g}, against N d, on INDEX instances with {embedding} keys, eta = {eta:g}, "
        f"over {len(floors)} sizes (n, d). Black: the finite-size floor at that error; grey: no scheme can be there. Dotted: slope 1, the Omega(n^2 d) of the theorem with n^2 = Theta(N). "
        f"Filled: public keys, open: stored keys. Numbers: bits over floor at the largest N d. Budgets are a grid, so a point is the first budget that reaches the error, not the least possible; the bits themselves are exact.\n"
        f"Refuted by: a point in the grey region, or a ratio to the floor that falls below 1 as N d grows. Slopes below 1 of the measured points alone refute nothing: per-token overheads do that.")
    save(figure, f"bits_size_{embedding}", caption)
    return True


def flags(parser):
    parser.add_argument("--target-error", type=float, default=0.1, help="error of the bits-against-size figure, default 0.1")
    parser.add_argument("--error-axis", choices=["linear", "log"], default="linear")


def main():
    call = called(__doc__, flags, many=True)
    points = [p for p in read_points(call.program, call.directories) if p.is_index]
    if not any(p.trials for p in points):
        raise SystemExit(f"no measured points of INDEX instances in {', '.join(call.directories)}")
    cells = defaultdict(list)
    for point in points:
        cells[point.cell].append(point)
    for cell, members in sorted(cells.items()):
        # A curve needs points; cells with a few budgets only are in the tables.
        if len({p.budget for p in members if p.trials and p.budget is not None}) >= 6:
            error_against_rate(call.program, cell, members, call.error_axis == "log")
    families = defaultdict(dict)
    for cell, members in sorted(cells.items()):
        if cell[2] == "doubling":
            families[(cell[1], cell[5])][cell] = members
    for family in families.values():
        bits_against_size(call.program, family, call.target_error)


main()
