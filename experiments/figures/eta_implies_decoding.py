"""Share of rows within eta of the exact outputs, by scheme and rate, and how many of them have a wrong bit."""

from claims import figure, legend, load, pick, save, style, values

checks = load(__doc__)
counts = pick(checks, quantity="counterexamples")
fig, ax = figure("column", height=2.7)
for scheme in values(counts, "scheme"):
    colour, marker = style.look(scheme)
    own = sorted((check for check in counts if check["at"]["scheme"] == scheme), key=lambda check: check["at"]["rate"])
    ax.plot([check["at"]["rate"] for check in own], [check["at"]["share_within_eta"] for check in own], color=colour, marker=marker, markersize=4, linestyle="none", label=scheme, clip_on=False)
ax.set_xscale("log", base=2)
ax.set_xlim(0.2, 45)
ax.set_xticks([0.25, 1, 4, 16], ["1/4", "1", "4", "16"])
ax.set_ylim(0, 1.02)
ax.set_xlabel("message bits / N d")
ax.set_ylabel("share of rows within $(1 \\pm \\eta)$")
total = pick(checks, quantity="wrong share of all rows within eta")[0]
ax.set_title(f"{sum(check['measured'] for check in counts):.0f} of {total['at']['rows']:.0f} such rows have a wrong bit")
legend(ax, loc="center left")
save(fig, "eta_implies_decoding", f"Share of queried rows whose entries are all within (1 +- eta) of the exact outputs, eta = 1/2, at the certified scaling. Of these {total['at']['rows']:.0f} rows, wrong at threshold (1 - eta^2)/2: "
     f"{sum(check['measured'] for check in counts):.0f}.")
