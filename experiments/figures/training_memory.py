"""What an MLP block keeps for its backward pass, and what two-bit derivatives cost in gradients."""

from claims import bars, figure, pick, run, style

UNITS = {
    "units": "as usual",
    "units, two-bit": "two-bit\n$h'$",
    "units, two-bit and shared norm": "and shared\nnorm",
}
SUBSTITUTES = {"": "two-bit", ", relu": "ReLU"}


def picture(checks):
    fig, (left, middle, right) = figure("page", 1, 3, height=2.2, gridspec_kw={"width_ratios": [2, 3, 3]})
    for turn, quantity in enumerate(UNITS):
        check = pick(checks, activation="gelu", norm="layer", quantity=quantity)[0]
        left.bar(turn, check.measured, 0.6, color=style.PALETTE[turn])
        left.text(turn, check.measured + 0.2, f"{check.measured:g}", ha="center", fontsize=style.points(7))
    left.set_xticks(range(3), UNITS.values(), fontsize=style.points(6))
    left.set_ylim(0, 11.5)
    left.set_ylabel("units kept per row")

    panels = [(middle, "derivative", "$E\\,(h' - s)^2$ on $N(0,1)$"), (right, "primitive", "$\\int (h - S)^2$")]
    for axes, quantity, label in panels:
        for place, activation in enumerate(["gelu", "silu"]):
            for turn, (suffix, name) in enumerate(SUBSTITUTES.items()):
                check = pick(checks, activation=activation, norm="layer", quantity=quantity + suffix)[0]
                x = place + 0.32 * (turn - 0.5)
                axes.bar(x, check.measured, 0.3, color=style.PALETTE[turn], label=None if place else name)
                axes.plot([x - 0.15, x + 0.15], [check.predicted] * 2, color=style.INK, linewidth=1)
                axes.errorbar(x, check.measured, bars([check]), color=style.INK, linewidth=0.8)
        axes.set_xticks([0, 1], ["GELU", "SiLU"])
        axes.set_ylabel(label)
        axes.legend(frameon=False, fontsize=style.points(7), loc="upper left")
    caption = """
        Left: 16-bit tensors of the block's width that an MLP block with four times as wide a hidden layer keeps for its
        backward pass.
        Middle: squared error of the step derivative on standard normal inputs; lines: by quadrature.
        Right: squared distance of the primitives, which the two-bit constants minimise.
    """
    return fig, caption


if __name__ == "__main__":
    run()
