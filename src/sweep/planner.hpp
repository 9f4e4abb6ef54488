#pragma once
// What to measure next. A plan has goals: the points of a fixed list, or searches that ask for points one after the
// other. Points are measured, stored and shared alike; nothing of a search is stored, for what it asks next follows from
// the records.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sweep/config.hpp"
#include "sweep/experiment.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::sweep {

// What is known of a point that has stopped: in searches, the interval that its experiment gives for the trials that
// count.
struct Answer {
  std::optional<core::Interval> interval;
};
// For the resolved parameters of a point: its answer, or nullopt while it has not stopped.
using Answers = std::function<std::optional<Answer>(const core::Json& parameters)>;

// What to measure next. Planners hold no state; goals are the resolved parameters of a config's points, in plan order.
class Planner {
 public:
  virtual ~Planner() = default;

  // "points" or "searches": what the goals of a plan are called.
  virtual std::string noun() const = 0;
  // Whether the number of points is known before any is measured.
  virtual bool counts_ahead() const = 0;
  // The experiment that measures the points of `asked`, the experiment that a config names.
  virtual const Experiment& measured(const Experiment& asked) const = 0;

  // Resolved parameters of the point that a goal needs next; nullopt once it has what it needs. A function of its
  // arguments that starts from scratch at every call, so that resuming, shards and merging cannot show.
  virtual std::optional<core::Json> next(const core::Json& goal, const Answers& answers) const = 0;

  // The value that a goal compares its points with: a point stops as soon as it is decided on which side of every
  // target of the plan it lies. nullopt: points run as the stop rule says.
  virtual std::optional<double> target(const core::Json&) const { return std::nullopt; }
  // Why a goal cannot be reached; empty for all others. Such a goal asks for nothing.
  virtual std::string refusal(const core::Json&) const { return {}; }
  // Values of an axis that a config leaves out, where they replace the option's default.
  virtual std::vector<core::Json> values_of(const std::string&) const { return {}; }
};

// Every goal is a point and is measured once.
class FixedList : public Planner {
 public:
  std::string noun() const override { return "points"; }
  bool counts_ahead() const override { return true; }
  const Experiment& measured(const Experiment& asked) const override { return asked; }
  std::optional<core::Json> next(const core::Json& goal, const Answers& answers) const override;
};

// Whether the whole interval of an answer lies at or below `target`.
bool meets(const Answer& answer, double target);

// The experiment whose records a plan makes.
const Experiment& measured_by(const Plan& plan);

// What the trials that count say of a point that has stopped. Fixed lists ask for no interval, so none is made.
Answer answer_from(const Plan& plan, std::span<const Observation> seen);

// What is known of a point, given a store.
std::optional<Answer> answer_of(const Plan& plan, const std::string& point, const Store& store);

// Where `part` of a plan's goals is, given a store.
struct Standing {
  std::vector<Point> points;            // those that the goals have asked for so far
  std::vector<std::string> unfinished;  // ids of those goals of `part` that still need trials
};
Standing standing(const Plan& plan, std::span<const Point> part, const Store& store);

}  // namespace kvfrontier::sweep
