"""Everything at once: measures the sweeps of one size and all claims, then draws every figure and writes the page that shows them.

    python3 experiments/paper.py KVFRONTIER [--size quick|paper] [--runs DIR] [--dry-run]      measure, then draw
    python3 experiments/paper.py KVFRONTIER --from results/reference                           draw stored rows

Figures go to OUT/figures (pdf, png, caption in txt), the page to OUT/paper.md, the page to explore all points to
OUT/report.html where the program was built with it; OUT is results. Stopped at any moment, the same
command goes on: each sweep resumes where it was. `make paper` and `make figures` call this script.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FIGURES = Path("experiments/figures")
CLAIMS = "verify"  # rows of the claims stand in RUNS/verify-SIZE, those of a sweep in RUNS/CONFIG

# Which scripts draw the rows of a sweep; those of an index_frontier config that is not listed are drawn by index_frontier.
SWEEP_FIGURES = {"both_sides": ["frontier_both_sides"], "minimal_memory": ["minimal_memory", "gap_bars"], "scheme_comparison": ["scheme_comparison"]}
FIRST = ["error_rate_sphere_doubling_n32_d64", "bits_size_sphere", "frontier_both_sides", "minimal_memory", "gap_bars"]  # of the page; then by name

THEOREM = """**Theorem** (Chen, Li, Ke, Liang, Shi, Song, arXiv 2503.14881, after Haris and Onak, COLT 2025). Any mechanism for visual autoregressive generation with attention
that answers every query of the last n x n token map within a factor 1 ± η must carry Ω(n² d) bits of key-value cache into that map, for embedding width d = Ω(log n).

