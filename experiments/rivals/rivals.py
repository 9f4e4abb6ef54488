#!/usr/bin/env python3
"""What others would use for the same task, timed with kvfrontier on the same inputs and threads, in the same run.

    rivals.py PATH/TO/kvfrontier-perf [--threads T] [--filter TEXT] [--smoke]

Prints value, goal and ratio of every rival that is installed: NumPy with OpenBLAS, PyTorch. Outputs are compared first.
Exit status: 0 goals met, 1 missed, 3 a wrong output. --smoke compares outputs only.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
CHECKED_QUERIES = 64


class WrongOutput(Exception):
    pass


def now():
    """Seconds of the wall, or CPU seconds of this process and its children over threads (see kvfrontier-perf)."""
    if arguments.clock == "wall":
        return time.perf_counter()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(x.ru_utime + x.ru_stime for x in used) / arguments.threads


def best(work, rounds=ROUNDS):
    seconds = float("inf")
    for _ in range(rounds):
        start = now()
        work()
        seconds = min(seconds, now() - start)
    return seconds


def report(label, seconds, ours, goal):
    ratio = seconds / ours
    met = ratio >= goal
    print(
        f"  {label:<44} {seconds:10.4g} s          {ratio:8.3g} x ours {'':20} goal >= {goal:<6} "
        f"{'met' if met else 'MISSED':<6} |{'=' * min(40, round(20 * ratio / goal))}",
        flush=True,
    )
    return met


def numpy_attention(queries, keys, values, block):
    """softmax(Q K^T) V, `block` queries at a time, in place wherever NumPy can."""
    outputs = np.empty((len(queries), values.shape[1]), np.float32)
    buffer = np.empty((block, len(keys)), np.float32)
    for first in range(0, len(queries), block):
        part = queries[first : first + block]
        weights = np.matmul(part, keys.T, out=buffer[: len(part)])
        weights -= weights.max(axis=1, keepdims=True)
        np.exp(weights, out=weights)
        outputs[first : first + block] = (weights @ values) / weights.sum(axis=1, keepdims=True)
    return outputs


def exact_attention(queries, keys, values):
    logits = queries.astype(np.float64) @ keys.astype(np.float64).T
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights @ values.astype(np.float64)) / weights.sum(axis=1, keepdims=True)


def torch_attention(torch, queries, keys, values):
    q, k, v = (torch.from_numpy(x) for x in (queries, keys, values))
    return lambda: (torch.softmax(q @ k.T, dim=1) @ v).numpy()


def attention(directory):
    """Inputs, outputs and times that kvfrontier-perf --filter attention left behind."""
    try:
        import torch

        torch.set_num_threads(arguments.threads)
    except ImportError:
        torch = None
        print("  PyTorch is not installed (python3-torch): left out")
    met = True
    for case in json.loads((directory / "attention.json").read_text()):
        queries, keys, values, ours = (
            np.fromfile(directory / f"{case['name']}-{part}.f32", np.float32).reshape(-1, case["width"])
            for part in ("queries", "keys", "values", "output")
        )
        # The textbook form holds all weights at once; cutting the queries by hand is the best that NumPy does.
        rivals = {
            "NumPy": (lambda: numpy_attention(queries, keys, values, 4096), 2.0),
            "NumPy, blocks of 512 queries": (lambda: numpy_attention(queries, keys, values, 512), 1.0),
        }
        if torch is not None:
            rivals["PyTorch"] = (torch_attention(torch, queries, keys, values), 1.3)
        some = np.linspace(0, len(queries) - 1, CHECKED_QUERIES).astype(int)
        exact = exact_attention(queries[some], keys, values)
        for name, output in {"kvfrontier": ours, **{name: work() for name, (work, _) in rivals.items()}}.items():
            error = float(np.abs(output[some] - exact).max())
            # 1e-5 is our promise; a rival must only have done the same thing.
            if not error < (1e-5 if name == "kvfrontier" else 1e-4):
                raise WrongOutput(f"{name}, {case['label']}: off by {error:.2e} from float64")
        for name, (work, goal) in rivals.items():
            met &= report(f"{name}, {case['label']}", best(work), case["seconds"], goal)
    return met


def numpy_projection(signs, vectors):
    return vectors @ signs


def dense_projection(results):
    """A dense Johnson-Lindenstrauss projection of one vector, 4096 -> 256, against one SRHT key of width 256."""
    ours = next(1e-9 * x["value"] for x in results if x["label"] == "one srht key, d 256")
    rng = np.random.default_rng(1)
    signs = rng.choice(np.array([-1, 1], np.float32), (4096, 256))
    vector = rng.standard_normal((1, 4096)).astype(np.float32)
    slow = np.array([sum(float(signs[i, j]) * float(vector[0, i]) for i in range(4096)) for j in (0, 255)])
    if np.abs(numpy_projection(signs, vector)[0, [0, 255]] - slow).max() > 1e-2:
        raise WrongOutput("NumPy's projection")
    repeats = 100
    # BLAS keeps one thread at work on this, and CPU seconds are divided by all of them.
    of_all = arguments.threads if arguments.clock == "cpu" else 1
    seconds = best(lambda: [numpy_projection(signs, vector) for _ in range(repeats)], 9) / repeats * of_all
    return report("NumPy, dense 4096 x 256 times a vector", seconds, ours, 10)


def sweep(directory, time_it):
    """A whole sweep by kvfrontier and by NumPy, which has as many processes as kvfrontier has threads."""
    import numpy_sweep

    config = directory / "sweep.json"
    config.write_text(json.dumps(numpy_sweep.config()))
    program = Path(arguments.program).resolve().parent / "kvfrontier"
    runs = 0

    def run(isolation):
        nonlocal runs
        runs += 1
        out, threads = directory / f"sweep-{runs}", str(arguments.threads)
        words = ["run", config, "--out", out, "--threads", threads, "--isolate", isolation, "--quiet"]
        subprocess.run([program, *words], check=True, stderr=subprocess.DEVNULL)

    run("always")
    # A process of its own: BLAS takes the number of its threads when it is loaded.
    start = now()
    printed = subprocess.run(
        [sys.executable, numpy_sweep.__file__, str(arguments.threads)],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    ).stdout
    seconds = now() - start
    theirs = {tuple(point): errors for point, errors in json.loads(printed)}
    different = numpy_sweep.disagreements(numpy_sweep.errors_of(directory / "sweep-1/records.jsonl"), theirs)
    if different:
        raise WrongOutput("the sweeps disagree: " + "; ".join(different))
    if not time_it:
        return True
    met = report("NumPy, the same sweep, no isolation", seconds, best(lambda: run("never")), 8)
    if arguments.clock == "wall":  # CPU seconds of an isolated Bob are not its parent's
        met &= report("NumPy, against isolated Bobs", seconds, best(lambda: run("always")), 8)
    return met


def run_program(directory, flags):
    json_file = directory / "results.json"
    command = [arguments.program, "--threads", str(arguments.threads), "--json", json_file, *flags]
    code = subprocess.run(command).returncode
    if code not in (0, 1):
        sys.exit(code)
    return code == 0, json.loads(json_file.read_text())["results"]


def main():
    flags = ["--clock", arguments.clock]
    if arguments.filter:
        flags += ["--filter", arguments.filter]
    with tempfile.TemporaryDirectory(prefix="kvfrontier-rivals-") as name:
        directory = Path(name)
        met, results = True, []
        if arguments.filter != "sweep":  # which only this script has
            met, results = run_program(directory, [*flags, *(["--smoke"] if arguments.smoke else ["--dump", name])])
        if "sweep".startswith(arguments.filter or "s"):
            print("sweep: exact, h2o, kivi and uniform, 48 points: 8 times as fast as NumPy with the same errors")
            met &= sweep(directory, not arguments.smoke)
        if (directory / "attention.json").exists():
            print("rivals of attention: 2 times as fast as NumPy, 1.3 times as fast as PyTorch")
            met &= attention(directory)
        if any(x["benchmark"] == "keys" for x in results):
            print("rivals of keys: an SRHT key in a tenth of the time of a dense projection")
            met &= dense_projection(results)
    return 0 if met else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", help="the built kvfrontier-perf")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--filter", help="only benchmarks with this text in their name")
    clock = "wall (default), or cpu: CPU seconds over threads"
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help=clock)
    parser.add_argument("--smoke", action="store_true", help="compare outputs, time nothing")
    arguments = parser.parse_args()
    # Before NumPy loads its BLAS: the same threads, and whatever kernels it picks for this machine.
    os.environ.pop("OPENBLAS_CORETYPE", None)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads would count as work by the CPU clock
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    import numpy as np

    try:
        sys.exit(main())
    except WrongOutput as error:
        print(f"wrong output: {error}", file=sys.stderr)
        sys.exit(3)
