"""Everything at once: measures the sweeps of one size and all claims, then draws every figure and writes their page.

    python3 experiments/paper.py KVFRONTIER [--size quick|paper] [--runs DIR] [--dry-run]      measure, then draw
    python3 experiments/paper.py KVFRONTIER --from results/reference                           draw stored records

Figures go to OUT/figures (pdf, png, caption in txt) and the page to OUT/paper.md; OUT is results. A page to explore all
points goes to OUT/report.html if the program was built with it. When it is stopped, the same command goes on: each
sweep resumes where it was. `make paper` and `make figures` call this script.
"""

import argparse
import importlib
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

FIGURES = Path(__file__).resolve().parent / "figures"
sys.dont_write_bytecode = True
sys.path.insert(0, str(FIGURES))
import claims  # noqa: E402  (from FIGURES)
import records  # noqa: E402
import script  # noqa: E402

CLAIMS = "verify"  # the claims of one size have their records in RUNS/verify-SIZE, a sweep has its own in RUNS/CONFIG

# Which scripts draw the records of a sweep. Sweeps that are not listed are drawn together by FRONTIER_FIGURES.
SWEEP_FIGURES = {
    "both_sides": ["frontier_both_sides"],
    "minimal_memory": ["minimal_memory", "gap_bars"],
    "scheme_comparison": ["scheme_comparison"],
}
FRONTIER_FIGURES = ["error_rate", "bits_by_size"]
# The first figures of the page; the others follow by name.
FIRST = [
    "error_rate_sphere_doubling_n32_d64",
    "bits_size_sphere",
    "frontier_both_sides",
    "minimal_memory",
    "gap_bars",
]

THEOREM = """\
**Theorem** (Chen, Li, Ke, Liang, Shi, Song, arXiv 2503.14881, after Haris and Onak, COLT 2025).
Any mechanism for visual autoregressive generation with attention that answers every query of the last n x n token map
within a factor 1 ± η must carry Ω(n² d) bits of key-value cache into that map, for embedding width d = Ω(log n).

The proof hides the bits of a one-way INDEX game in the values behind near-orthogonal keys, so that one query reads any
row back.
A message from which the bits can be read with mean error p has at least (1 - H₂(p)) N d bits, where N tokens are cached
before the last map.
The rest of this page is measured: messages are real bit strings, Bob is a process of his own that sees nothing else,
and the floor is drawn and enforced."""

CLAIMS_TEXT = """\
Each claim was measured at size `{size}` and judged from the stored records in `{runs}`.
Numbers are those of the check that decides.
[docs/claims.md](../docs/claims.md) says what each claim states, what it allows and what would refute it."""


def duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Stage:
    """One sweep, or all claims: words for the program, which measures and resumes."""

    def __init__(self, program, name, words):
        self.program, self.name, self.words = program, name, words

    def estimate(self):
        """Seconds, least and most, that the program expects of this machine."""
        return records.expected_seconds(self.program, *self.words)

    def run(self):
        return subprocess.run([self.program, *self.words], stdout=subprocess.DEVNULL).returncode


def stages(program, size, runs):
    configs = sorted(Path("configs", size).glob("*.json"))
    sweeps = [Stage(program, path.stem, ["run", str(path), "--out", str(runs / path.stem)]) for path in configs]
    name = f"{CLAIMS}-{size}"
    return sweeps + [Stage(program, name, ["verify", "--size", size, "--out", str(runs / name)])]


def measure(list_of_stages):
    """Runs all stages. Returns False when one reported failed trials or a claim that does not hold.

    Any other error ends the script.
    """
    expected = [stage.estimate() for stage in list_of_stages]
    start, clean, foreseen = time.monotonic(), True, 0.0
    for turn, (stage, (least, most)) in enumerate(zip(list_of_stages, expected)):
        gone = time.monotonic() - start
        # The time taken so far over the time expected for it corrects what is expected of the rest.
        pace = gone / foreseen if foreseen > 0 else 1
        left = [duration(pace * sum(ends)) for ends in zip(*expected[turn:])]
        progress = f"{turn + 1} of {len(list_of_stages)}: {stage.name}"
        print(f"== {progress}; {duration(gone)} gone, {left[0]} to {left[1]} left for all", file=sys.stderr, flush=True)
        code = stage.run()
        if code not in (0, 1):
            sys.exit(code if code > 0 else 128 - code)
        clean = clean and code == 0
        foreseen += (least + most) / 2
    return clean


def sweep_scripts(runs):
    """What draws the sweeps stored in `runs`: pairs of a script and its directories."""
    found, frontiers = [], []
    for path in sorted(path for path in runs.iterdir() if path.is_dir() and any(path.glob("*.jsonl*"))):
        if path.name in SWEEP_FIGURES:
            found += [(name, [str(path)]) for name in SWEEP_FIGURES[path.name]]
        elif not path.name.startswith(CLAIMS):
            frontiers.append(str(path))
    return found + [(name, frontiers) for name in FRONTIER_FIGURES if frontiers]


def draw_one(name, words, claim):
    """Draws the figures of one script, in a process of the pool; returns what went wrong, or an empty text."""
    try:
        module = importlib.import_module(name)
        if claim is None:
            script.draw(module, words)
        else:
            claims.draw_claim(module, words, claim)
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, SystemExit) else f"{type(error).__name__}: "
        return f"{name}.py: {kind}{error}"
    return ""


