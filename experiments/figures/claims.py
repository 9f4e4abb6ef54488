"""What the figures of claims share: they draw the judged checks of one claim in the house style.

A script is named after its claim and defines `picture(checks)`, which returns a figure and its caption:

    from claims import allowance, draw, figure, pick, run, style

    def picture(checks):
        fig, axes = figure()                            # or figure("page", 1, 2): then axes is an array
        leak = pick(checks, embedding="sphere", d=64)   # the checks at this place
        allowance(axes, leak, "tau", style.PALETTE[0])  # the band in which the measured interval must lie
        draw(axes, leak, "tau", style.PALETTE[0], "o", label="d = 64")
        return fig, "What is drawn, in a sentence or two."

    if __name__ == "__main__":
        run()

It is called like every figure (script.py), with --size paper for records of that size. The curve of the theory joins
the predicted values of the checks (records.Check) or, where they are too few, is computed in the script.
"""

import math
import sys
from pathlib import Path

import script  # first: it explains what is missing when matplotlib is
import records
import style

import matplotlib.pyplot as plt


def flags(parser):
    parser.add_argument(
        "--size", choices=["quick", "paper"], default="quick", help="size of the claim's grid in DIR, default quick"
    )


def draw_claim(module, words, claim=None):
    """Draws and saves the figure of a module; `claim` is its claim, where it has been read already."""
    module.flags = flags
    call = script.parsed(module, words)
    name = Path(module.__file__).stem
    if claim is None:
        (claim,) = records.claims(call.program, call.directory, call.size, name)
    if not claim.checks:
        measure = f"kvfrontier verify --only {name} --out {call.directory}"
        sys.exit(f"{call.directory} holds no records of {name}; measure them with: {measure}")
    fig, caption = module.picture(claim.checks)
    level = f"Bars: intervals at a level that is 1 - 1e-4 for all {len(claim.checks)} checks together."
    paragraphs = [caption, f"{level} Verdict: {claim.outcome}."]
    if claim.refutation:
        paragraphs.append(f"Refuted by: {claim.refutation}.")
    script.save(call, name, fig, "\n\n".join(paragraphs))


def run():
    """Draws the figure of the script that is running."""
    draw_claim(sys.modules["__main__"], sys.argv[1:])


def pick(checks, **at):
    """The checks whose place has all these values, in their order."""
    return [check for check in checks if all(check.at.get(name) == value for name, value in at.items())]


def values(checks, name):
    """The different values of at[name], sorted."""
    return sorted({check.at[name] for check in checks if name in check.at})


def at(checks, name):
    """The values of at[name], in the order of the checks."""
    return [check.at[name] for check in checks]


def figure(width="column", rows=1, columns=1, height=None, **subplots):
    """A figure and its axes: one, or an array of rows x columns. `height` in inches; default 2.4 a row."""
    size = style.canvas(width, height or 2.4 * rows)
    return plt.subplots(rows, columns, figsize=size, constrained_layout=True, **subplots)


def place(check, x):
    """Where a check lies on the x axis: at[x], or x(check)."""
    return x(check) if callable(x) else check.at[x]


def bars(checks):
    """The lengths of the error bars of checks, below and above, as Matplotlib wants them; an open end has no bar."""

    def length(end, measured):
        return max(0.0, abs(end - measured)) if math.isfinite(end) and math.isfinite(measured) else 0.0

    below = [length(min(check.lo, check.measured), check.measured) for check in checks]
    above = [length(max(check.hi, check.measured), check.measured) for check in checks]
    return [below, above]


def draw(axes, checks, x, colour, marker="o", label=None, **options):
    """Measured values with their intervals at simultaneous level. A check that does not hold gets a red ring."""
    checks = sorted(checks, key=lambda check: place(check, x))
    xs, ys = [place(check, x) for check in checks], [check.measured for check in checks]
    drawn = axes.errorbar(
        xs,
        ys,
        yerr=bars(checks),
        color=colour,
        marker=marker,
        markersize=options.pop("markersize", 3.5),
        linestyle=options.pop("linestyle", "none"),
        elinewidth=0.8,
        capsize=1.5,
        capthick=0.8,
        label=label,
        zorder=3,
        **options,
    )
    bad = [(a, b) for a, b, check in zip(xs, ys, checks) if check.outcome != "holds"]
    if bad:
        ring = {"markersize": 9, "markerfacecolor": "none", "markeredgecolor": "#c00000"}
        axes.plot(*zip(*bad), linestyle="none", marker="o", zorder=4, **ring)
    return drawn


def predicted(axes, checks, x, colour, label=None, linestyle="-", linewidth=1.0, **options):
    """The predicted values of the checks, joined."""
    checks = sorted((check for check in checks if check.predicted is not None), key=lambda check: place(check, x))
    xs, ys = [place(check, x) for check in checks], [check.predicted for check in checks]
    look = {"color": colour, "linestyle": linestyle, "linewidth": linewidth}
    return axes.plot(xs, ys, label=label, zorder=2, **look, **options)


def allowance(axes, checks, x, colour, label=None, alpha=0.18):
    """The allowed band of the checks, shaded. An open end reaches the frame, so set the axis limits first."""
    checks = sorted(checks, key=lambda check: place(check, x))
    low, high = (
        [end if math.isfinite(end) else edge for end in ends]
        for ends, edge in zip(
            ([check.allowed_lo for check in checks], [check.allowed_hi for check in checks]), axes.get_ylim()
        )
    )
    xs = [place(check, x) for check in checks]
    return axes.fill_between(xs, low, high, color=colour, alpha=alpha, linewidth=0, label=label, zorder=1)


def tolerance(checks):
    """By how much the checks may be off what is predicted, for a caption: "2 %", the same for all of them."""
    ends = [abs(end / check.predicted - 1) for check in checks for end in (check.allowed_lo, check.allowed_hi)]
    shares = {f"{100 * end:.4g} %" for end in ends if math.isfinite(end)}
    if len(shares) != 1:
        raise ValueError(f"the checks have several allowances: {sorted(shares)}")
    return shares.pop()


def note(axes, x, y, text, colour=style.INK, **options):
    """A word or two in small letters inside a figure, by default in data coordinates."""
    return axes.text(x, y, text, **{"color": colour, "fontsize": style.points(6.5), **options})


def legend(axes, **options):
    """A legend without a frame, in the small size of tick labels."""
    look = {"frameon": False, "fontsize": style.points(6.5), "handlelength": 1.6, "borderaxespad": 0.2}
    return axes.legend(**{**look, **options})
