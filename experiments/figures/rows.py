"""How every figure is called, and how it reads the program's tables.

    NAME.py KVFRONTIER DIR --out OUT [--style paper|slide]      and the flags that NAME.py --help tells

    from rows import called, read_json, save
    call = called(__doc__)
    laws = read_json(call.program, "fit", call.directory, "--json")
    ...
    save(fig, "minimal_memory", "What is drawn, in a sentence or two.")

All numbers come from the program's own tables; nothing is estimated in a script.
"""

import argparse
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

_call = None


def called(description, flags=None, many=False):
    """The words of the command line: program, directory (`directories` if `many`), out and what `flags(parser)` adds. Sets the style."""
    global _call
    script = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(prog=script, description=description.strip().split("\n\n")[0])
    parser.add_argument("program", metavar="KVFRONTIER", help="path of the kvfrontier program")
    if many:
        parser.add_argument("directories", metavar="DIR", nargs="+", help="directories of rows")
    else:
        parser.add_argument("directory", metavar="DIR", help="directory of rows")
    parser.add_argument("--out", required=True, help="directory for the figures (pdf, png, caption in txt)")
    parser.add_argument("--style", choices=sorted(style.WIDTHS), default="paper", help="widths and text of a two-column paper (default) or of a slide")
    if flags:
        flags(parser)
    _call = parser.parse_args()
    _call.command = shlex.join(["python3", f"experiments/figures/{script}", *sys.argv[1:]])
    style.apply(_call.style)
    return _call


def read_text(program, *words, accepted=(0,)):
    """What `program words...` prints; ends the script with its error when its exit code is not accepted."""
    command = [str(word) for word in (program, *words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        sys.exit(f"{program}: cannot be run: {error.strerror}")
    if done.returncode not in accepted:
        sys.exit(f"{shlex.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def read_json(program, *words, **how):
    return json.loads(read_text(program, *words, **how))


def read_csv(program, *words):
    return list(csv.DictReader(io.StringIO(read_text(program, *words))))


def save(fig, name, caption):
    """Writes OUT/NAME.pdf, .png and .txt: the caption and the command."""
    style.save(fig, _call.out, name, f"{caption.strip()}\nMade by: {_call.command}")


def end_labels(axes, ends, gap=1.09):
    """Names at the right ends of curves: `ends` = [(x, y, name, colour)]. Names within a factor `gap` of each other in y share a line, the floor's its own; lines are moved apart."""
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
    to_pixels = lambda y: axes.transData.transform((1, y))[1]
    heights = style.spread([to_pixels(line["y"]) for line in lines], [8.2 * figure.dpi / 72 * style.points(1)] * len(lines))
    right = axes.get_xlim()[1]
    for line, height in zip(lines, heights):
        level = axes.transData.inverted().transform((0, height))[1]
        colour = line["colours"].pop() if len(line["colours"]) == 1 else style.INK
        axes.annotate(", ".join(line["names"]), (line["x"], line["y"]), (right * 1.04, level), fontsize=style.points(6), color=colour, va="center", ha="left", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "lw": 0.4, "color": colour, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)})