The bits of a one-way INDEX game are hidden in the values behind near-orthogonal keys; one query reads any row back. A message from which the bits can be read with mean error p
has at least (1 - H₂(p)) N d bits, N the tokens cached before the last map. What follows is measured: messages are real bit strings, Bob is a process of his own that sees nothing else, and the floor is drawn and enforced."""


def duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Stage:
    """One sweep, or all claims: a command of the program that measures and resumes."""

    def __init__(self, name, words):
        self.name, self.words = name, words

    def estimate(self):
        """Seconds, least and most, that the program expects of this machine."""
        done = subprocess.run([*self.words, "--dry-run", "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(self.words)} --dry-run failed: {done.stderr.strip()}")
        return json.loads(done.stdout)["seconds"]


def stages(program, size, runs):
    configs = sorted(Path("configs", size).glob("*.json"))
    return [Stage(path.stem, [program, "run", str(path), "--out", str(runs / path.stem)]) for path in configs] + [
        Stage(f"{CLAIMS}-{size}", [program, "verify", "--size", size, "--out", str(runs / f"{CLAIMS}-{size}")])]


def measure(list_of_stages):
    """Runs all stages; False when one of them reported failed rows or a claim that does not hold. Ends the script on any other error."""
    expected = [stage.estimate() for stage in list_of_stages]
    start, clean, foreseen = time.monotonic(), True, 0.0
    for turn, (stage, (least, most)) in enumerate(zip(list_of_stages, expected)):
        gone = time.monotonic() - start
        # What this machine has taken so far against what was foreseen corrects what is still foreseen.
        pace = gone / foreseen if foreseen > 0 else 1
        left = duration(pace * sum(low for low, _ in expected[turn:])), duration(pace * sum(high for _, high in expected[turn:]))
        print(f"== {turn + 1} of {len(list_of_stages)}: {stage.name}; {duration(gone)} gone, {left[0]} to {left[1]} to go for all", file=sys.stderr, flush=True)
        code = subprocess.run(stage.words, stdout=subprocess.DEVNULL).returncode
        if code not in (0, 1):
            sys.exit(code if code > 0 else 128 - code)
        clean = clean and code == 0
        foreseen += (least + most) / 2
    return clean


def drawings(program, runs, size, style):
    """The commands that draw what is stored below `runs`, without --out."""
    found = sorted(path for path in runs.iterdir() if path.is_dir() and any(path.glob("rows*")))
    commands, frontiers = [], []
    for path in found:
        if path.name == f"{CLAIMS}-{size}":
            listed = subprocess.run([program, "list", "experiments"], capture_output=True, text=True, check=True).stdout
            claims = [line.split()[0] for line in listed.splitlines() if (FIGURES / f"{line.split()[0]}.py").exists()]
            commands += [[f"{claim}.py", program, str(path), "--size", size] for claim in claims if claim not in ("index_frontier", "minimal_memory")]
        elif path.name in SWEEP_FIGURES:
            commands += [[f"{script}.py", program, str(path)] for script in SWEEP_FIGURES[path.name]]
        elif not path.name.startswith(CLAIMS):
            frontiers.append(str(path))
    if frontiers:
        commands.append(["index_frontier.py", program, *frontiers])
    return [[sys.executable, str(FIGURES / command[0]), *command[1:], "--style", style] for command in commands]


def draw(commands, out):
    """Draws all, several at a time; returns the errors."""
    def one(command):
        done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
        return "" if done.returncode == 0 else f"{Path(command[1]).name}: {done.stderr.strip().splitlines()[-1]}"
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        return [error for error in workers.map(one, commands) if error]


def number(value):
    return "" if value is None else f"{value:.4g}"


def claims_table(program, directory, size):
    done = subprocess.run([program, "verify", "--from", str(directory), "--size", size, "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"verify --from {directory} failed: {done.stderr.strip()}")
    lines = ["| claim | statement | checks | measured | predicted | interval | verdict |", "|---|---|---|---|---|---|---|"]
    for claim in json.loads(done.stdout):
        shown = claim["checks"][claim["deciding"]] if claim["deciding"] is not None else {}
        interval = f"[{number(shown.get('lo'))}, {number(shown.get('hi'))}]" if shown else ""
        statement = f"{claim['statement']} ({claim['source']})".replace("|", "\\|")
        lines.append(f"| `{claim['claim']}` | {statement} | {len(claim['checks'])} | {number(shown.get('measured'))} | {number(shown.get('predicted'))} | {interval} | **{claim['outcome']}** |")
    return "\n".join(lines)


def page(program, runs, size, figures):
    """The text of paper.md."""
    parts = ["# What was measured", THEOREM, "## Claims",
             f"Each was measured at size `{size}` and judged from the stored rows below `{runs}`; numbers are those of the check that decides. What each claims, allows and would be refuted by stands in [docs/claims.md](../docs/claims.md).",
             claims_table(program, runs / f"{CLAIMS}-{size}", size), "## Figures"]
    names = sorted((path.stem for path in figures.glob("*.png")), key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    for name in names:
        caption, _, command = (figures / f"{name}.txt").read_text(encoding="utf-8").rpartition("Made by: ")
        parts.append(f"### {name}\n\n![{name}](figures/{name}.png)\n\n" + "\n\n".join(line for line in caption.strip().splitlines()) + f"\n\n    {command.strip()}")
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Measures the sweeps of one size and all claims, draws every figure and writes OUT/paper.md. Stopped, the same command goes on.")
    parser.add_argument("program", metavar="KVFRONTIER", help="path of the kvfrontier program")
    parser.add_argument("--size", choices=["quick", "paper"], default="paper", help="configs/SIZE and claims of that size; default paper, with --from quick")
    parser.add_argument("--runs", type=Path, help="directory for rows; default results/runs/SIZE")
    parser.add_argument("--from", dest="stored", type=Path, metavar="DIR", help="draw the rows stored here, measure nothing")
    parser.add_argument("--out", type=Path, default=Path("results"), help="directory for figures/ and paper.md, default results")
    parser.add_argument("--style", choices=["paper", "slide"], default="paper", help="look of the figures")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be measured and how long it takes, and do nothing")
    call = parser.parse_args()
    if call.stored and (call.runs or call.dry_run):
        parser.error("--from measures nothing; leave --runs and --dry-run out")
    size = "quick" if call.stored and "--size" not in sys.argv else call.size
    runs = call.stored or call.runs or Path("results/runs") / size
    if call.dry_run:
        total = [0.0, 0.0]
        for stage in stages(call.program, size, runs):
            least, most = stage.estimate()
            total = [total[0] + least, total[1] + most]
            print(f"{stage.name:20} {duration(least):>8} to {duration(most):>8}")
        print(f"{'all':20} {duration(total[0]):>8} to {duration(total[1]):>8} on this machine ({total[0] / 3600:.1f} to {total[1] / 3600:.1f} hours); searches take less, for they stop early")
        return
    clean = True if call.stored else measure(stages(call.program, size, runs))
    if not runs.is_dir():
        sys.exit(f"{runs}: no directory of rows")
    figures = call.out / "figures"
    # Figures of earlier rows must not stand beside those of these.
    for stale in [*figures.glob("*.pdf"), *figures.glob("*.png"), *figures.glob("*.txt")]:
        stale.unlink()
    errors = draw(drawings(call.program, runs, size, call.style), figures)
    (call.out / "paper.md").write_text(page(call.program, runs, size, figures), encoding="utf-8")
    print(f"{len(list(figures.glob('*.pdf')))} figures -> {figures}, page -> {call.out / 'paper.md'}", file=sys.stderr)
    subprocess.run([call.program, "report", str(runs), "--out", str(call.out / "report.html")])  # says itself what it lacks
    if errors:
        sys.exit("not drawn:\n" + "\n".join(errors))
    if not clean:
        sys.exit("some rows failed or a claim does not hold; paper.md tells which claim, kvfrontier table the rows")


main()
