"""The look of every figure: sizes of a two-column paper, colours that colour-blind readers can tell apart."""

import hashlib
import logging
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of the backend)
from matplotlib.transforms import Bbox  # noqa: E402
from rounding import round_when_drawn, rounded  # noqa: E402

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns that fonts have no dates, as they should not

# Widths in inches: of a column and a page of a two-column paper, and of half a slide and a whole one. A slide has
# larger text for its size, and taller figures.
WIDTHS = {"paper": {"column": 3.4, "page": 7.0}, "slide": {"column": 4.7, "page": 8.0}}
TEXT = {"paper": 1.0, "slide": 1.45}
TALLER = {"paper": 1.0, "slide": 1.35}
_kind = "paper"
INK, MUTED, FORBIDDEN = "#222222", "#666666", "#e4e4e4"

# Okabe and Ito, without their yellow, which is too pale for lines on white.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*"]
# Every scheme of the program has a colour and a marker of its own; other schemes get theirs by their name.
# fmt: off
KNOWN = {
    "bitpack": (0, 0), "uniform": (1, 1), "streaming_llm": (2, 2), "h2o": (3, 4), "kivi": (4, 3), "exact": (6, 9),
    "rate_distortion": (5, 5), "ecsq": (3, 5), "kmeans": (2, 7), "subgen": (4, 0), "subgen_sn": (4, 8),
    "subgen_kcenter": (4, 9), "gear": (0, 5), "less": (1, 3), "loma": (0, 3), "loma_lossless": (5, 6),
    "prefixkv": (1, 4), "lorc": (0, 9), "abc": (5, 2), "diffrate": (1, 9), "tem": (4, 2), "l11": (6, 2),
    "shared_x": (6, 3),
}
# fmt: on


def apply(kind="paper"):
    """Sets the look of all figures to come; `kind` is "paper" or "slide"."""
    global _kind
    _kind = kind
    thick = 1.0 if kind == "paper" else 1.3
    look = {f"{name}.color": INK for name in ("text", "xtick", "ytick")}
    look.update({f"axes.{name}color": INK for name in ("edge", "label")})
    look.update({f"{name}.labelsize": points(7) for name in ("xtick", "ytick")})
    look.update({f"{name}.major.width": 0.6 * thick for name in ("xtick", "ytick")})
    look.update({name: points(8) for name in ("font.size", "axes.labelsize", "axes.titlesize")})
    look.update({"axes.spines.right": False, "axes.spines.top": False, "axes.linewidth": 0.6 * thick})
    look.update({"lines.linewidth": 1.1 * thick, "lines.markersize": 4 * thick, "path.simplify": False})
    look.update({"savefig.dpi": 300, "figure.dpi": 100, "svg.hashsalt": "kvfrontier", "pdf.fonttype": 42})
    plt.rcParams.update({**look, "xtick.minor.visible": False})


def points(size):
    """Size of text that is `size` points in a paper."""
    return size * TEXT[_kind]


def canvas(width, height):
    """Width and height in inches of a figure as wide as a "column" or a "page" and `height` inches tall in a paper."""
    return WIDTHS[_kind][width], height * TALLER[_kind]


def across(width, share):
    """What text that takes `share` of the width of a paper's figure takes of this style's."""
    return share * TEXT[_kind] * WIDTHS["paper"][width] / WIDTHS[_kind][width]


def upright(share):
    """The same for the height."""
    return share * TEXT[_kind] / TALLER[_kind]


def short(text):
    """On a slide, where text is large, the text without what is in brackets."""
    return text.partition(" (")[0] if _kind == "slide" else text


def look(scheme):
    """Colour and marker of a scheme: fixed for known names, a function of the name for others."""
    if scheme in KNOWN:
        colour, marker = KNOWN[scheme]
    else:
        number = int.from_bytes(hashlib.sha256(scheme.encode()).digest()[:4], "big")
        colour, marker = number % len(PALETTE), number // len(PALETTE) % len(MARKERS)
    return PALETTE[colour], MARKERS[marker]


