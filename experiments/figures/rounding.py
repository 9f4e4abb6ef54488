"""Coordinates rounded before they are drawn, so that every processor draws the same file.

NumPy, BLAS and the C library choose instructions by the processor, and the last bits of their results depend on it. A
coordinate near the edge between two pixels, or one that is written with ten decimals, shows such a bit. So everything
that is drawn passes through `Rounding` in final coordinates, pixels of the PNG or points of the PDF, and is rounded to
a grid of 1/1024: fine enough not to be seen, and a thousand million times coarser than a last bit. The grid is binary
so that tidy decimal positions do not lie half way between two of its lines, where a last bit would decide again.
"""

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Bbox, IdentityTransform, TransformedPath

GRID = 1024


def rounded(values):
    """The nearest multiples of 1/GRID; zero is positive."""
    return np.round(np.asarray(values, dtype=float) * GRID) / GRID + 0.0


def _rounded_path(path, transform):
    moved = transform.transform_path(path)
    return Path(rounded(moved.vertices), moved.codes)


class Rounding:
    """A renderer that rounds what it passes on to another. It refuses images and meshes, which no figure has."""

    def __init__(self, renderer):
        self._renderer = renderer
        self._boxes = {}

    def __getattr__(self, name):
        return getattr(self._renderer, name)

    def _clipped(self, gc):
        box = gc.get_clip_rectangle()
        if box is not None:
            # One object for each box: a PDF repeats the clipping whenever the object changes.
            extents = tuple(rounded(box.extents))
            gc.set_clip_rectangle(self._boxes.setdefault(extents, Bbox.from_extents(*extents)))
        path, transform = gc.get_clip_path()
        if path is not None:
            gc.set_clip_path(TransformedPath(_rounded_path(path, transform), IdentityTransform()))
        return gc

    def draw_path(self, gc, path, transform, rgbFace=None):
        self._renderer.draw_path(self._clipped(gc), _rounded_path(path, transform), IdentityTransform(), rgbFace)

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        marker, places = _rounded_path(marker_path, marker_trans), _rounded_path(path, trans)
        still = IdentityTransform()
        self._renderer.draw_markers(self._clipped(gc), marker, still, places, still, rgbFace)

    def draw_path_collection(
        self, gc, master_transform, paths, all_transforms, offsets, offset_trans, *looks, **more_looks
    ):
        if len(all_transforms):
            raise NotImplementedError("rounding of a collection whose members have transforms of their own")
        paths = [_rounded_path(path, master_transform) for path in paths]
        offsets = rounded(offset_trans.transform(offsets))
        still = IdentityTransform()
        gc = self._clipped(gc)
        self._renderer.draw_path_collection(gc, still, paths, [], offsets, still, *looks, **more_looks)

    def draw_text(self, gc, x, y, *text, **more_text):
        x, y = rounded([x, y])
        self._renderer.draw_text(self._clipped(gc), float(x), float(y), *text, **more_text)

    def draw_image(self, *_, **__):
        raise NotImplementedError("rounding of images")

    draw_quad_mesh = draw_gouraud_triangle = draw_gouraud_triangles = draw_tex = draw_image


def round_when_drawn(figure):
    """From now on `figure` is drawn with rounded coordinates."""
    plain = figure.draw
    figure.draw = lambda renderer: plain(renderer if isinstance(renderer, Rounding) else Rounding(renderer))
