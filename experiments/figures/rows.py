"""Figures of stored rows: what a script called as NAME.py KVFRONTIER DIR OUT [more] needs.

    from rows import called, read_json, save
    program, directory, rest = called(__doc__)
    laws = read_json(program, "fit", directory, "--json")
    ...
    save(fig, "minimal_memory", "What is drawn, in a sentence or two.")

All numbers come from the program's own tables; nothing is estimated in a script.
"""

import csv
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
try:
    import numpy as np  # noqa: F401
    import style
except ImportError as error:
    sys.exit(f"{error}: figures need Python 3 with matplotlib and numpy (Debian: python3-matplotlib python3-numpy); .ci/python prints one that has them")

_called = {"out": None, "command": ""}


def called(usage):
    """Program, directory of rows and what follows the directory for figures."""
    if len(sys.argv) < 4:
        sys.exit(usage.strip())
    program, directory, out, *rest = sys.argv[1:]
    _called.update(out=out, command=shlex.join(["python3", f"experiments/figures/{Path(sys.argv[0]).name}", *sys.argv[1:]]))
    style.apply()
    return program, directory, rest


def read_text(program, *words):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join([program, *map(str, words)])} failed: {done.stderr.strip()}")
    return done.stdout


def read_json(program, *words):
    return json.loads(read_text(program, *words))


def read_csv(program, *words):
    return list(csv.DictReader(io.StringIO(read_text(program, *words))))


def save(fig, name, caption):
    """Writes OUT/NAME.pdf, .png and .txt: the caption and the command."""
    style.save(fig, _called["out"], name, f"{caption.strip()}\nMade by: {_called['command']}")


def end_labels(axes, ends, gap=1.09):
    """Names at the right ends of curves: `ends` = [(x, y, name, colour)]. Names within a factor `gap` of each other in y share a line, the floor's its own; lines are moved apart."""
    figure = axes.figure
    figure.canvas.draw()
    lines = []
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        if lines and y / lines[-1]["y"] < gap and len(lines[-1]["names"]) < 2 and "floor" not in (name, *lines[-1]["names"]):
            lines[-1]["names"].append(name)
            lines[-1]["colours"].add(colour)
        else:
            lines.append({"x": x, "y": y, "names": [name], "colours": {colour}})
    to_pixels = lambda y: axes.transData.transform((1, y))[1]
    heights = style.spread([to_pixels(line["y"]) for line in lines], [8.2 * figure.dpi / 72] * len(lines))
    right = axes.get_xlim()[1]
    for line, height in zip(lines, heights):
        level = axes.transData.inverted().transform((0, height))[1]
        colour = line["colours"].pop() if len(line["colours"]) == 1 else style.INK
        axes.annotate(", ".join(line["names"]), (line["x"], line["y"]), (right * 1.04, level), fontsize=6, color=colour, va="center", ha="left", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "lw": 0.4, "color": colour, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)})
