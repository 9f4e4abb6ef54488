"""The look of every figure: sizes of a two-column paper, colours safe for colour-blind readers, the same bytes for the same rows."""

import hashlib
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

# Widths in inches: of a column and a page of a two-column paper, and of half a slide and a whole one. Text on a slide is
# larger against the figure, and the figure is taller.
WIDTHS = {"paper": {"column": 3.4, "page": 7.0}, "slide": {"column": 4.7, "page": 8.0}}
TEXT = {"paper": 1.0, "slide": 1.45}
TALLER = {"paper": 1.0, "slide": 1.35}
_kind = "paper"
INK, MUTED, FORBIDDEN = "#222222", "#666666", "#e4e4e4"

# Okabe and Ito; yellow left out, too pale for lines on white.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*"]
# Every scheme of the program has a colour and marker of its own; others get theirs by their name.
KNOWN = {"bitpack": (0, 0), "uniform": (1, 1), "streaming_llm": (2, 2), "h2o": (3, 4), "kivi": (4, 3), "exact": (6, 9),
         "rate_distortion": (5, 5), "ecsq": (3, 5), "kmeans": (2, 7), "subgen": (4, 0), "subgen_sn": (4, 8), "subgen_kcenter": (4, 9),
         "gear": (0, 5), "less": (1, 3), "loma": (0, 3), "loma_lossless": (5, 6), "prefixkv": (1, 4), "lorc": (0, 9), "abc": (5, 2),
         "diffrate": (1, 9), "tem": (4, 2), "l11": (6, 2), "shared_x": (6, 3)}


def apply(kind="paper"):
    """Sets the look of all figures to come; `kind` is "paper" or "slide"."""
    global _kind
    _kind = kind
    thick = 1.0 if kind == "paper" else 1.3
    plt.rcParams.update({
        "font.size": points(8), "axes.labelsize": points(8), "axes.titlesize": points(8), "xtick.labelsize": points(7), "ytick.labelsize": points(7),
        "axes.spines.right": False, "axes.spines.top": False, "axes.linewidth": 0.6 * thick, "axes.edgecolor": INK,
        "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
        "xtick.major.width": 0.6 * thick, "ytick.major.width": 0.6 * thick, "xtick.minor.visible": False,
        "lines.linewidth": 1.1 * thick, "lines.markersize": 4 * thick, "savefig.dpi": 300, "figure.dpi": 100,
        "svg.hashsalt": "kvfrontier", "pdf.fonttype": 42, "path.simplify": False,
    })


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
    """The same of the height."""
    return share * TEXT[_kind] / TALLER[_kind]


def short(text):
    """On a slide, where text is large, without what stands in brackets."""
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
    """Writes NAME.pdf, NAME.png and NAME.txt (the caption), without dates."""
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{directory}: no directory for figures: {error.strerror}")
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


LEADER = 14  # points: a name farther away gets a line to what it names


def nearest_end(box, x, y):
    """Where a line from (x, y) meets a box (left, low, right, high)."""
    left, low, right, high = box
    return min(max(x, left), right), min(max(y, low), high)


class Labels:
    """Puts names beside curves: of the candidate places the one that covers least of what is drawn.

    Everything is counted in pixels of the finished layout, so call `place` last, when the axis limits are final.
    """

    def __init__(self, axes):
        self.axes = axes
        self.boxes = []   # of texts
        self.drawn = np.empty((0, 3))  # pixel positions along curves, and how bad it is to cover them

    def avoid_curve(self, xs, ys, weight=1.0):
        points = self.axes.transData.transform(np.column_stack([xs, ys]))
        if len(points) > 1:
            # One position every three pixels along the line.
            along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
            at = np.linspace(0, along[-1], max(2, int(along[-1] / 3)))
            points = np.column_stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])])
        self.drawn = np.vstack([self.drawn, np.column_stack([points, np.full(len(points), weight)])])

    def avoid_text(self, text):
        self.boxes.append(text.get_window_extent(self.axes.figure.canvas.get_renderer()).padded(1))

    def place(self, name, colour, anchors, size=7):
        """Writes `name` near one of `anchors` (data coordinates, preferred ones first)."""
        text = self.axes.text(0, 0, name, color=colour, fontsize=points(size), transform=None)
        renderer = self.axes.figure.canvas.get_renderer()
        shape = text.get_window_extent(renderer)
        point = self.axes.figure.dpi / 72
        inside = self.axes.get_window_extent(renderer)
        right = inside.x1 + 6 * point  # there is a margin
        best = None
        for order, anchor in enumerate(anchors):
            x, y = self.axes.transData.transform(anchor)
            for distance in (5, 9, 14, 20, 28):
                r = distance * point
                for turn, (dx, dy) in enumerate([(1, 0), (.8, .8), (.8, -.8), (0, 1), (-.8, .8), (-1, 0), (-.8, -.8), (0, -1)]):
                    left = x + dx * r - (shape.width if dx < 0 else shape.width / 2 if dx == 0 else 0)
                    if dx == 0:  # above or below, not beyond the ends of the axis
                        left = min(max(left, inside.x0 + point), right - shape.width - point)
                    low = y + dy * r - shape.height / 2 + (dy > 0) * shape.height * .3 - (dy < 0) * shape.height * .3
                    box = (left - point, low - point, left + shape.width + point, low + shape.height + point)
                    outside = max(0, inside.x0 - box[0]) + max(0, box[2] - right) + max(0, inside.y0 - box[1]) + max(0, box[3] - inside.y1)
                    texts = sum(box[0] < b.x1 and b.x0 < box[2] and box[1] < b.y1 and b.y0 < box[3] for b in self.boxes)
                    px, py, weight = self.drawn.T
                    curves = weight[(box[0] < px) & (px < box[2]) & (box[1] < py) & (py < box[3])].sum()
                    end = nearest_end(box, x, y)
                    crossed = 0  # texts and markers on the way of a line to the name
                    if distance > LEADER:
                        way = np.column_stack([np.linspace(x, end[0], 20), np.linspace(y, end[1], 20)])[3:]
                        crossed += any(b.x0 < at[0] < b.x1 and b.y0 < at[1] < b.y1 for b in self.boxes for at in way)
                        markers = self.drawn[self.drawn[:, 2] >= 8, :2]
                        crossed += any(np.hypot(*(markers - at).T).min(initial=np.inf) < 2.5 * point for at in way)
                    cost = 1000 * texts + 200 * crossed + 60 * outside + 20 * curves + distance + .5 * order + .3 * turn
                    if best is None or cost < best[0]:
                        best = (cost, left, low, x, y, distance)
        _, left, low, x, y, distance = best
        text.set_position((left, low))
        text.set_verticalalignment("bottom")
        text.set_clip_on(False)
        # Written in axes coordinates, so that it stays in place when the file is saved at another resolution.
        text.set_transform(self.axes.transAxes)
        text.set_position(self.axes.transAxes.inverted().transform((left, low)))
        self.avoid_text(text)
        if distance > LEADER:
            near = nearest_end((left, low, left + shape.width, low + shape.height), x, y)
            end = self.axes.transData.inverted().transform(near)
            start = self.axes.transData.inverted().transform((x, y))
            self.axes.plot([start[0], end[0]], [start[1], end[1]], color=colour, linewidth=0.5, zorder=1.5)
        return text
