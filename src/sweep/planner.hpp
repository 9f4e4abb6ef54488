#pragma once
// Sweeps that choose their points as they learn. The points of a planner are searches; a search asks for points of
// another experiment, one after the other, and these are measured, stored and shared like any others. Nothing of a
// search is stored: what it asks for next follows from the rows.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sweep/config.hpp"
#include "sweep/experiment.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::sweep {

class Planner : public Experiment {
 public:
  // The experiment that measures.
  virtual const Experiment& measured() const = 0;
  // The value that a search's points are compared with. A point stops as soon as it is decided on which side of every
  // target of the config it lies.
  virtual double target(const core::Json& search) const = 0;

  // Values of an axis that a config leaves out, where it is not the option's default that stands for it.
  virtual std::vector<core::Json> values_of(const std::string& option) const;
  // Why a search among those values cannot be; empty for all others. Such a search asks for nothing.
  virtual std::string refusal(const core::Json& search) const = 0;

  // For the resolved parameters of a point: does its whole interval lie at or below the search's target? nullopt while
  // it has not been measured.
  using Meets = std::function<std::optional<bool>(const core::Json& parameters)>;
  // Resolved parameters of the point that the search needs next; nullopt once it has its answer. A function of its
  // arguments that starts from scratch at every call, so that resuming, shards and merging cannot show.
  virtual std::optional<core::Json> next(const core::Json& search, const Meets& meets) const = 0;

  TrialResult measure(const core::Json&, std::uint64_t, const TrialContext&) const final;
  std::optional<core::Interval> interval(std::span<const Row>, double) const final { return std::nullopt; }
};

// The experiment whose rows a plan makes: its own, or the one that its searches measure.
const Experiment& measured_by(const Plan& plan);

// Does the interval of a point that has stopped meet the target? `rows` are those that count.
bool meets(const Experiment& experiment, const StopRule& rule, std::span<const Row> rows, double target);

// Where `part` of a plan's points stands, given a store.
struct Standing {
  std::vector<Point> points;            // to be measured; of searches: all that they have asked for so far
  std::vector<std::string> unfinished;  // ids of those members of `part` that still need trials
};
Standing standing(const Plan& plan, std::span<const Point> part, const Store& store);

}  // namespace kvfrontier::sweep
