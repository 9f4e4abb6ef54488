"""Least memory against n and against d, over N d, so that the law n^2 d is a level line."""

import matplotlib.pyplot as plt
import style
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from rows import called, end_labels, read_json, save

call = called(__doc__, lambda parser: parser.add_argument("--target-error", type=float, default=0.1, help="default 0.1"))
target = call.target_error
laws = [law for law in read_json(call.program, "fit", call.directory, "--json", "--target-error", target)
        if law["sizes"] and law["family"]["schedule"] == "doubling" and law["family"]["instance"]["name"] == "index" and not law["stored_keys"]]
# One family: the one with most sizes.
family = max((law["family"] for law in laws), key=lambda f: sum(len(law["sizes"]) for law in laws if law["family"] == f))
laws = [law for law in laws if law["family"] == family]
sizes = {(size["n"], size["d"]): size for law in laws for size in law["sizes"]}
# The cuts with most places on them, the larger one of several.
width = max({d for _, d in sizes}, key=lambda d: (sum(other == d for _, other in sizes), d))
side = max({n for n, _ in sizes}, key=lambda n: (sum(other == n for other, _ in sizes), n))

left, gap, right = (style.across("page", share) for share in (0.075, 0.187, 0.19))
margins = {"wspace": 2 * gap / (1 - left - gap - right), "left": left, "right": 1 - right, "top": 1 - style.upright(0.08), "bottom": style.upright(0.12)}
fig, panels = plt.subplots(1, 2, figsize=style.canvas("page", 3.6), sharey=True, gridspec_kw=margins)
for axes, moving, fixed, level in ((panels[0], "n", "d", width), (panels[1], "d", "n", side)):
    places = sorted({size[moving] for size in sizes.values() if size[fixed] == level})
    floors = [next(s for s in sizes.values() if s[moving] == x and s[fixed] == level) for x in places]
    floor = [s["floor_bits"] / (s["tokens"] * s["d"]) for s in floors]
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(places[0] / 1.15, places[-1] * 1.15)
    axes.fill_between([places[0] / 1.15, *places, places[-1] * 1.15], 1e-3, [floor[0], *floor, floor[-1]], color=style.FORBIDDEN, linewidth=0, zorder=0)
    axes.plot(places, floor, color=style.INK, linewidth=1.2)
    ends = [(places[-1], floor[-1], "floor", style.INK)]
    for law in laws:
        own = sorted((size for size in law["sizes"] if size[fixed] == level), key=lambda size: size[moving])
        if not own:
            continue
        colour, marker = style.look(law["curve"].split()[0])
        ys = [size["bits"] / (size["tokens"] * size["d"]) for size in own]
        axes.plot([size[moving] for size in own], ys, color=colour, marker=marker, markersize=3.2, linewidth=0.9, zorder=3)
        ends.append((own[-1][moving], ys[-1], law["curve"].split()[0], colour))
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_xlabel({"n": "side n of the last map", "d": "width d"}[moving])
    axes.set_title(f"{fixed} = {level:g}", loc="left")
    ys = [y for _, y, _, _ in ends]
    axes.set_ylim(min(ys) / 1.5, max(ys) * 1.3)
    axes.minorticks_off()
    axes.tick_params(labelleft=True)
    end_labels(axes, ends)
panels[0].set_ylabel(f"least bits at error {target:g} / (N d)")
save(fig, "minimal_memory", f"Least message bits whose whole 95 % interval of the bit error lies at or below {target:g}, over N d, on {family['instance']['name']} instances with {family['embedding']} keys and doubling sides: "
     f"against n at d = {width:g}, and against d at n = {side:g}. A level line is memory that grows like n^2 d. Schemes with public keys; black: the finite-size floor, grey: impossible. "
     "Budgets are 2 % apart. Lines that fall with d: scales, bases and the like, which grow like N + d.\nRefuted by: a line that falls into the grey region.")
