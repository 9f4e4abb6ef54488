"""Bits per value that decode, and the scaling they need."""

from claims import allowance, at, draw, figure, legend, note, pick, predicted, run, style, tolerance


def picture(checks):
    fig, (left, right) = figure("page", 1, 2, height=2.4)
    shares = pick(checks, quantity="share of rows with the predicted b")
    left.plot(at(shares, "tau"), at(shares, "mean_bits"), "-o", color=style.PALETTE[0], markersize=3.5, linewidth=0.8)
    left.set_xlabel("query scaling $\\tau$")
    left.set_xlim(5.6, 15.2)
    left.set_ylim(-1, None)
    left.set_ylabel("bits per value that decode")
    for check in shares:
        place = {"xytext": (6, -7), "textcoords": "offset points", "fontsize": style.points(6.5), "color": style.MUTED}
        left.annotate(f"{check.measured:.3f}", (check.at["tau"], check.at["mean_bits"]), ha="left", **place)

    scaling = pick(checks, quantity="tau")
    right.set_ylim(0, 1.1 * max(check.hi for check in scaling))
    allowance(right, scaling, "bits", style.PALETTE[1])
    predicted(right, scaling, "bits", style.INK, "$E\\,S(\\tau) = 1/(2^b - 1)$")
    draw(right, scaling, "bits", style.PALETTE[1], "s", "measured")
    right.set_xlabel("bits per value $b$")
    right.set_ylabel("query scaling $\\tau_b$")
    (slope,) = pick(checks, quantity="slope of tau against b, over ln 2/(1 - mu+)")
    text = f"slope: {slope.measured:.2f} of the guide $\\ln 2/(1 - \\mu_+)$"
    note(right, 0.97, 0.05, text, transform=right.transAxes, ha="right")
    legend(right, loc="upper left")
    tokens, d = scaling[0].at["tokens"], scaling[0].at["d"]
    caption = f"""
        Sphere keys, N = {tokens}, d = {d}.
        Left: mean number of bits per value that rows decode against the worst other rows.
        Beside each point: the fraction of rows in which it is ceil(log2(1 + 1/S)) - 1.
        Right: the scaling at which the mean leak is 1/(2^b - 1), with its law and the allowance of
        {tolerance(scaling)}.
    """
    return fig, caption


if __name__ == "__main__":
    run()
