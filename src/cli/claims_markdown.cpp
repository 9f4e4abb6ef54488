#include "analysis/claim.hpp"
#include "cli/markdown.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* claims_head = R"(# experiments

<!-- Written by the binary: `build/kvfrontier verify --markdown > experiments/README.md`. A test compares the two. -->

One C++ file per experiment: what a trial measures and, for claims, how stored rows are judged. Figures stand in
`figures/`, speed in `perf/` with its `rivals/`, schemes outside the tree in `external_scheme/`. May include all of `src/` but `cli/`.
`docs/tutorial_experiment.md` builds a claim step by step.

## To add an experiment

A file here with a class derived from `sweep::Experiment` (option table, `resolve`, `measure`, `interval`) and
`const core::Registration<sweep::Experiment, Name> registration;` at its end. Resuming, shards, merging, stopping and
provenance come from the engine. `resolve` fills defaults and refuses what cannot run, with the dotted path; `measure` is a
function of (parameters, trial) alone, on one thread.

## To add a claim

A claim is an experiment that ends in a verdict. Derive from `analysis::Claim`; `leak_law.cpp` is a short model.

1. Write down statement, source, formula, allowance with its reason, and what refutes it, before anything is measured.
2. `config(size)`: the grid and the trials of the quick sweep (a few seconds of one core) and of the paper sweep.
3. `measure`: one trial. Draw from `core::derive_key(seed, what the draw depends on, trial, role)`, so that points which
   are compared meet the same draws.
4. `judge`: one line a check with `analysis::CheckList`, which gives each check its share of the level 1 - 1e-4.
5. At least one sabotage (`analysis::sabotage_option`): a fault that has to come back `refuted`. `ctest -R mutations` runs it,
   and the undersampled run, which has to come back `inconclusive`.
6. `figures/NAME.py` on top of `figures/claims.py`; a test of every formula against a slow oracle in `tests/`.
7. Write this file again with the command above.

An interval inside its allowance `holds`, one wholly outside is `refuted`, anything else is `inconclusive`. A claim is
refuted if one check is, and holds only if all do and no point is unfinished.
)";

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "`" : ", `") + name + "`";
  return text;
}

}  // namespace

std::string claims_markdown() {
  std::string text = claims_head;
  text += "\n## Experiments without a verdict\n\n";
  for (const auto& name : sweep::Experiments::names()) {
    const auto* experiment = sweep::Experiments::find_or_null(name);
    if (dynamic_cast<const analysis::Claim*>(experiment) == nullptr)
      text.append("- `").append(name).append("`: ").append(escaped_markdown(experiment->statement())).append("\n");
  }
  text += "\n## Claims\n";
  for (const auto* claim : analysis::claims()) {
    const auto line = [&](const char* title, const std::string& content) {
      text.append("- ").append(title).append(": ").append(escaped_markdown(content)).append("\n");
    };
    text.append("\n### ")
        .append(claim->name())
        .append("\n\n")
        .append(escaped_markdown(claim->statement()))
        .append("\n\n");
    line("Source", claim->source());
    line("Formula", claim->prediction());
    line("Allowance", claim->allowance());
    line("Refuted by", claim->refutation());
    text.append("- Faults that come back refuted: ").append(joined(claim->sabotages())).append("\n");
    const std::string file = claim->config(analysis::Size::quick).value("experiment", claim->name());
    if (file != claim->name()) text.append("- Judges the rows of `").append(file).append("`\n");
  }
  return text;
}

}  // namespace kvfrontier::cli
