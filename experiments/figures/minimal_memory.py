"""Least memory against n and against d, over N d, so that the law n^2 d is a level line."""

import script
import matplotlib.pyplot as plt
import records
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator


def flags(parser):
    parser.add_argument("--target-error", type=float, default=0.1, help="default 0.1")


def most_sizes(laws):
    """The laws of one family: the one with most sizes."""
    family = max(
        (law.family for law in laws), key=lambda family: sum(len(law.sizes) for law in laws if law.family == family)
    )
    return [law for law in laws if law.family == family]


def draw(axes, laws, moving, fixed, level):
    """Least memory of all schemes against `moving`, "n" or "d", where the other one, `fixed`, is `level`."""
    own = {law.curve: [size for size in law.sizes if getattr(size, fixed) == level] for law in laws}
    floors = {getattr(size, moving): size.floor_bits / size.entries for sizes in own.values() for size in sizes}
    places = sorted(floors)
    floor = [floors[place] for place in places]
    low, high = places[0] / 1.15, places[-1] * 1.15
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(low, high)
    edge = [floor[0], *floor, floor[-1]]
    axes.fill_between([low, *places, high], 1e-3, edge, color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.plot(places, floor, color=style.INK, linewidth=1.2)
    ends = [(places[-1], floor[-1], "floor", style.INK)]
    names = records.curve_names(own)
    for curve, sizes in own.items():
        if not sizes:
            continue
        sizes.sort(key=lambda size: getattr(size, moving))
        xs, ys = [getattr(size, moving) for size in sizes], [size.bits / size.entries for size in sizes]
        colour, marker = style.look(curve.split()[0])
        axes.plot(xs, ys, color=colour, marker=marker, markersize=3.2, linewidth=0.9, zorder=3)
        ends.append((xs[-1], ys[-1], names[curve], colour))
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel({"n": "side n of the last map", "d": "width d"}[moving])
    axes.set_title(f"{fixed} = {level:g}", loc="left")
    axes.set_ylim(min(end[1] for end in ends) / 1.5, max(end[1] for end in ends) * 1.3)
    axes.minorticks_off()
    axes.tick_params(labelleft=True)
    style.end_labels(axes, ends)


def pictures(call):
    target = call.target_error
    laws = most_sizes(
        [
            law
            for law in records.laws(call.program, call.directory, target)
            if law.sizes and not law.stored_keys and (law.family.instance, law.family.schedule) == ("index", "doubling")
        ]
    )
    sizes = {(size.n, size.d) for law in laws for size in law.sizes}
    # The cuts with most places on them, the larger one of several.
    width = max({d for _, d in sizes}, key=lambda d: (sum(other == d for _, other in sizes), d))
    side = max({n for n, _ in sizes}, key=lambda n: (sum(other == n for other, _ in sizes), n))

    left, gap, right = (style.across("page", share) for share in (0.075, 0.187, 0.19))
    margins = {"left": left, "right": 1 - right, "top": 1 - style.upright(0.08), "bottom": style.upright(0.12)}
    margins["wspace"] = 2 * gap / (1 - left - gap - right)
    fig, panels = plt.subplots(1, 2, figsize=style.canvas("page", 3.6), sharey=True, gridspec_kw=margins)
    draw(panels[0], laws, "n", "d", width)
    draw(panels[1], laws, "d", "n", side)
    panels[0].set_ylabel(f"least bits at error {target:g} / (N d)")
    family = laws[0].family
    caption = f"""
        Least message bits whose whole 95 % interval of the bit error lies at or below {target:g}, over N d, on
        {family.instance} instances with {family.embedding} keys and doubling sides: against n at d = {width:g}, and
        against d at n = {side:g}.
        A level line is memory that grows like n^2 d.
        Schemes with public keys; black: the finite-size floor, grey: impossible.
        Budgets are 2 % apart.
        Lines that fall with d pay for scales, bases and the like, which grow like N + d.

        Refuted by: a line that falls into the grey region.
    """
    yield "minimal_memory", fig, caption


if __name__ == "__main__":
    script.run()
