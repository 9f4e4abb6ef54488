"""Least measured bits at one error against N d on INDEX instances with the floor, from records of index_frontier."""

import math
from collections import defaultdict

import script
import index_cells
import matplotlib.pyplot as plt
import numpy as np
import records
import style
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

MANY = True  # directories


def flags(parser):
    parser.add_argument("--target-error", type=float, default=0.1, help="default 0.1")


def least_bits(points, target):
    reached = [p for p in points if p.trials > 0 and p.hi <= target]
    return min(reached, key=lambda p: p.bits, default=None)


def label_lines(names):
    """The lines of a label for curves that coincide: one for each set of options, which several schemes may share."""
    tails = defaultdict(list)
    for name in names:
        head, _, tail = name.partition(" ")
        tails[tail].append(head)
    lines = []
    for tail, heads in sorted(tails.items()):
        pairs = [", ".join(heads[i : i + 2]) for i in range(0, len(heads), 2)]
        lines += [pair + "," for pair in pairs[:-1]] + [f"{pairs[-1]} {tail}".strip()]
    return lines


def least_bits_by_size(program, cells, target):
    """The floor at the target error as [(N d, bits)], and the least bits of every curve that reaches it, likewise."""
    names = records.curve_names(p.label for points in cells.values() for p in points)
    floors, series = [], defaultdict(list)
    for cell, points in cells.items():
        floor = index_cells.floor_of(program, cell.schedule, cell.n, cell.d)
        if floor is None:
            continue
        entries = points[0].entries
        floors.append((entries, floor.bits[floor.errors > target][-1]))  # the last length that is certainly too short
        groups = defaultdict(list)
        for p in points:
            groups[names[p.label] + (" " + p.keys if p.keys != "none" else "")].append(p)
        for name, members in groups.items():
            best = least_bits(members, target)
            if best is not None:
                series[name].append((entries, best.bits))
    return sorted(floors), series


def bits_against_size(program, cells, target):
    """Least measured bits at the target error, over all cells of one family of keys; None for fewer than two sizes."""
    floors, series = least_bits_by_size(program, cells, target)
    sizes = sorted({entries for entries, _ in floors})
    if len(sizes) < 2:
        return None
    cell = next(iter(cells))
    figure, axes = plt.subplots(figsize=style.canvas("column", 3.1))
    left, right = style.across("column", 0.135), 1 - style.across("column", 0.40)
    figure.subplots_adjust(left=left, right=right, bottom=style.upright(0.12), top=0.97)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = sizes[0] / 1.35, sizes[-1] * 1.35
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    axes.xaxis.set_minor_formatter(NullFormatter())
    xs, ys = (np.array(column, dtype=float) for column in zip(*floors))
    line_x = np.concatenate([[low], xs, [high]])
    line_y = np.concatenate([[ys[0] * low / xs[0]], ys, [ys[-1] * high / xs[-1]]])
    axes.set_ylim(line_y[0] / 2.5, max(bits for members in series.values() for _, bits in members) * 2.2)
    axes.fill_between(line_x, axes.get_ylim()[0], line_y, color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.plot(line_x, line_y, color=style.INK, linewidth=1.0, zorder=1)
    axes.set_xlabel("$N\\,d$ (bits that Alice holds)")
    axes.set_ylabel(f"message bits for error ≤ {target:g}")

    # Curves that coincide share a label.
    together = defaultdict(list)
    for name, members in sorted(series.items()):
        together[tuple(sorted(members))].append(name)
    labels = []  # where the curve ends, lines, colour, bits over floor
    for members, names in sorted(together.items(), key=lambda entry: entry[0][-1][1]):
        thick, large = (2.8, 6.5) if len(names) > 1 else (1.0, 4.5)
        for turn, name in enumerate(names):
            colour, marker = style.look(name.split()[0])
            look = {"color": colour, "marker": marker, "markeredgewidth": 0.8, "linewidth": max(0.8, thick - turn)}
            look["markersize"] = max(3, large - 1.6 * turn) * (1.3 if marker == "*" else 1)
            look["markerfacecolor"] = "none" if name.endswith("stored") else colour
            axes.plot(*zip(*members), zorder=3 + turn, **look)
        schemes = {name.split()[0] for name in names}
        colour = style.look(min(schemes))[0] if len(schemes) == 1 else style.INK
        x, y = members[-1]
        ratio = f"  {y / floors[-1][1]:.3g}×" if x == floors[-1][0] else ""
        labels.append((x, y, label_lines(names), colour, ratio))
    labels.append((*floors[-1], ["floor: no scheme below"], style.INK, ""))
    guide_x = np.array([sizes[0], sizes[-1]], dtype=float)
    guide_y = ys[-1] / 1.8 * guide_x / guide_x[-1]
    axes.plot(guide_x, guide_y, color=style.MUTED, linewidth=0.8, linestyle=":", zorder=1)
    middle = math.sqrt(guide_x[0] * guide_x[1]), guide_y[0] / 1.2 * math.sqrt(guide_x[1] / guide_x[0])
    axes.text(*middle, "slope 1", fontsize=style.points(6.5), color=style.MUTED, ha="left", va="top")

    figure.canvas.draw()
    line_height = style.points(7.6) * figure.dpi / 72
    pixels = [style.rounded(axes.transData.transform((1, y))[1]) for _, y, _, _, _ in labels]
    heights = style.spread(pixels, [len(lines) * line_height + 3 for _, _, lines, _, _ in labels])
    for (x, y, lines, colour, ratio), height in zip(labels, heights):
        level = axes.transData.inverted().transform((0, height))[1]
        look = {"fontsize": style.points(6.5), "color": colour, "va": "center", "ha": "left", "linespacing": 1.05}
        ends = (x * 1.06, y), (high * 1.16, level)
        axes.annotate("\n".join(lines) + ratio, *ends, annotation_clip=False, arrowprops=style.leader(colour), **look)
    caption = f"""
        Least measured message bits whose whole 95 % interval of the bit error lies at or below {target:g}, against N d,
        on INDEX instances with {cell.embedding} keys, eta = {cell.eta:g}, over {len(floors)} sizes (n, d).
        Black: the finite-size floor at that error; grey: no scheme can be there.
        Dotted: slope 1, the Omega(n^2 d) of the theorem with n^2 = Theta(N).
        Filled: public keys, open: stored keys.
        Numbers: bits over floor at the largest N d.
        Budgets are a grid, so a point is the first budget that reaches the error, not the least possible; the bits
        themselves are exact.

        Refuted by: a point in the grey region, or a ratio to the floor that falls below 1 as N d grows.
        Slopes below 1 of the measured points alone refute nothing: overheads per token cause them.
    """
    return f"bits_size_{cell.embedding}", figure, caption


def pictures(call):
    families = defaultdict(dict)
    for cell, points in index_cells.cells_of(call.program, call.directories).items():
        if cell.schedule == "doubling":
            families[(cell.embedding, cell.eta)][cell] = points
    for family in families.values():
        picture = bits_against_size(call.program, family, call.target_error)
        if picture:
            yield picture


if __name__ == "__main__":
    script.run()
