#!/usr/bin/env python3
"""Softmax attention against NumPy, on the same inputs and threads, in the same run.

    attention.py PATH/TO/kvfrontier-perf-attention [--threads T]

Runs the benchmark program and NumPy in turns (best of 5, three rounds), checks all outputs against a float64 reference
on some of the queries to 1e-5, and prints value, goal and ratio per rival. Exit status: 0 goals met, 1 missed, 3 a wrong
output.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

TOLERANCE = 1e-5
ROUNDS = 3
REPEATS = 5
CHECKED_QUERIES = 64


def attention(queries, keys, values, block):
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


def reference(queries, keys, values):
    logits = queries.astype(np.float64) @ keys.astype(np.float64).T
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights @ values.astype(np.float64)) / weights.sum(axis=1, keepdims=True)


def report(label, value, goal):
    ratio = value / goal
    bar = "=" * min(40, round(20 * ratio))
    print(f"  vs {label:<34} {value:5.2f} x   goal {goal:4.2f} x   ratio {ratio:4.2f} |{bar:<20}")
    return ratio >= 1


def run_program(directory):
    """One run of the benchmark program: its JSON line and the matrices it leaves behind."""
    program = subprocess.run([arguments.program, directory, str(arguments.threads)], check=True, text=True,
                             stdout=subprocess.PIPE)
    run = json.loads(program.stdout)
    matrices = [np.fromfile(os.path.join(directory, name + ".f32"), np.float32).reshape(-1, run["width"])
                for name in ("queries", "keys", "values", "output")]
    return run, matrices


def main():
    # The textbook formulation holds all weights at once; cutting the queries by hand is the best that NumPy does.
    rivals = [("NumPy", None, 1.5), ("NumPy, blocks of 512", 512, 1.0)]
    ours = float("inf")
    theirs = {label: float("inf") for label, _, _ in rivals}
    outputs = {}
    # Rounds, so that a busy moment of the machine hits all alike.
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            run, (queries, keys, values, outputs["kvfrontier"]) = run_program(directory)
        ours = min(ours, run["seconds"])
        for label, block, _ in rivals:
            for _ in range(REPEATS):
                start = time.perf_counter()
                outputs[label] = attention(queries, keys, values, block or len(queries))
                theirs[label] = min(theirs[label], time.perf_counter() - start)

    some = np.linspace(0, len(queries) - 1, CHECKED_QUERIES).astype(int)
    exact = reference(queries[some], keys, values)
    for label, output in outputs.items():
        error = float(np.abs(output[some] - exact).max())
        if not error < TOLERANCE:
            print(f"{label}: off by {error:.2e} from float64, allowed {TOLERANCE:.0e}", file=sys.stderr)
            return 3

    print(f"softmax attention, float32, {run['queries']} queries x {run['tokens']} tokens, d = {run['width']}, "
          f"{run['threads']} threads: {ours:.4f} s")
    met = [report(f"{label} ({theirs[label]:.4f} s)", theirs[label] / ours, goal) for label, _, goal in rivals]
    return 0 if all(met) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", help="the built kvfrontier-perf-attention")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    # Before NumPy loads its BLAS: the same threads, and whatever kernels it picks for this machine.
    os.environ.pop("OPENBLAS_CORETYPE", None)
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    import numpy as np

    sys.exit(main())
