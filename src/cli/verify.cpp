// kvfrontier verify: every claim, measured and judged.

#include <cstdio>
#include <iostream>

#include "analysis/claim.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "sweep/runner.hpp"
#include "sweep/session.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* usage =
    "verify [--size quick|paper] [--only NAME]... [--out DIR] [--from DIR] [--seed S] [--threads T] [--checks] [--json] [--markdown]";

std::vector<const analysis::Claim*> chosen(const std::vector<std::string>& only) {
  if (only.empty()) return analysis::claims();
  std::vector<const analysis::Claim*> list;
  for (const auto& name : only) {
    const auto* claim = dynamic_cast<const analysis::Claim*>(&sweep::Experiments::find(name, "--only"));
    if (claim == nullptr) throw core::UserError("--only " + name + ": an experiment, but no claim: it has no verdict");
    list.push_back(claim);
  }
  return list;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.5g", value);
  return text;
}

void print_verdict(const analysis::Claim& claim, const analysis::Verdict& verdict, bool all_checks) {
  const analysis::Check* check = verdict.deciding();
  const std::string outcome = analysis::outcome_name(verdict.outcome());
  std::printf("%-22s %-12s %s\n", claim.name().c_str(), outcome.c_str(), claim.statement().c_str());
  const auto line = [](const analysis::Check& c) {
    std::printf("    %-52s measured %s in [%s, %s], predicted %s, allowed [%s, %s]: %s\n", c.where().c_str(), number(c.measured).c_str(), number(c.interval.lo).c_str(),
                number(c.interval.hi).c_str(), number(c.predicted).c_str(), number(c.allowed.lo).c_str(), number(c.allowed.hi).c_str(),
                analysis::outcome_name(c.outcome()).c_str());
  };
  if (all_checks) {
    for (const auto& c : verdict.checks) line(c);
  } else if (check != nullptr) {
    std::printf("    %zu checks, nearest to its edge:\n", verdict.checks.size());
    line(*check);
  } else {
    std::printf("    no rows\n");
  }
  std::fflush(stdout);
}

void print_markdown() {
  for (const auto* claim : analysis::claims()) {
    std::cout << "## " << claim->name() << "\n\n" << claim->statement() << "\n\n- Source: " << claim->source() << "\n- Prediction: " << claim->prediction()
              << "\n- Allowance: " << claim->allowance() << "\n- Refuted by: " << claim->refutation() << "\n\n";
  }
}

// The rows of a directory and of the directories in it.
sweep::Store read_tree(const std::string& directory) {
  sweep::Store store = sweep::read_store(directory, warn);
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_directory()) sweep::read_into(store, entry.path(), warn);
  }
  return store;
}

// The seed of a claim's stored rows, so that its plan can be rebuilt; `otherwise` when it has none.
std::uint64_t stored_seed(const sweep::Store& store, std::uint64_t otherwise) {
  for (const auto& [id, trials] : store.points) return trials.begin()->second.parameters.value("seed", otherwise);
  return otherwise;
}

int verify(const std::vector<std::string>& arguments) {
  std::string size_name = "quick", out, from;
  std::vector<std::string> only;
  std::uint64_t seed = 1;
  int threads = sweep::available_threads();
  po::options_description flags("flags");
  flags.add_options()("size", po::value(&size_name), "quick (default) or paper: larger grids, more trials")("only", po::value(&only)->composing(), "this claim only; may be repeated")(
      "out", po::value(&out), "directory for rows; default results/runs/verify-<size>")("from", po::value(&from), "judge the rows stored here, measure nothing")(
      "seed", po::value(&seed), "default 1")("threads", po::value(&threads), "default: all that are granted")("checks", "print every check")("json", "verdicts with every check as JSON, for figures")(
      "markdown", "print what the claims claim, and do nothing");
  po::variables_map values;
  if (!parse("verify", usage, flags, "", 0, arguments, values)) return 0;
  if (values.count("markdown") > 0) {
    print_markdown();
    return 0;
  }
  if (size_name != "quick" && size_name != "paper") throw core::UserError("--size " + size_name + ": quick or paper");
  if (threads < 1) throw core::UserError("--threads: at least 1");
  const analysis::Size size = size_name == "quick" ? analysis::Size::quick : analysis::Size::paper;
  if (out.empty()) out = "results/runs/verify-" + size_name;
  sweep::Store stored;
  if (!from.empty()) {
    stored = read_tree(from);
    if (values.count("seed") == 0) seed = stored_seed(stored, seed);
  }

  int holds = 0, refuted = 0, inconclusive = 0;
  bool failed = false;
  const bool json = values.count("json") > 0;
  core::Json verdicts = core::Json::array();
  for (const auto* claim : chosen(only)) {
    const sweep::Plan plan = analysis::plan_of(claim->config(size), *claim, seed);
    if (from.empty()) {
      sweep::RunOptions options;
      options.out = out;
      options.threads = threads;
      const auto outcome = sweep::run(plan, options);
      if (outcome.signal != 0) return 128 + outcome.signal;
      failed = failed || outcome.failed > 0;
    }
    const auto verdict = analysis::judge(*claim, plan, from.empty() ? sweep::read_store(out, warn) : stored);
    if (json) {
      verdicts.push_back(verdict.to_json());
    } else {
      print_verdict(*claim, verdict, values.count("checks") > 0);
    }
    const auto outcome = verdict.outcome();
    ++(outcome == analysis::Outcome::holds ? holds : outcome == analysis::Outcome::refuted ? refuted : inconclusive);
  }
  if (json) {
    std::cout << verdicts.dump(1) << "\n";
  } else {
    std::printf("%d holds, %d refuted, %d inconclusive\n", holds, refuted, inconclusive);
  }
  return refuted > 0 || failed || (size == analysis::Size::paper && inconclusive > 0) ? 1 : 0;
}

}  // namespace

Verb verify_verb() { return {"verify", usage, "measure and judge every claim; one verdict each", verify}; }

}  // namespace kvfrontier::cli
