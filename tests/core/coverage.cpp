// Does the quoted interval cover? The eviction law is played out with known truth, stopped by the project's own rule at
// its checkpoints, and quoted as the tables quote it.

#include <bit>
#include <cmath>
#include <vector>

#include "../support/catch.hpp"
#include "core/rng.hpp"
#include "core/statistics.hpp"
#include "sweep/stopping.hpp"

using namespace kvfrontier;

namespace {

// Only its interval is asked for.
class EvictionLaw : public sweep::Experiment {
 public:
  std::string name() const override { return "eviction law"; }
  std::string statement() const override { return "-"; }
  std::string source() const override { return "-"; }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  core::Json resolve(const sweep::Combination&) const override { return {}; }
  double operations(const core::Json&) const override { return 0; }
  double memory_bytes(const core::Json&) const override { return 0; }
  sweep::TrialResult measure(const core::Json&, std::uint64_t, const sweep::GamePolicy&) const override { return {}; }
  std::optional<core::Interval> interval(std::span<const sweep::Observation> seen, double level) const override {
    return core::error_interval(errors(seen), level);
  }
  // Wrong bits a row, summed over the queried rows.
  static std::vector<core::TrialErrors> errors(std::span<const sweep::Observation> seen) {
    std::vector<core::TrialErrors> trials;
    for (const sweep::Observation& one : seen) trials.push_back({one.value.mean * one.value.count, one.value.count});
    return trials;
  }
};

struct Setting {
  int tokens, kept, d, queries;
  std::optional<double> half_width;
  std::int64_t min_trials = 8, max_trials = 64;
  double truth() const { return (1 - static_cast<double>(kept) / tokens) / 2; }
};

// One trial: rows queried with replacement out of N. A kept row has no error; an evicted one has each of its d bits
// wrong with probability 1/2, and the same bits however often it is asked for.
sweep::Observation trial_of(const Setting& setting, std::uint64_t replication, std::uint64_t trial) {
  core::Stream stream({replication}, core::Purpose("tests/coverage"), trial);
  std::vector<int> wrong(static_cast<std::size_t>(setting.tokens), -1);
  std::int64_t total = 0;
  for (int query = 0; query < setting.queries; ++query) {
    // Lemire's map without rejection: bias below 2^-20 for these N.
    const auto row =
        static_cast<std::size_t>(std::uint64_t{stream()} * static_cast<std::uint64_t>(setting.tokens) >> 32);
    if (static_cast<int>(row) < setting.kept) continue;
    if (wrong[row] < 0) {
      wrong[row] = 0;
      for (int left = setting.d; left > 0; left -= 32) {
        const std::uint32_t mask = left >= 32 ? ~0u : (1u << left) - 1;
        wrong[row] += std::popcount(stream() & mask);
      }
    }
    total += wrong[row];
  }
  return {sweep::Status::ok, nullptr, {static_cast<double>(total) / setting.d / setting.queries, setting.queries, {}}};
}

}  // namespace

// The slack, stated before any run: with 10,000 replications and true coverage 0.95, the measured share has standard
// error sqrt(.95 x .05 / 10000) = 0.0022. Three of them are allowed, 0.0065: a setting whose coverage is nominal fails
// with probability 1.3e-3, one that covers 0.94 fails with probability 0.93.
TEST_CASE("quoted intervals cover the eviction law under checkpointed stopping", "[statistics][coverage]") {
  constexpr int replications = 10'000;
  const double slack = 3 * std::sqrt(sweep::quoted_level * (1 - sweep::quoted_level) / replications);
  const Setting settings[] = {
      {64, 32, 16, 32, 0.05},       {341, 85, 32, 64, 0.04},     {341, 307, 64, 128, 0.01},
      {21, 14, 1, 16, 0.05},        {21, 20, 7, 128, 0.01},      {5, 4, 1, 64, 0.05},
      {85, 0, 16, 32, 0.06},        {1, 0, 7, 8, 0.1},           {64, 48, 8, 32, std::nullopt, 8, 16},
      {30, 15, 4, 1, 0.15, 8, 128}, {14, 7, 2, 200, 0.1, 4, 32},
  };
  const EvictionLaw law;
  for (const Setting& setting : settings) {
    sweep::StopRule rule;
    rule.min_trials = setting.min_trials;
    rule.max_trials = setting.max_trials;
    rule.half_width = setting.half_width;
    int covered = 0, early = 0;
    for (int replication = 0; replication < replications; ++replication) {
      std::vector<sweep::Observation> seen;
      sweep::Progress progress = look(law, rule, "p", seen);
      while (!progress.stop) {
        while (static_cast<std::int64_t>(seen.size()) < progress.needed) {
          seen.push_back(trial_of(setting, static_cast<std::uint64_t>(replication), seen.size()));
        }
        progress = look(law, rule, "p", seen);
      }
      // As a table quotes it: trials up to the stop, confidence split over the looks.
      const auto counted = std::span(seen).first(static_cast<std::size_t>(progress.stop->trials));
      const double level = 1 - (1 - sweep::quoted_level) / static_cast<double>(progress.stop->looks);
      const core::Interval quoted = core::error_interval(EvictionLaw::errors(counted), level);
      covered += quoted.lo <= setting.truth() && setting.truth() <= quoted.hi;
      early += progress.stop->reason == "half_width";
    }
    const double coverage = static_cast<double>(covered) / replications;
    CAPTURE(setting.tokens, setting.kept, setting.d, setting.queries, setting.half_width.value_or(0), early, coverage);
    CHECK(coverage >= sweep::quoted_level - slack);
    // A rule that never stops early would test nothing of the split.
    if (setting.half_width) CHECK(early > 0);
  }
}