def save(figure, directory, name, caption):
    """Writes NAME.pdf, NAME.png and NAME.txt (the caption), the same bytes whenever and wherever it is drawn."""
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{directory}: no directory for figures: {error.strerror}")
    round_when_drawn(figure)
    figure.savefig(directory / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(directory / f"{name}.png", metadata={"Software": None})
    plt.close(figure)
    (directory / f"{name}.txt").write_text(caption + "\n", encoding="utf-8")


def spread(centres, sizes):
    """Centres of blocks of the given sizes, moved apart as little as needed, in the same order."""
    order = sorted(range(len(centres)), key=lambda i: centres[i])
    moved = [centres[i] for i in order]
    for _ in range(400):
        for i in range(1, len(moved)):
            lack = (sizes[order[i]] + sizes[order[i - 1]]) / 2 - (moved[i] - moved[i - 1])
            if lack > 1e-9:
                moved[i - 1] -= lack / 2
                moved[i] += lack / 2
    result = [0.0] * len(centres)
    for place, i in enumerate(order):
        result[i] = moved[place]
    return result


def end_labels(axes, ends, gap=1.09):
    """Names at the right ends of curves: `ends` = [(x, y, name, colour)].

    Names within a factor `gap` of each other in y share a line, but the floor has its own. Lines are moved apart.
    """
    figure = axes.figure
    figure.canvas.draw()
    letters = 25  # in a line
    lines = []
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        close = lines and y / lines[-1]["y"] < gap and len(", ".join([*lines[-1]["names"], name])) <= letters
        if close and len(lines[-1]["names"]) < 2 and "floor" not in (name, *lines[-1]["names"]):
            lines[-1]["names"].append(name)
            lines[-1]["colours"].add(colour)
        else:
            lines.append({"x": x, "y": y, "names": [name], "colours": {colour}})
    pixels = [rounded(axes.transData.transform((1, line["y"]))[1]) for line in lines]
    heights = spread(pixels, [8.2 * figure.dpi / 72 * points(1)] * len(lines))
    right = axes.get_xlim()[1]
    for line, height in zip(lines, heights):
        level = axes.transData.inverted().transform((0, height))[1]
        colour = line["colours"].pop() if len(line["colours"]) == 1 else INK
        axes.annotate(
            ", ".join(line["names"]),
            (line["x"], line["y"]),
            (right * 1.04, level),
            fontsize=points(6),
            color=colour,
            va="center",
            ha="left",
            annotation_clip=False,
            arrowprops=leader(colour),
        )


def leader(colour):
    """The thin line from a name in the margin to the end of its curve."""
    return {"arrowstyle": "-", "lw": 0.4, "color": colour, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)}


LEADER = 14  # points: a name farther away gets a line to what it names
DIRECTIONS = [(1, 0), (0.8, 0.8), (0.8, -0.8), (0, 1), (-0.8, 0.8), (-1, 0), (-0.8, -0.8), (0, -1)]


def nearest_end(box, x, y):
    """Where a line from (x, y) meets a box (left, low, right, high)."""
    left, low, right, high = box
    return min(max(x, left), right), min(max(y, low), high)


