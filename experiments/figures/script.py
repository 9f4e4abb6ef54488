"""How the figure scripts are called, alone or all together by experiments/paper.py.

    NAME.py KVFRONTIER DIR --out OUT [--style paper|slide]      and the flags that NAME.py --help shows

A script that draws a sweep defines `pictures(call)`, which yields (name, figure, caption), and ends with script.run().
It may define `flags(parser)` for flags of its own, and `MANY = True` if it takes several directories. Scripts of claims
are shorter; see claims.py. A caption is text whose paragraphs are separated by blank lines.
"""

import argparse
import re
import shlex
import sys
import textwrap
from pathlib import Path

sys.dont_write_bytecode = True
try:
    import style
except ImportError as error:
    sys.exit(
        f"{error}: figures need Python 3 with matplotlib and numpy (Debian: python3-matplotlib python3-numpy); "
        ".ci/python prints one that has them"
    )


def parsed(module, words):
    """The command line of a script: program, directory (`directories` if MANY), out and the flags of the module."""
    name = Path(module.__file__).name
    parser = argparse.ArgumentParser(prog=name, description=module.__doc__.strip().split("\n\n")[0])
    parser.add_argument("program", metavar="KVFRONTIER", help="path of the kvfrontier program")
    if getattr(module, "MANY", False):
        parser.add_argument("directories", metavar="DIR", nargs="+", help="directories of records")
    else:
        parser.add_argument("directory", metavar="DIR", help="directory of records")
    parser.add_argument("--out", required=True, help="directory for the figures (pdf, png, caption in txt)")
    parser.add_argument(
        "--style",
        choices=sorted(style.WIDTHS),
        default="paper",
        help="widths and text sizes of a two-column paper (default) or of a slide",
    )
    if hasattr(module, "flags"):
        module.flags(parser)
    call = parser.parse_args(words)
    call.command = shlex.join(["python3", f"experiments/figures/{name}", *words])
    style.apply(call.style)
    return call


def laid_out(caption):
    """The caption with a sentence at the start of a line, in lines of 120 columns that break at no equals sign."""

    def filled(sentence):
        whole = re.sub(r" (=|<|>|<=|>=) ", "\0\\1\0", sentence)
        return textwrap.fill(whole, 120, break_long_words=False, break_on_hyphens=False).replace("\0", " ")

    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", caption.strip())]
    sentences = [re.split(r"(?<=[.!?])\s+(?=[A-Z])", paragraph) for paragraph in paragraphs]
    return "\n\n".join("\n".join(map(filled, paragraph)) for paragraph in sentences)


def save(call, name, figure, caption):
    """Writes OUT/NAME.pdf, .png and .txt: the caption and the command that draws the figure."""
    style.save(figure, call.out, name, f"{laid_out(caption)}\n\nMade by: {call.command}")


def draw(module, words):
    """Draws and saves all figures of a module, called with these words."""
    call = parsed(module, words)
    for name, figure, caption in module.pictures(call):
        save(call, name, figure, caption)


def run():
    """Draws the figures of the script that is running."""
    draw(sys.modules["__main__"], sys.argv[1:])
