// Every claim can be refuted: each of its sabotages comes back `refuted`, and a run too small to tell comes back
// `inconclusive`. New claims are picked up by being registered.

#include <catch2/catch.hpp>
#include <filesystem>

#include "analysis/claim.hpp"
#include "sweep/runner.hpp"

namespace {

using namespace kvfrontier;

analysis::Verdict verdict_of(const analysis::Claim& claim, const core::Json& config, const std::string& sabotage) {
  const sweep::Plan plan = analysis::plan_of(config, claim, 3);
  const auto directory = std::filesystem::temp_directory_path() / ("kvfrontier-mutation-" + claim.name() + "-" + sabotage + "-" + std::to_string(getpid()));
  std::filesystem::remove_all(directory);
  sweep::RunOptions options;
  options.out = directory;
  options.threads = 2;
  options.quiet = true;
  sweep::run(plan, options);
  auto verdict = analysis::judge(claim, plan, sweep::read_store(directory, [](const std::string&) {}), sabotage);
  std::filesystem::remove_all(directory);
  return verdict;
}

std::string text(const analysis::Verdict& verdict) {
  const auto* check = verdict.deciding();
  return verdict.claim + ": " + analysis::outcome_name(verdict.outcome()) + (check ? ", " + check->to_json().dump() : "");
}

}  // namespace

TEST_CASE("mutations: every claim names at least one sabotage") {
  for (const auto* claim : analysis::claims()) {
    INFO(claim->name());
    CHECK_FALSE(claim->sabotages().empty());
  }
}

TEST_CASE("mutations: each sabotage is refuted") {
  for (const auto* claim : analysis::claims()) {
    for (const auto& sabotage : claim->sabotages()) {
      DYNAMIC_SECTION(claim->name() << " " << sabotage) {
        const auto verdict = verdict_of(*claim, claim->sabotaged_config(sabotage), sabotage);
        INFO(text(verdict));
        CHECK(verdict.outcome() == analysis::Outcome::refuted);
      }
    }
  }
}

TEST_CASE("mutations: a run too small to tell is inconclusive") {
  for (const auto* claim : analysis::claims()) {
    DYNAMIC_SECTION(claim->name()) {
      const auto verdict = verdict_of(*claim, claim->undersampled_config(), "none");
      INFO(text(verdict));
      CHECK(verdict.outcome() == analysis::Outcome::inconclusive);
    }
  }
}