class Labels:
    """Puts names beside curves, each at the candidate place where it covers least of what is drawn.

    Everything is counted in pixels of the finished layout, so call `place` last, when the axis limits are final.
    """

    def __init__(self, axes):
        self.axes = axes
        self.boxes = []  # of texts
        self.drawn = np.empty((0, 3))  # pixel positions along curves, and how bad it is to cover them

    def avoid_curve(self, xs, ys, weight=1.0):
        points = rounded(self.axes.transData.transform(np.column_stack([xs, ys])))
        if len(points) > 1:
            # One position every three pixels along the line.
            along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
            at = np.linspace(0, along[-1], max(2, int(along[-1] / 3)))
            points = rounded(np.column_stack([np.interp(at, along, column) for column in points.T]))
        self.drawn = np.vstack([self.drawn, np.column_stack([points, np.full(len(points), weight)])])

    def avoid_text(self, text):
        self.boxes.append(text.get_window_extent(self.axes.figure.canvas.get_renderer()).padded(1))

    def _cost(self, box, inside, right, x, y, far):
        """How bad it is to put a text into `box`, with a line to (x, y) if it is `far` from there."""
        left, low, end, high = box
        sideways = max(0, inside.x0 - left) + max(0, end - right)
        upright = max(0, inside.y0 - low) + max(0, high - inside.y1)
        texts = sum(left < b.x1 and b.x0 < end and low < b.y1 and b.y0 < high for b in self.boxes)
        px, py, weight = self.drawn.T
        curves = weight[(left < px) & (px < end) & (low < py) & (py < high)].sum()
        crossed = 0  # texts and markers on the way of the line
        if far:
            goal = nearest_end(box, x, y)
            way = rounded(np.column_stack([np.linspace(x, goal[0], 20), np.linspace(y, goal[1], 20)]))[3:]
            crossed += any(b.x0 < at[0] < b.x1 and b.y0 < at[1] < b.y1 for b in self.boxes for at in way)
            markers = self.drawn[self.drawn[:, 2] >= 8, :2]
            reach = 2.5 * self.axes.figure.dpi / 72
            crossed += any(np.hypot(*(markers - at).T).min(initial=np.inf) < reach for at in way)
        return 1000 * texts + 200 * crossed + 60 * (sideways + upright) + 20 * curves

    def place(self, name, colour, anchors, size=7):
        """Writes `name` near one of `anchors` (data coordinates, preferred ones first)."""
        text = self.axes.text(0, 0, name, color=colour, fontsize=points(size), transform=None)
        renderer = self.axes.figure.canvas.get_renderer()
        shape = text.get_window_extent(renderer)
        point = self.axes.figure.dpi / 72
        inside = Bbox(rounded(self.axes.get_window_extent(renderer).get_points()))
        right = inside.x1 + 6 * point  # there is a margin
        best = None
        for order, anchor in enumerate(anchors):
            x, y = rounded(self.axes.transData.transform(anchor))
            for distance in (5, 9, 14, 20, 28):
                r = distance * point
                for turn, (dx, dy) in enumerate(DIRECTIONS):
                    left = x + dx * r - (shape.width if dx < 0 else shape.width / 2 if dx == 0 else 0)
                    if dx == 0:  # above or below, not beyond the ends of the axis
                        left = min(max(left, inside.x0 + point), right - shape.width - point)
                    low = y + dy * r - shape.height / 2 + ((dy > 0) - (dy < 0)) * shape.height * 0.3
                    box = (left - point, low - point, left + shape.width + point, low + shape.height + point)
                    cost = self._cost(box, inside, right, x, y, distance > LEADER)
                    cost = rounded(cost + distance + 0.5 * order + 0.3 * turn)
                    if best is None or cost < best[0]:
                        best = (cost, left, low, x, y, distance)
        _, left, low, x, y, distance = best
        text.set_verticalalignment("bottom")
        text.set_clip_on(False)
        # Written in axes coordinates, so that it keeps its place when the file is saved at another resolution.
        text.set_transform(self.axes.transAxes)
        text.set_position(self.axes.transAxes.inverted().transform((left, low)))
        self.avoid_text(text)
        if distance > LEADER:
            near = nearest_end((left, low, left + shape.width, low + shape.height), x, y)
            (x0, y0), (x1, y1) = self.axes.transData.inverted().transform([(x, y), near])
            self.axes.plot([x0, x1], [y0, y1], color=colour, linewidth=0.5, zorder=1.5)
        return text
