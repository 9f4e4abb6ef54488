"""What the figures of index_frontier share: the cells that their points belong to, and the floor of a cell."""

import functools
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import records

SCHEDULES = ("doubling", "var256", "var512", "infinity", "one_step")  # those whose floor has a curve


class Cell(NamedTuple):
    """What the points of one figure share."""

    instance: str
    embedding: str
    schedule: str
    n: int
    d: int
    eta: float
    seed: str


def cell_of(point):
    return Cell(*(getattr(point, name) for name in Cell._fields))


def is_index(point):
    """The floor drawn here is that of N d fair bits; other families of instances have figures of their own."""
    return point.information_bits in (None, point.entries) and (point.trials == 0 or point.error is not None)


class Floor(NamedTuple):
    """Least errors of messages by their length."""

    rates: np.ndarray
    bits: np.ndarray
    errors: np.ndarray


@functools.lru_cache(maxsize=None)
def floor_of(program, schedule, n, d):
    """The floor at 2001 lengths, or None where the program has no curve."""
    if schedule not in SCHEDULES:
        return None
    return Floor(*map(np.array, records.floor_curve(program, n, d, schedule, 2001)))


def cells_of(program, directories):
    """The points on INDEX instances in all directories, by cell."""
    points = [p for directory in directories for p in records.points(program, directory) if is_index(p)]
    if not any(p.trials for p in points):
        raise SystemExit(f"no measured points of INDEX instances in {', '.join(directories)}")
    cells = defaultdict(list)
    for point in points:
        cells[cell_of(point)].append(point)
    return dict(sorted(cells.items()))
