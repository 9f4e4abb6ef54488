// Every claim can be refuted: each of its mutations comes back `refuted`, and a run too small to tell comes back
// `inconclusive`. One test case a claim and mutation, made from the registered claims before main, so `ctest -R
// mutations` names each and a new claim is picked up by being registered.

#include <unistd.h>

#include <filesystem>

#include "../support/catch.hpp"
#include "analysis/claim.hpp"
#include "sweep/runner.hpp"
#include "sweep/store_files.hpp"

namespace {

using namespace kvfrontier;

constexpr std::uint64_t seed = 3;

// A directory for the records of one test, gone with it.
class Records {
 public:
  explicit Records(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              ("kvfrontier-mutation-" + name + "-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
  }
  ~Records() { std::filesystem::remove_all(path_); }
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  analysis::Verdict verdict(const analysis::Claim& claim, const core::Json& config, const std::string& mutation) const {
    const sweep::Plan plan = analysis::plan_of(config, claim, seed);
    sweep::RunOptions options;
    options.out = path_;
    options.threads.count = 2;
    options.quiet = true;
    sweep::run(plan, options);
    return analysis::judge(claim, plan, sweep::read_store(path_, [](const std::string&) {}), mutation);
  }

 private:
  std::filesystem::path path_;
};

std::string text(const analysis::Verdict& verdict) {
  const auto* check = verdict.deciding();
  return verdict.claim + ": " + analysis::outcome_name(verdict.outcome()) + ", " +
         std::to_string(verdict.failed_trials) + " failed trials, " + std::to_string(verdict.unfinished) +
         " unfinished points" + (check ? ", " + check->to_json().dump() : "");
}

// A fault that is big enough to be a mutation shows in a few trials; the trials of the quick sweep are added where it
// does not.
void mutation_is_refuted(const analysis::Claim& claim, const std::string& mutation) {
  const Records records(claim.name() + "-" + mutation);
  const core::Json config = claim.mutated_config(mutation);
  const core::Json few = analysis::with(config, "stop", analysis::trials(8));
  auto verdict = records.verdict(claim, few, mutation);
  if (verdict.outcome() != analysis::Outcome::refuted) verdict = records.verdict(claim, config, mutation);
  INFO(text(verdict));
  CHECK(verdict.failed_trials == 0);
  CHECK(verdict.outcome() == analysis::Outcome::refuted);
}

void small_run_is_inconclusive(const analysis::Claim& claim) {
  const auto verdict = Records(claim.name() + "-small").verdict(claim, claim.undersampled_config(), "none");
  INFO(text(verdict));
  // By its checks, and not by trials that are missing.
  CHECK(verdict.failed_trials == 0);
  CHECK(verdict.unfinished == 0);
  CHECK_FALSE(verdict.checks.empty());
  CHECK(verdict.outcome() == analysis::Outcome::inconclusive);
}

// Claims are in the shared library, whose static objects are made before those of this program.
const bool registered = [] {
  const auto add = [](const std::string& name, std::function<void()> body) {
    tests::add_test_case(name, "[mutations]", std::move(body));
  };
  for (const auto* claim : analysis::claims()) {
    for (const auto& mutation : claim->mutations()) {
      add("mutations: " + claim->name() + " " + mutation + " is refuted",
          [=] { mutation_is_refuted(*claim, mutation); });
    }
    add("mutations: " + claim->name() + " undersampled is inconclusive", [=] { small_run_is_inconclusive(*claim); });
  }
  return true;
}();

}  // namespace

TEST_CASE("mutations: every claim names at least one mutation", "[mutations]") {
  CHECK(registered);
  REQUIRE_FALSE(analysis::claims().empty());
  for (const auto* claim : analysis::claims()) {
    INFO(claim->name());
    CHECK_FALSE(claim->mutations().empty());
  }
}
