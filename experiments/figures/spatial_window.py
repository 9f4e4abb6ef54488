"""Union of spatial windows, and what is read through them."""

from claims import draw, figure, legend, pick, run, style, values

NAMES = {"var256": "VAR-256", "var512": "VAR-512"}


def picture(checks):
    fig, (left, right) = figure("column", 1, 2, height=2.2)
    cells = sorted({(check.at["schedule"], check.at["n"]) for check in checks})
    for turn, (schedule, n) in enumerate(cells):
        label = NAMES.get(schedule, f"doubling, {n}")
        shift = 0.12 * (turn - (len(cells) - 1) / 2)
        x = lambda check: check.at["radius"] + shift  # noqa: E731  (used at once)
        colour, marker = style.PALETTE[turn], style.MARKERS[turn]
        draw(left, pick(checks, schedule=schedule, n=n, quantity="|U|/N"), x, colour, marker, label)
        draw(right, pick(checks, schedule=schedule, n=n, quantity="wrong bits"), x, colour, marker)
    left.set_ylim(0, 1.1)
    right.axhspan(0, 0.01, color=style.FORBIDDEN, linewidth=0, zorder=0)
    right.set_ylim(-0.001, 0.02)
    right.set_yticks([0, 0.005, 0.01, 0.015, 0.02], ["0", "0.005", "0.01", "0.015", "0.02"])
    left.set_ylabel("union of windows $|U|/N$")
    right.set_ylabel("wrong bits")
    for ax in (left, right):
        ax.set_xticks(values(checks, "radius"))
        ax.set_xlabel("radius (cells)")
    legend(left, loc="lower left")
    caption = """
        Each of the n^2 queries sees the cells within a radius of its own place in every earlier map.
        Left: fraction of the cache in the union of what they see.
        Right: wrong bits of rows read through such a query; grey: allowed.
    """
    return fig, caption


if __name__ == "__main__":
    run()