def draw(program, runs, size, judged, style, out):
    """Draws everything, several figures at a time; returns the errors. A claim without a script is one."""
    ending = ["--style", style, "--out", str(out)]
    jobs = [(name, [program, *directories, *ending], None) for name, directories in sweep_scripts(runs)]
    directory = str(runs / f"{CLAIMS}-{size}")
    jobs += [(claim.name, [program, directory, "--size", size, *ending], claim) for claim in judged]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        return [error for error in workers.map(draw_one, *zip(*jobs)) if error]


# What `report` says when this program has no page because it was built that way.
NO_PAGE = "without the page"


def write_report(program, runs, path):
    """Writes the page to explore all points; returns what went wrong, or an empty text."""
    path.unlink(missing_ok=True)  # that of earlier records must not stay
    done = subprocess.run([program, "report", str(runs), "--out", str(path)], stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode == 0 or NO_PAGE in done.stderr:
        return ""
    return f"{path}: kvfrontier report ended with exit code {done.returncode}"


def number(value):
    return "" if value is None else f"{value:.4g}"


def claims_table(judged):
    lines = [
        "| claim | statement | checks | measured | predicted | interval | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for claim in judged:
        cells = [f"`{claim.name}`", f"{claim.statement} ({claim.source})".replace("|", "\\|"), str(len(claim.checks))]
        check = claim.deciding
        cells += [number(check.measured), number(check.predicted)] if check else ["", ""]
        cells += [f"[{number(check.lo)}, {number(check.hi)}]" if check else "", f"**{claim.outcome}**"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(judged, runs, size, figures):
    """The text of paper.md."""
    about = CLAIMS_TEXT.format(size=size, runs=runs)
    parts = ["# What was measured", THEOREM, "## Claims", about, claims_table(judged), "## Figures"]
    names = {path.stem for path in figures.glob("*.png")}
    for name in [*(name for name in FIRST if name in names), *sorted(names - set(FIRST))]:
        caption, _, command = (figures / f"{name}.txt").read_text(encoding="utf-8").rpartition("Made by: ")
        parts += [f"### {name}", f"![{name}](figures/{name}.png)", caption.strip(), f"    {command.strip()}"]
    return "\n\n".join(parts) + "\n"


def arguments():
    parser = argparse.ArgumentParser(
        description="Measures the sweeps of one size and all claims, draws every figure and writes OUT/paper.md. "
        "When it is stopped, the same command goes on."
    )
    size = "configs/SIZE and claims of that size; default paper, with --from quick"
    dry_run = "print what would be measured and how long it takes, and do nothing"
    parser.add_argument("program", metavar="KVFRONTIER", help="path of the kvfrontier program")
    parser.add_argument("--size", choices=["quick", "paper"], help=size)
    parser.add_argument("--runs", type=Path, help="directory for records; default results/runs/SIZE")
    parser.add_argument("--from", dest="stored", type=Path, metavar="DIR", help="draw these records, measure nothing")
    parser.add_argument("--out", type=Path, default=Path("results"), help="for figures/ and paper.md; default results")
    parser.add_argument("--style", choices=["paper", "slide"], default="paper", help="look of the figures")
    parser.add_argument("--dry-run", action="store_true", help=dry_run)
    call = parser.parse_args()
    if call.stored and (call.runs or call.dry_run):
        parser.error("--from measures nothing; leave --runs and --dry-run out")
    call.size = call.size or ("quick" if call.stored else "paper")
    call.runs = call.stored or call.runs or Path("results/runs") / call.size
    return call


def print_estimates(list_of_stages):
    total = [0.0, 0.0]
    for stage in list_of_stages:
        least, most = stage.estimate()
        total = [total[0] + least, total[1] + most]
        print(f"{stage.name:20} {duration(least):>8} to {duration(most):>8}")
    hours = f"{total[0] / 3600:.1f} to {total[1] / 3600:.1f} hours"
    print(f"{'all':20} {duration(total[0]):>8} to {duration(total[1]):>8} on this machine ({hours})")
    print("Searches take less, because they stop early.")


def main():
    call = arguments()
    if call.dry_run:
        print_estimates(stages(call.program, call.size, call.runs))
        return
    clean = True if call.stored else measure(stages(call.program, call.size, call.runs))
    if not call.runs.is_dir():
        sys.exit(f"{call.runs}: no directory of records")
    # One process of the program judges all claims, for their figures and for the page.
    judged = records.claims(call.program, call.runs / f"{CLAIMS}-{call.size}", call.size)
    figures = call.out / "figures"
    # No figure of earlier records may stay among the new ones.
    for stale in [*figures.glob("*.pdf"), *figures.glob("*.png"), *figures.glob("*.txt")]:
        stale.unlink()
    errors = draw(call.program, call.runs, call.size, judged, call.style, figures)
    (call.out / "paper.md").write_text(page(judged, call.runs, call.size, figures), encoding="utf-8")
    drawn = len(list(figures.glob("*.pdf")))
    print(f"{drawn} figures -> {figures}, page -> {call.out / 'paper.md'}", file=sys.stderr)
    failed = write_report(call.program, call.runs, call.out / "report.html")
    if failed:
        errors.append(failed)
    if errors:
        sys.exit("not drawn:\n" + "\n".join(errors))
    if not clean:
        sys.exit("some trials failed or a claim does not hold; paper.md shows the claims, kvfrontier table the trials")


if __name__ == "__main__":
    main()
