"""What the program prints, read for the figures and for the page of results.

This is the only Python module that knows the names of the program's fields and columns. All numbers come from the
program: no script estimates anything. Each function starts the program once.
"""

import csv
import io
import json
import math
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace


def read_text(program, *words, accepted=(0,)):
    """What `program words...` prints. Ends the script with the program's message when its exit code is not accepted."""
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


def curve_names(labels):
    """{label: name in a figure}: of the options in the labels only those that tell curves of one scheme apart.

    Where the keys are is left out, because figures show it in other ways; a value that is a word speaks for itself.
    """
    options = {}  # scheme -> one set of options for each of its labels
    for label in set(labels):
        scheme, *words = label.split()
        options.setdefault(scheme, {})[label] = [word for word in words if not word.startswith("keys=")]
    names = {}
    for scheme, own in options.items():
        shared = set.intersection(*map(set, own.values()))
        for label, words in own.items():
            marks = [word for word in words if word not in shared]
            marks = [mark if re.search(r"=[-+\d.]", mark) else mark.partition("=")[2] for mark in marks]
            names[label] = " ".join([scheme, *marks])
    return names


@dataclass
class Check:
    """One comparison of a measured number with the theory. An end of an interval that is open is -inf or inf."""

    at: dict  # where in the grid of the claim: names and values
    measured: float  # nan where there is no number
    predicted: float  # or None
    lo: float  # the interval of `measured`, at a level that is simultaneous over all checks of the claim
    hi: float
    allowed_lo: float  # where that interval may lie
    allowed_hi: float
    outcome: str

    def mapped(self, change):
        """The same check with `change` applied to all its numbers."""
        names = ["measured", "lo", "hi", "allowed_lo", "allowed_hi"] + (
            ["predicted"] if self.predicted is not None else []
        )
        return replace(self, **{name: change(getattr(self, name)) for name in names})


@dataclass
class Claim:
    """A claim with its verdict on the records of one directory."""

    name: str
    statement: str
    source: str
    refutation: str
    outcome: str
    checks: list
    deciding: Check  # the check that decides the verdict, or None

    @staticmethod
    def read(printed):
        def number(value, otherwise):
            return otherwise if value is None else value

        checks = [
            Check(
                at=check["at"],
                measured=number(check["measured"], math.nan),
                predicted=check["predicted"],
                lo=number(check["lo"], -math.inf),
                hi=number(check["hi"], math.inf),
                allowed_lo=number(check["allowed_lo"], -math.inf),
                allowed_hi=number(check["allowed_hi"], math.inf),
                outcome=check["outcome"],
            )
            for check in printed["checks"]
        ]
        return Claim(
            name=printed["claim"],
            statement=printed["statement"],
            source=printed["source"],
            refutation=printed["refutation"],
            outcome=printed["outcome"],
            checks=checks,
            deciding=None if printed["deciding"] is None else checks[printed["deciding"]],
        )


def claims(program, directory, size, *names):
    """The claims of these names, or all claims, judged from the records in `directory`."""
    only = [word for name in names for word in ("--only", name)]
    # 1: some claim is refuted or undecided, which a figure has to show too.
    printed = read_json(program, "verify", "--from", directory, "--size", size, *only, "--json", accepted=(0, 1))
    return [Claim.read(claim) for claim in printed]


class Point:
    """One point of a sweep: a line of `kvfrontier table`. A number that the program leaves out is None."""

    def __init__(self, line):
        def number(name):
            return float(line[name]) if line[name] else None

        self.instance, self.embedding, self.schedule = line["instance"], line["embedding"], line["schedule"]
        self.n, self.d, self.tokens = int(line["n"]), int(line["d"]), int(line["tokens"])
        self.eta, self.tau, self.seed = float(line["eta"]), number("tau"), line["seed"]
        self.scheme, self.keys, self.options = line["scheme"], line["keys"], json.loads(line["options"])
        self.label, self.stored_keys = line["label"], line["stored_keys"] == "true"
        self.budget, self.least_rate = number("rate_budget"), number("least_rate")
        self.information_bits, self.bits, self.rate = number("information_bits"), number("message_bits"), number("rate")
        self.error, self.lo, self.hi = number("error"), number("error_lo"), number("error_hi")
        self.mse, self.gap = number("mse"), number("gap")
        self.trials, self.uncertified, self.failed = (int(line[name]) for name in ("trials", "uncertified", "failed"))
        self.status = line["status"]

    @property
    def entries(self):
        """N d, the number of value entries."""
        return self.tokens * self.d


def points(program, directory):
    """The points of the sweep in `directory`."""
    return [Point(line) for line in read_csv(program, "table", directory, "--format", "csv")]


def floor_curve(program, n, d, schedule, count):
    """The floor of one size at `count` message lengths: lists of rates, of bits and of least errors."""
    lines = read_csv(program, "floor", "--n", n, "--d", d, "--schedule", schedule, "--curve", count)
    return [[float(line[name]) for line in lines] for name in ("rate", "bits", "error_finite")]


@dataclass(frozen=True)
class Family:
    """What the searches of one law share: the instances and the attention, but not the size."""

    instance: str
    embedding: str
    schedule: str
    rest: str  # all of it as JSON, to tell families apart

    @staticmethod
    def read(printed):
        return Family(
            instance=printed["instance"]["name"],
            embedding=printed["embedding"],
            schedule=printed["schedule"],
            rest=json.dumps(printed, sort_keys=True),
        )


@dataclass
class LeastMemory:
    """The least memory of one scheme at one size."""

    n: int
    d: int
    tokens: int
    bits: float
    floor_bits: float

    @property
    def entries(self):
        return self.tokens * self.d


@dataclass
class Law:
    """How the least memory of one scheme grows: its sizes."""

    curve: str  # the scheme and its options
    stored_keys: bool
    family: Family
    sizes: list


def laws(program, directory, target_error):
    """The laws of the searches in `directory`."""
    return [
        Law(
            curve=law["curve"],
            stored_keys=law["stored_keys"],
            family=Family.read(law["family"]),
            sizes=[
                LeastMemory(size["n"], size["d"], size["tokens"], size["bits"], size["floor_bits"])
                for size in law["sizes"]
            ],
        )
        for law in read_json(program, "fit", directory, "--json", "--target-error", target_error)
    ]


@dataclass
class Gap:
    """Message bits over the floor at one error: the mean over sizes, None where no budget reaches it, and the range."""

    curve: str
    stored_keys: bool
    family: Family
    target_error: float
    mean: float
    least: float
    largest: float


def gaps(program, directory, target_errors):
    """The gaps of the searches in `directory`, at these errors or, without any, at those of the records."""
    words = [word for target in target_errors for word in ("--target-error", target)]
    return [
        Gap(
            curve=gap["curve"],
            stored_keys=gap["stored_keys"],
            family=Family.read(gap["family"]),
            target_error=gap["target_error"],
            mean=gap["gap"],
            least=gap["gap_least"],
            largest=gap["gap_largest"],
        )
        for gap in read_json(program, "gap", directory, "--json", *words)
    ]


def expected_seconds(program, *words):
    """The least and the most seconds that the program expects `program words...` to take on this machine."""
    return read_json(program, *words, "--dry-run", "--json")["seconds"]
