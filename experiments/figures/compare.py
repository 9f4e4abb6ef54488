"""Compares drawn figures with expected ones: pixels and numbers within a tolerance, texts exactly.

    compare.py EXPECTED DRAWN        two directories with figures and pages
    compare.py --committed results   EXPECTED is what the last commit has in that directory
    compare.py --self-test           draws figures with known faults and fails if one of them goes unnoticed

Coordinates are rounded before they are drawn (rounding.py), so the files are the same on every processor, bit for bit.
The tolerance is for what rounding cannot catch, a last bit that decides between two lines of its grid:

  png      no channel of a pixel differs by more than 2 of 255 levels, and at most 300 pixels differ at all
  pdf      coordinates in drawing commands differ by at most 2/1024 of a point; colours, widths, text and all else are
           equal
  others   captions and pages are equal

Exit status: 0 equal, 1 different, 2 nothing to compare.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import unittest.mock
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
import numpy as np
from PIL import Image

# A last bit can move a coordinate by one line of the grid of rounding.py, 1/1024. A PDF holds the places of markers as
# differences of two coordinates, so two lines is the most that it can show. A pixel that an edge crosses changes by at
# most 255/1024 of a level for each line, and rounding makes that one level, or two where edges lie over each other.
# Without rounding, another processor changed 27 to 246 pixels of a PNG, by one or two levels; with it, none so far.
#
# What that leaves unseen: in a plot 2 inches high, 2/1024 of a point is a change of 1.4e-5 of the height of the page.
# The self-test plants a change of the data by 1e-4 of their value, and both the PDF and the PNG have to show it.
LEVELS = 2
PIXELS = 300
POINTS = 2 / 1024
KINDS = ("png", "pdf", "txt", "md")


def png_difference(expected, drawn):
    a, b = (np.asarray(Image.open(path).convert("RGBA"), dtype=int) for path in (expected, drawn))
    if a.shape != b.shape:
        return f"{b.shape[1]} x {b.shape[0]} pixels, expected {a.shape[1]} x {a.shape[0]}"
    levels = np.abs(a - b).max(axis=2)
    pixels = np.count_nonzero(levels)
    if levels.max() > LEVELS or pixels > PIXELS:
        return f"{pixels} pixels differ, by up to {levels.max()} of 255 levels"
    return ""


def pdf_objects(data):
    """The objects of a PDF as pairs of a dictionary and a stream, without what depends on the lengths of streams."""
    objects, at, lengths = {}, 0, set()
    while found := re.compile(rb"(\d+) 0 obj\s").search(data, at):
        end, stream = re.compile(rb"endobj|stream\r?\n").search(data, found.end()), b""
        head = data[found.end() : end.start()]
        at = end.end()
        if end.group() != b"endobj":
            # Compressed bytes may look like anything, so the decompressor has to say where they end.
            if b"/FlateDecode" not in head:
                raise ValueError("a stream that is not compressed by Flate")
            decompressor = zlib.decompressobj()
            stream = decompressor.decompress(data[at:])
            at = len(data) - len(decompressor.unused_data)
        lengths.update(re.findall(rb"/Length (\d+) 0 R", head))
        objects[found.group(1)] = (re.sub(rb"/Length \d+( 0 R)?", b"", head), stream)
    return {number: parts for number, parts in objects.items() if number not in lengths}


NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)")
# The commands that take coordinates, and which of the numbers before them are: all, or the last two of a matrix.
COORDINATES = {b"m": 2, b"l": 2, b"c": 6, b"v": 4, b"y": 4, b"re": 4, b"Td": 2, b"cm": 2, b"Tm": 2}
# Strings, names and all other words of a drawing command that are no numbers.
TOKEN = re.compile(rb"\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f]*>|/[^\s/\[\]<>()]+|[-+.\w]+|\S", re.DOTALL)


def stream_difference(expected, drawn):
    if expected == drawn:
        return ""
    a, b = TOKEN.findall(expected), TOKEN.findall(drawn)
    if len(a) != len(b):
        return f"{len(b)} words in a stream, expected {len(a)}"
    coordinates = set()
    for at, word in enumerate(a):
        coordinates.update(range(at - COORDINATES.get(word, 0), at))
    for at, (x, y) in enumerate(zip(a, b)):
        numbers = at in coordinates and NUMBER.fullmatch(x) and NUMBER.fullmatch(y)
        if x != y and not (numbers and abs(float(x) - float(y)) <= POINTS):
            return f"{y[:40].decode('latin-1')!r} in a stream, expected {x[:40].decode('latin-1')!r}"
    return ""


def pdf_difference(expected, drawn):
    a, b = (pdf_objects(path.read_bytes()) for path in (expected, drawn))
    if a.keys() != b.keys():
        return f"{len(b)} objects, expected {len(a)}"
    for number, (head, stream) in a.items():
        if head != b[number][0]:
            return f"object {int(number)} is {b[number][0][:60]!r}, expected {head[:60]!r}"
        difference = stream_difference(stream, b[number][1])
        if difference:
            return difference
    return ""


def text_difference(expected, drawn):
    a, b = (path.read_text(encoding="utf-8").splitlines() for path in (expected, drawn))
    for x, y in zip(a, b):
        if x != y:
            return f"line {y[:100]!r}, expected {x[:100]!r}"
    return "" if len(a) == len(b) else f"{len(b)} lines, expected {len(a)}"


def difference(expected, drawn):
    """What makes two files differ by more than the tolerance, or an empty text."""
    if not (expected.exists() and drawn.exists()):
        return "was not drawn" if expected.exists() else "is new"
    compare = {".png": png_difference, ".pdf": pdf_difference}
    return compare.get(expected.suffix, text_difference)(expected, drawn)


def compare(expected, drawn):
    """Prints every difference of two directories; returns the exit status."""
    places = ["*.{}", "figures/*.{}"]
    files = {
        path.relative_to(root)
        for root in (expected, drawn)
        for place in places
        for kind in KINDS
        for path in root.glob(place.format(kind))
    }
    files.discard(Path("README.md"))
    if not files:
        print(f"no figures in {expected} or {drawn}")
        return 2
    different = 0
    for name in sorted(files):
        found = difference(expected / name, drawn / name)
        if found:
            print(f"{drawn / name}: {found}")
            different += 1
    if different:
        print(f"{different} of {len(files)} files differ")
    else:
        exact = sum((expected / name).read_bytes() == (drawn / name).read_bytes() for name in files)
        print(f"{len(files)} files agree, {exact} of them bit for bit")
    return 1 if different else 0


def compare_with_commit(drawn):
    with tempfile.TemporaryDirectory(prefix="kvfrontier-figures-") as name:
        archive = subprocess.run(["git", "archive", "HEAD", "--", "."], cwd=drawn, capture_output=True)
        if archive.returncode != 0:
            print(f"{drawn}: {archive.stderr.decode().strip()}", file=sys.stderr)
            return 2
        subprocess.run(["tar", "-x", "-C", name], input=archive.stdout, check=True)
        return compare(Path(name), drawn)


def self_test():
    """Draws one figure several times, as other processors and as other data would, and compares."""
    import style

    xs = np.geomspace(1, 50, 30)

    def draw(directory, scale=1.0, label="measured", caption="A figure.", alpha=0.2):
        style.apply()
        figure, axes = style.plt.subplots(figsize=style.canvas("column", 2), constrained_layout=True)
        axes.fill_between(xs, 0, np.log(xs) * scale, color=style.PALETTE[0], alpha=alpha)
        axes.errorbar(xs, np.log(xs) * scale, yerr=0.1, marker="o", label=label)
        axes.set_xscale("log")
        axes.set_ylim(0, 5)
        axes.legend()
        style.save(figure, directory, "figure", caption)
        return directory

    def levels(directory, pixels, by):
        draw(directory)
        image = np.array(Image.open(directory / "figure.png"))
        image[:2, : pixels // 2, 0] -= by
        image[2, : pixels % 2, 0] -= by
        Image.fromarray(image).save(directory / "figure.png")
        return directory

    def without(directory, name):
        (draw(directory) / name).unlink()
        return directory

    faults = []
    with tempfile.TemporaryDirectory(prefix="kvfrontier-figures-") as name:
        root = Path(name)
        good = draw(root / "good")

        def expect(status, what, drawn, expected=good):
            print(f"-- {what}")
            if compare(expected, drawn) != status:
                faults.append(what)

        def same_bytes(a, b):
            return all((a / f"figure.{kind}").read_bytes() == (b / f"figure.{kind}").read_bytes() for kind in KINDS[:2])

        # Some thousand last bits, so that they show in ten decimals where nothing rounds them.
        last_bits = 1 + 1e-12
        if not same_bytes(good, draw(root / "bits", last_bits)):
            faults.append("last bits change a rounded figure")
        with unittest.mock.patch("style.round_when_drawn"):
            if same_bytes(draw(root / "unrounded"), draw(root / "unrounded bits", last_bits)):
                faults.append("last bits do not change a figure that is not rounded")
        expect(0, "last bits differ", root / "bits")
        expect(0, "few pixels differ by few levels", levels(root / "few", 100, LEVELS))
        expect(1, "one pixel differs by more", levels(root / "one", 1, LEVELS + 1))
        expect(1, "many pixels differ by one level", levels(root / "many", PIXELS + 1, 1))
        expect(1, "data differ by 1e-4 of their value", draw(root / "data", 1 + 1e-4))
        expect(1, "a colour is a hundredth more opaque", draw(root / "colour", alpha=0.21))
        expect(1, "a label differs", draw(root / "label", label="measures"))
        expect(1, "a caption differs", draw(root / "caption", caption="Another figure."))
        expect(1, "a file is missing", without(root / "missing", "figure.pdf"))
        for kind in ("png", "pdf"):  # each kind of file notices data by itself
            alone = draw(root / kind)
            (alone / f"figure.{kind}").write_bytes((root / "data" / f"figure.{kind}").read_bytes())
            expect(1, f"data differ in the {kind} alone", alone)
        expect(2, "there is nothing to compare", root / "nothing", root / "nothing")
    # A stream, one that may be drawn instead, and one that may not.
    step, line = 1 / 1024, b"0.5 0.25 0.125 rg 1 0 0 1 %f %f cm %f 7 m %f 8 l 0.75 w S"
    at = np.array([3.0, 4.0, 5.0, 6.0])
    for moved, allowed in ((2 * step, True), (3 * step, False)):
        for place in range(4):
            there = at + moved * (np.arange(4) == place)
            if bool(stream_difference(line % tuple(at), line % tuple(there))) == allowed:
                faults.append(f"coordinate {place} moved by {moved}")
    for word in (b"0.5 ", b"0.25", b"0.125", b"1 0 0", b"0.75"):
        number = word.split()[0]
        changed = (line % tuple(at)).replace(word, word.replace(number, b"%f" % (float(number) + step)), 1)
        if not stream_difference(line % tuple(at), changed):
            faults.append(f"a colour, a width or a matrix changes unseen: {changed}")
    for fault in faults:
        print(f"self-test failed: {fault}")
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("directories", metavar="DIR", nargs="*", type=Path, help="EXPECTED and DRAWN")
    parser.add_argument("--committed", metavar="DIR", type=Path, help="compare this directory with the last commit")
    parser.add_argument("--self-test", action="store_true", help="show that faults are found")
    call = parser.parse_args()
    if call.self_test:
        return self_test()
    if call.committed:
        return compare_with_commit(call.committed)
    if len(call.directories) != 2:
        parser.error("two directories are needed, EXPECTED and DRAWN")
    return compare(*call.directories)


if __name__ == "__main__":
    sys.exit(main())
