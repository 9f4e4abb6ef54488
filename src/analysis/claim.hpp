#pragma once
// Claims: experiments that end in a verdict. A claim states predicted values, a systematic allowance that was written
// down with its reason before measuring, and intervals at simultaneous level 1 - 1e-4 over all its checks.
// analysis/measuring_claim.hpp and analysis/game_claim.hpp are what a claim derives from.

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/errors.hpp"
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
  std::int64_t points = 0, unfinished = 0;  // of the plan; those that still lack trials
  std::int64_t failed_trials = 0;

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

// `at` with one entry more.
core::Json with(core::Json at, const char* name, core::Json value);

// The counted records of one point.
struct ClaimPoint {
  core::Json parameters;
  std::vector<sweep::Record> records;
};
using ClaimPoints = std::vector<ClaimPoint>;

// One point's parameters and the measured trials, in the structs P and T of the experiment.
template <class P, class T>
struct PointTrials {
  P parameters;
  std::vector<T> trials;                  // of status ok, in trial order
  std::vector<sweep::Status> statuses{};  // of all counted records

  // One member of every trial.
  template <class V>
  std::vector<double> values(V T::*place) const {
    std::vector<double> list;
    for (const T& trial : trials) list.push_back(as_double(trial.*place));
    return list;
  }
  // The named parameters as a flat object: the place of a check.
  template <class... V>
  core::Json at(V P::*... places) const {
    return core::pick(parameters, places...);
  }
  std::int64_t count(sweep::Status status) const { return std::count(statuses.begin(), statuses.end(), status); }

 private:
  template <class V>
  static double as_double(const V& value) {
    return value;
  }
  template <class V>
  static double as_double(const std::optional<V>& value) {
    if (!value) throw core::ConfigError("data", "nothing", "a value of every member that the claim is judged by");
    return *value;
  }
};

// What a claim says. Texts may be raw strings over several lines: runs of white space count as one blank.
struct ClaimText {
  std::string name;
  std::string statement;   // one sentence
  std::string note{};      // what a reader may want to know besides; may be empty
  std::string source;      // theorem or paper
  std::string prediction;  // the formula that is compared, in plain notation
  std::string allowance;   // the systematic allowance and why it is that wide
  std::string refutation;  // what a measurement would have to show
};

enum class Size { quick, paper };

// The plug point for claims. Claims hold no state that changes; every function may be called from several threads at
// once.
class Claim : public sweep::Experiment {
 public:
  explicit Claim(ClaimText text);

  const ClaimText& text() const { return text_; }
  std::string name() const final { return text_.name; }
  std::string statement() const final { return text_.statement; }
  std::string source() const final { return text_.source; }

  // The sweep that this claim measures: "grid", "stop" and options; "experiment" when its records are another
  // experiment's; "seed" is added.
  virtual core::Json config(Size size) const = 0;

  // `points`: those of the plan of config() that have counted records, in plan order; `mutation` is "none" or one of
  // mutations(). A function of both alone. Throws core::ConfigError, or core::StoreError with the name of the record, for
  // records that do not hold what the claim is judged by.
  virtual std::vector<Check> judge(const ClaimPoints& points, const std::string& mutation) const = 0;

  // Deliberate faults, each of which must turn the verdict into `refuted`. By default each is a value of the claim's
  // option `mutation`; a claim that judges the records of games changes these records instead.
  virtual std::vector<std::string> mutations() const;
  virtual core::Json mutated_config(const std::string& mutation) const;
  // A run too small to tell: must come back inconclusive. Default: the quick sweep with one trial a point.
  virtual core::Json undersampled_config() const;

  double memory_bytes(const core::Json&) const override { return 64e6; }

 private:
  ClaimText text_;
};

// The member `mutation` of a claim's parameters, of an enum whose first value is `none`.
template <class T, class E>
core::Member<T> mutation_member(E T::*place) {
  return core::member("mutation", place, "a deliberate fault that must come back refuted; for mutation tests");
}

// {"min_trials": n, "max_trials": n}: the stop rule of a claim's config.
core::Json trials(std::int64_t count);
core::Json trials(std::int64_t least, std::int64_t most);

std::vector<const Claim*> claims();
// The claim of that name; nullptr for other experiments and for unknown names.
const Claim* find_claim(const std::string& name);

// The plan of a claim's sweep.
sweep::Plan plan_of(const core::Json& claim_config, const Claim& claim, std::uint64_t seed);

// Judges the records of `store` that belong to `plan`, mutated if asked. A point of which no trial was certified adds an
// inconclusive check.
Verdict judge(const Claim& claim, const sweep::Plan& plan, const sweep::Store& store,
              const std::string& mutation = "none");

}  // namespace kvfrontier::analysis
