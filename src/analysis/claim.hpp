#pragma once
// Claims: experiments that end in a verdict. A claim states predicted values, a systematic allowance that was written
// down with its reason before measuring, and intervals at simultaneous level 1 - 1e-4 over all its checks.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "sweep/config.hpp"
#include "sweep/experiment.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::analysis {

enum class Outcome { holds, refuted, inconclusive };
std::string outcome_name(Outcome outcome);

// One comparison of a claim.
struct Check {
  core::Json at;  // where, as a flat object: {"embedding": "sphere", "d": 64, "tau": 6}; figures read it
  double predicted = 0;
  double measured = 0;
  core::Interval interval;  // of the measured value
  core::Interval allowed;   // prediction with its allowance; one-sided bands have an infinite end

  // Interval inside the band: holds. Wholly outside: refuted. Otherwise, and for what is not a number: inconclusive.
  Outcome outcome() const;
  // "embedding = sphere, d = 64, tau = 6".
  std::string where() const;
  core::Json to_json() const;
};

struct Verdict {
  std::string claim;
  std::vector<Check> checks;
  std::size_t points = 0, unfinished = 0;  // of the plan; those that still lack trials
  std::size_t failed_trials = 0;

  // Refuted if any check is; else inconclusive if any check is, if there are none, or if a point is unfinished or a
  // trial failed: what was not measured may say otherwise. Else holds.
  Outcome outcome() const;
  // The check that decides: a refuted one, else an inconclusive one, else the one whose interval comes nearest to the
  // edge of its band relative to the band's width. nullptr without checks.
  const Check* deciding() const;
  core::Json to_json() const;
};

// Collects checks and gives each its share of the level once all are known.
class CheckList {
 public:
  static constexpr double simultaneous_level = 1 - 1e-4;

  // The mean of independent samples (one a trial): Student t.
  void mean(core::Json at, std::vector<double> samples, double predicted, core::Interval allowed);
  // A share of independent draws: Clopper-Pearson.
  void proportion(core::Json at, double successes, std::int64_t draws, double predicted, core::Interval allowed);
  // A mean bit error over trials: core::error_interval.
  void error(core::Json at, std::vector<core::TrialErrors> trials, double predicted, core::Interval allowed);
  // Arithmetic, no sampling: the interval is the value.
  void exact(core::Json at, double measured, double predicted, core::Interval allowed);
  // Any other estimate with an interval at a given two-sided level.
  void estimate(core::Json at, double measured, double predicted, core::Interval allowed,
                std::function<core::Interval(double level)> interval);

  std::vector<Check> finish() const;

 private:
  struct Open {
    Check check;
    std::function<core::Interval(double)> interval;
  };
  std::vector<Open> open_;
};

// predicted (1 -+ relative), and predicted -+ absolute.
core::Interval within_relative(double predicted, double relative);
core::Interval within_absolute(double predicted, double absolute);
core::Interval at_most(double bound);
core::Interval at_least(double bound);

// The counted rows of one point.
struct PointRows {
  core::Json parameters;
  std::vector<sweep::Row> rows;

  // Values of data[key] over the measured (ok) rows.
  std::vector<double> values(const std::string& key) const;
  double parameter(const std::string& key) const { return parameters.at(key).get<double>(); }
  // The named parameters as a flat object: the place of a check.
  core::Json at(std::initializer_list<const char*> keys) const;
};
using ClaimRows = std::vector<PointRows>;

enum class Size { quick, paper };

class Claim : public sweep::Experiment {
 public:
  // The formula that is compared, in plain notation.
  virtual std::string prediction() const = 0;
  // The systematic allowance and why it is that wide.
  virtual std::string allowance() const = 0;
  // What a measurement would have to show.
  virtual std::string refutation() const = 0;

  // The sweep that this claim measures: "grid", "stop" and options; "experiment" when its rows are another
  // experiment's; "seed" is added.
  virtual core::Json config(Size size) const = 0;

  // `rows`: the points of the plan of config() that have counted rows, in plan order.
  virtual std::vector<Check> judge(const ClaimRows& rows) const = 0;

  // Named sabotages, each of which must turn the verdict into `refuted`. By default each is a value of the claim's
  // option `sabotage`; a claim that judges other experiments' rows spoils the rows instead.
  virtual std::vector<std::string> sabotages() const;
  virtual core::Json sabotaged_config(const std::string& sabotage) const;
  virtual void spoil(const std::string& sabotage, ClaimRows& rows) const;
  // A run too small to tell: must come back inconclusive. Default: the quick sweep with one trial a point.
  virtual core::Json undersampled_config() const;

  // Claims run to max_trials.
  std::optional<core::Interval> interval(std::span<const sweep::Row>, double) const override { return std::nullopt; }
  double operations(const core::Json&) const override { return 1e7; }
  double memory_bytes(const core::Json&) const override { return 64e6; }
};

// Option `sabotage` of a claim: "none" or one of `names`.
core::Option sabotage_option(std::vector<std::string> names);

std::vector<const Claim*> claims();

// The plan of a claim's sweep.
sweep::Plan plan_of(const core::Json& claim_config, const Claim& claim, std::uint64_t seed);

// Judges the rows of `store` that belong to `plan`, sabotaged if asked.
Verdict judge(const Claim& claim, const sweep::Plan& plan, const sweep::Store& store,
              const std::string& sabotage = "none");

}  // namespace kvfrontier::analysis
