"""How far the least memory of each scheme is from the floor, at each target error."""

import script
import matplotlib.pyplot as plt
import records
import style
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

TITLES = {False: "public keys, or none", True: "stored keys, which no floor counts"}


def flags(parser):
    errors = "may be repeated; default: those of the records"
    parser.add_argument("--target-error", type=float, action="append", default=[], help=errors)


def best_first(gaps, targets):
    """The curves, ordered by their gap at the strictest error that they reach."""

    def rank(curve):
        own = {gap.target_error: gap.mean for gap in gaps if gap.curve == curve}
        return [own[target] or 1e9 for target in reversed(targets) if target in own]

    return sorted({gap.curve for gap in gaps}, key=rank)


def pictures(call):
    gaps = [
        gap
        for gap in records.gaps(call.program, call.directory, call.target_error)
        if (gap.family.schedule, gap.family.instance) == ("doubling", "index")
    ]
    targets = sorted({gap.target_error for gap in gaps}, reverse=True)
    groups = {stored: [gap for gap in gaps if gap.stored_keys == stored] for stored in TITLES}
    curves = {stored: best_first(group, targets) for stored, group in groups.items()}
    names_of = records.curve_names(gap.curve for gap in gaps)
    lines = max(1, *map(len, curves.values()))
    size = style.canvas("page", 0.5 + 0.19 * lines)
    fig, panels = plt.subplots(1, 2, figsize=size, constrained_layout=True, sharex=True)
    colours = dict(zip(targets, style.PALETTE))
    for axes, stored in zip(panels, TITLES):
        for gap in groups[stored]:
            turn, colour = targets.index(gap.target_error), colours[gap.target_error]
            height = curves[stored].index(gap.curve) + (turn - (len(targets) - 1) / 2) * 0.26
            if gap.mean is None:
                axes.text(1.04, height, "not reached", fontsize=style.points(4.5), color=colour, va="center")
                continue
            axes.barh(height, gap.mean - 1, left=1, height=0.22, color=colour, linewidth=0)
            axes.plot([gap.least, gap.largest], [height, height], color=style.INK, linewidth=0.6)
        names = [names_of[label] for label in curves[stored]]
        axes.set_yticks(range(len(names)), names, fontsize=style.points(6.5))
        axes.set_ylim(lines - 0.4, -0.6)
        axes.set_xscale("log")
        axes.set_xlim(1, max(gap.largest for gap in gaps if gap.mean) * 1.2)
        axes.xaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
        axes.set_xlabel("bits / floor")
        axes.set_title(TITLES[stored], loc="left")
        axes.tick_params(axis="y", length=0)
    for target in targets:
        panels[0].barh([-9], [0], color=colours[target], label=f"error {target:.3g}")
    # Schemes near the floor come first, so that corner is empty.
    legend = {"frameon": False, "fontsize": style.points(6.5), "handlelength": 1, "borderaxespad": 0.3}
    panels[0].legend(loc="upper right", **legend)
    caption = """
        Least memory over the floor at each error, best to worst: geometric mean over sizes (bars) and range (lines).
        Left: messages without keys.
        Right: messages that carry keys, which the floor does not count.
        A bar that ended at 1 would be the floor itself; none can end below.
    """
    yield "gap_bars", fig, caption


if __name__ == "__main__":
    script.run()
