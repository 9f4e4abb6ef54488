"""Figures of claims: reads the judged checks of one claim and draws them in the house style.

A figure is a short script named after its claim, called as every figure is (rows.py), with --size paper for rows of that size:

    from claims import load, figure, save, pick, draw, allowance
    checks = load(__doc__)                          # of the claim that the script is named after
    fig, axes = figure()                            # or figure("page", 1, 2): then axes is an array
    leak = pick(checks, embedding="sphere", d=64)   # checks at this place, as a list
    allowance(axes, leak, "tau", style.PALETTE[0])  # the band in which the measured interval must lie
    draw(axes, leak, "tau", style.PALETTE[0], "o", label="d = 64")
    save(fig, "leak_law", "What is drawn, in a sentence or two.")

Every number comes from `kvfrontier verify --from DIR --only NAME --json`; the theory's curve is drawn through the `predicted`
of the checks or, where that is too coarse, computed in the script. The same rows give the same bytes.

A check is a dict: at (a flat dict that says where), predicted, measured, lo, hi (interval at simultaneous level), allowed_lo,
allowed_hi, outcome. An open end is -inf or inf.
"""

import math
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import rows  # first: it says what is missing when matplotlib is
import style

import matplotlib.pyplot as plt

_claim = {}


def load(description):
    """The checks of the claim that the running script is named after; `description` is the script's docstring."""
    name = Path(sys.argv[0]).stem
    call = rows.called(description, lambda parser: parser.add_argument("--size", choices=["quick", "paper"], default="quick", help="size of the claim's grid in DIR, default quick"))
    # 1: refuted, which a figure has to show too.
    claim = rows.read_json(call.program, "verify", "--from", call.directory, "--only", name, "--size", call.size, "--json", accepted=(0, 1))[0]
    if not claim["checks"]:
        sys.exit(f"{call.directory} holds no rows of {name}; measure them with: kvfrontier verify --only {name} --out {call.directory}")
    _claim.update(claim)
    for check in claim["checks"]:
        for low, high in (("lo", "hi"), ("allowed_lo", "allowed_hi")):
            check[low] = -math.inf if check[low] is None else check[low]
            check[high] = math.inf if check[high] is None else check[high]
    return claim["checks"]


def pick(checks, **at):
    """The checks whose place has all these values, in their order."""
    return [check for check in checks if all(check["at"].get(name) == value for name, value in at.items())]


def values(checks, name):
    """Different values of at[name], sorted."""
    return sorted({check["at"][name] for check in checks if name in check["at"]})


def figure(width="column", rows=1, columns=1, height=None, **subplots):
    """A figure and its axes: one, or an array of rows x columns. `height` in inches; default 2.4 a row."""
    fig, axes = plt.subplots(rows, columns, figsize=style.canvas(width, height or 2.4 * rows), constrained_layout=True, **subplots)
    return fig, axes


def _finite(value, fallback):
    return value if value is not None and math.isfinite(value) else fallback


def place(check, x):
    """Where a check stands on the x axis: at[x], or x(check)."""
    return x(check) if callable(x) else check["at"][x]


def draw(axes, checks, x, colour, marker="o", label=None, **options):
    """Measured values with their intervals at simultaneous level. A check that does not hold gets a red ring."""
    checks = sorted(checks, key=lambda check: place(check, x))
    xs = [place(check, x) for check in checks]
    ys = [_finite(check["measured"], math.nan) for check in checks]
    low = [max(0.0, y - _finite(check["lo"], y)) for check, y in zip(checks, ys)]
    high = [max(0.0, _finite(check["hi"], y) - y) for check, y in zip(checks, ys)]
    drawn = axes.errorbar(xs, ys, yerr=[low, high], color=colour, marker=marker, markersize=options.pop("markersize", 3.5), linestyle=options.pop("linestyle", "none"),
                          elinewidth=0.8, capsize=1.5, capthick=0.8, label=label, zorder=3, **options)
    bad = [(a, b) for a, b, check in zip(xs, ys, checks) if check["outcome"] != "holds"]
    if bad:
        axes.plot(*zip(*bad), linestyle="none", marker="o", markersize=9, markerfacecolor="none", markeredgecolor="#c00000", zorder=4)
    return drawn


def predicted(axes, checks, x, colour, label=None, linestyle="-", **options):
    """The predicted values of the checks, joined."""
    checks = sorted((check for check in checks if check["predicted"] is not None), key=lambda check: place(check, x))
    return axes.plot([place(check, x) for check in checks], [check["predicted"] for check in checks], color=colour, linestyle=linestyle, label=label,
                     linewidth=options.pop("linewidth", 1.0), zorder=2, **options)


def allowance(axes, checks, x, colour, label=None, alpha=0.18):
    """The allowed band of the checks, shaded; an open end reaches the frame. Call it when the axis limits are set, if ends are open."""
    checks = sorted(checks, key=lambda check: place(check, x))
    bottom, top = axes.get_ylim()
    return axes.fill_between([place(check, x) for check in checks], [_finite(check["allowed_lo"], bottom) for check in checks],
                             [_finite(check["allowed_hi"], top) for check in checks], color=colour, alpha=alpha, linewidth=0, label=label, zorder=1)


def legend(axes, **options):
    """A legend without a frame, in the small size of tick labels."""
    return axes.legend(**{"frameon": False, "fontsize": style.points(6.5), "handlelength": 1.6, "borderaxespad": 0.2, **options})


def save(fig, name, caption):
    """Writes OUT/NAME.pdf, .png and .txt: the caption, the verdict, what would refute it and the command."""
    lines = [caption.strip(), f"Bars: intervals at a level that is 1 - 1e-4 for all {len(_claim['checks'])} checks together. Verdict: {_claim['outcome']}."]
    if _claim.get("refutation"):
        lines.append(f"Refuted by: {_claim['refutation']}.")
    rows.save(fig, name, "\n".join(lines))
