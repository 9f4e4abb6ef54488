#include "analysis/claim.hpp"
#include "cli/markdown.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* claims_head = R"(# Claims

<!-- Written by the binary: `build/kvfrontier verify --markdown > docs/claims.md`. A test compares the two. -->

What the theory predicts, claim by claim: the formula, the allowance with its reason, and the result that would refute it.
`kvfrontier verify` measures them.

An interval inside its allowance `holds`, one wholly outside is `refuted`, anything else is `inconclusive`.
A claim is refuted if one check is, and holds only if all checks hold, no point is unfinished and no trial failed.
Each claim is one file in `experiments/claims/`; [tutorial_experiment.md](tutorial_experiment.md) builds one step by step.
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
    if (analysis::find_claim(name) != nullptr) continue;
    const auto& experiment = sweep::Experiments::find(name, "experiment");
    text.append("- `").append(name).append("`: ").append(escaped_markdown(experiment.statement())).append("\n");
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
    if (!claim->text().note.empty()) text.append(escaped_markdown(claim->text().note)).append("\n\n");
    line("Source", claim->source());
    line("Prediction", claim->text().prediction);
    line("Allowance", claim->text().allowance);
    line("Refuted by", claim->text().refutation);
    text.append("- Mutations that come back refuted: ").append(joined(claim->mutations())).append("\n");
    const std::string file = analysis::plan_of(claim->config(analysis::Size::quick), *claim, 1).experiment->name();
    if (file != claim->name()) text.append("- Judges the records of `").append(file).append("`\n");
  }
  return text;
}

}  // namespace kvfrontier::cli
