#!/usr/bin/env python3
"""The INDEX game in NumPy, as one would write it in an afternoon: the rival of a whole sweep.

It has the sizes, schemes, budgets, trials and queries of `config()` and its own random numbers. Each scheme is one
function from the stream of keys and values to answers; the certified scaling comes from all pairs of keys, once for
each instance. Run as a program, numpy_sweep.py PROCESSES, it plays the sweep and prints the errors as JSON. rivals.py
compares and times.
"""

import json
import sys
from multiprocessing import Pool

import numpy as np

SIDES = (8, 16, 32, 64)
WIDTH = 64
QUERIES = 256
TRIALS = 8
ETA = 0.5
RATES = (1, 2, 4, 8)
BITS = (1, 2, 4)
GROUP = 32


def config():
    """The same sweep for kvfrontier run."""
    entry = {"keys": "public"}
    return {
        "experiment": "index_frontier",
        "seed": 3,
        "queries": QUERIES,
        "mixture_queries": 0,
        "random_queries": 0,
        "grid": [
            {
                "n": list(SIDES),
                "d": WIDTH,
                "eta": ETA,
                "rate": list(RATES),
                "scheme": [{"name": "uniform", **entry}, {"name": "h2o", **entry}],
            },
            {
                "n": list(SIDES),
                "d": WIDTH,
                "eta": ETA,
                "scheme": [
                    {"name": "exact", **entry},
                    *({"name": "kivi", "bits": bits, "group": GROUP, "rotation": "public", **entry} for bits in BITS),
                ],
            },
        ],
        "stop": {"min_trials": TRIALS, "max_trials": TRIALS},
    }


def attend(queries, keys, values):
    logits = queries @ keys.T
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights @ values) / weights.sum(axis=1, keepdims=True)


def exact(keys, values, queries, rng):
    return attend(queries, keys, values.astype(np.float16).astype(np.float64))


def uniform(keys, values, queries, rng, rows):
    kept = np.sort(rng.choice(len(keys), rows, replace=False))
    return attend(queries, keys[kept], values[kept].astype(np.float16).astype(np.float64))


def h2o(keys, values, queries, rng, rows):
    """Each token's own key takes the place of its query; the lowest score outside the recent window is evicted."""
    tau, recent = np.linalg.norm(queries[0]), rows // 2
    kept, scores = np.empty(0, int), np.empty(0)
    for token in range(len(keys)):
        kept, scores = np.append(kept, token), np.append(scores, 0.0)
        logits = tau * (keys[kept] @ keys[token])
        weights = np.exp(logits - logits.max())
        scores += weights / weights.sum()
        if len(kept) > rows:
            old = np.flatnonzero(token - kept >= recent)
            victim = old[np.argmin(scores[old])]
            kept, scores = np.delete(kept, victim), np.delete(scores, victim)
    return attend(queries, keys[kept], values[kept].astype(np.float16).astype(np.float64))


def kivi(keys, values, queries, rng, bits):
    rotation, triangle = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))
    rotation *= np.sign(np.diag(triangle))
    groups = (values @ rotation).reshape(len(values), -1, GROUP)
    zero = groups.min(axis=2, keepdims=True)
    scale = (groups.max(axis=2, keepdims=True) - zero) / (2**bits - 1)
    zero, scale = (x.astype(np.float16).astype(np.float64) for x in (zero, scale))
    codes = np.clip(np.rint((groups - zero) / scale), 0, 2**bits - 1).astype(np.uint8)
    return attend(queries, keys, (zero + scale * codes).reshape(values.shape) @ rotation.T)


def trial(arguments):
    """Errors of every point of one side in one trial: {(scheme, size): error}."""
    side, number = arguments
    rng = np.random.default_rng([side, number])
    tokens = (side * side - 1) // 3
    keys = rng.standard_normal((tokens, WIDTH))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    values = rng.integers(0, 2, (tokens, WIDTH)).astype(np.float64)
    products = keys @ keys.T
    np.fill_diagonal(products, -1)
    tau = 1.001 * (np.log(tokens - 1) + 2 * np.arctanh(ETA)) / (1 - products.max())
    asked = rng.integers(0, tokens, QUERIES)
    queries = tau * keys[asked]
    errors = {}

    def play(name, size, scheme, *options):
        answers = scheme(keys, values, queries, rng, *options)
        errors[name, size] = np.mean((answers > 0.5) != (values[asked] > 0.5))

    play("exact", None, exact)
    for bits in BITS:
        play("kivi", bits, kivi, bits)
    for rate in RATES:
        rows = int(rate * tokens / 16)
        if rows > 0:
            play("uniform", rate, uniform, rows)
            play("h2o", rate, h2o, rows)
    return side, errors


def sweep(processes):
    """Errors by (side, scheme, size), one a trial."""
    jobs = [(side, number) for side in reversed(SIDES) for number in range(TRIALS)]
    with Pool(processes) as pool:
        results = pool.map(trial, jobs, chunksize=1)
    errors = {}
    for side, of_trial in results:
        for (name, size), error in of_trial.items():
            errors.setdefault((side, name, size), []).append(error)
    return errors


def errors_of(records_file):
    """The same of kvfrontier's records."""
    errors = {}
    with open(records_file) as stream:
        for line in stream:
            record = json.loads(line)
            point = record["parameters"]
            scheme, rate = point["scheme"], point["rate"]
            size = rate if rate is not None else scheme["options"].get("bits")
            if record["status"] == "ok":
                errors.setdefault((point["n"], scheme["name"], size), []).append(
                    record["data"]["metrics"]["error"]["mean"]
                )
    return errors


def disagreements(ours, theirs):
    """Points that only one of them has, or whose means are five standard errors and .01 apart."""
    different = [f"{point}: only one of the two has it" for point in set(ours) ^ set(theirs)]
    for point in sorted(set(ours) & set(theirs), key=str):
        a, b = (np.asarray(x[point]) for x in (ours, theirs))
        error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        if abs(a.mean() - b.mean()) > 5 * error + 0.01:
            different.append(f"{point}: {a.mean():.4f} and {b.mean():.4f}")
    return different


if __name__ == "__main__":
    print(json.dumps(list(sweep(int(sys.argv[1])).items())))
