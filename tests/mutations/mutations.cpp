// Every claim can be refuted: each of its sabotages comes back `refuted`, and a run too small to tell comes back
// `inconclusive`. One test case a claim and sabotage, made from the registered claims before main, so `ctest -R
// mutations` names each and a new claim is picked up by being registered.

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "analysis/claim.hpp"
#include "sweep/runner.hpp"
#include "sweep/store_files.hpp"

namespace {

using namespace kvfrontier;

constexpr std::uint64_t seed = 3;

// A directory for the rows of one test, gone with it.
class Rows {
 public:
  explicit Rows(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              ("kvfrontier-mutation-" + name + "-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
  }
  ~Rows() { std::filesystem::remove_all(path_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  analysis::Verdict verdict(const analysis::Claim& claim, const core::Json& config, const std::string& sabotage) const {
    const sweep::Plan plan = analysis::plan_of(config, claim, seed);
    sweep::RunOptions options;
    options.out = path_;
    options.threads.count = 2;
    options.quiet = true;
    sweep::run(plan, options);
    return analysis::judge(claim, plan, sweep::read_store(path_, [](const std::string&) {}), sabotage);
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

// A fault that is big enough to be a sabotage shows in a few trials; the trials of the quick sweep are added where it
// does not.
void sabotage_is_refuted(const analysis::Claim& claim, const std::string& sabotage) {
  const Rows rows(claim.name() + "-" + sabotage);
  const core::Json config = claim.sabotaged_config(sabotage);
  core::Json few = config;
  few["stop"] = {{"min_trials", 8}, {"max_trials", 8}};
  auto verdict = rows.verdict(claim, few, sabotage);
  if (verdict.outcome() != analysis::Outcome::refuted) verdict = rows.verdict(claim, config, sabotage);
  INFO(text(verdict));
  CHECK(verdict.failed_trials == 0);
  CHECK(verdict.outcome() == analysis::Outcome::refuted);
}

void small_run_is_inconclusive(const analysis::Claim& claim) {
  const auto verdict = Rows(claim.name() + "-small").verdict(claim, claim.undersampled_config(), "none");
  INFO(text(verdict));
  // By its checks, and not by trials that are missing.
  CHECK(verdict.failed_trials == 0);
  CHECK(verdict.unfinished == 0);
  CHECK_FALSE(verdict.checks.empty());
  CHECK(verdict.outcome() == analysis::Outcome::inconclusive);
}

class Case : public Catch::ITestInvoker {
 public:
  explicit Case(std::function<void()> body) : body_(std::move(body)) {}
  void invoke() const override { body_(); }

 private:
  std::function<void()> body_;
};

// Claims stand in the shared library, whose static objects are made before those of this program.
const bool registered = [] {
  const auto add = [](const std::string& name, std::function<void()> body) {
    Catch::AutoReg(new Case(std::move(body)), CATCH_INTERNAL_LINEINFO, Catch::StringRef(),
                   Catch::NameAndTags(name, "[mutations]"));
  };
  for (const auto* claim : analysis::claims()) {
    for (const auto& sabotage : claim->sabotages()) {
      add("mutations: " + claim->name() + " " + sabotage + " is refuted",
          [=] { sabotage_is_refuted(*claim, sabotage); });
    }
    add("mutations: " + claim->name() + " undersampled is inconclusive", [=] { small_run_is_inconclusive(*claim); });
  }
  return true;
}();

}  // namespace

TEST_CASE("mutations: every claim names at least one sabotage", "[mutations]") {
  CHECK(registered);
  REQUIRE_FALSE(analysis::claims().empty());
  for (const auto* claim : analysis::claims()) {
    INFO(claim->name());
    CHECK_FALSE(claim->sabotages().empty());
  }
}
