#pragma once
// When a point has enough trials. The interval is looked at only at checkpoints min_trials * 2^j and at max_trials, in
// trial order, and the confidence is split evenly over the looks, so that stopping early does not spoil coverage.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sweep/experiment.hpp"

namespace kvfrontier::sweep {

// Confidence of every quoted interval, over all looks.
inline constexpr double quoted_level = 0.95;

struct StopRule {
  std::int64_t min_trials = 8;
  std::int64_t max_trials = 64;
  std::optional<double>
      half_width;               // stop once the interval is at most this far to either side; none: run to max_trials
  std::vector<double> targets;  // stop once the interval tells on which side of each it lies; set by planners

  std::vector<std::int64_t> checkpoints() const;
  // Level of the interval at one look.
  double look_level() const;

  // The keys of `stop` in a config.
  static core::MemberList<StopRule> members();
  // Throws ConfigError below `path`.
  static StopRule parse(const core::Json& json, const std::string& path);
  core::Json to_json() const;
};

// Why and where a point stopped. `looks` splits the confidence of its quoted interval.
struct Stop {
  std::string point;
  std::int64_t trials = 0;
  std::int64_t looks = 1;
  std::string reason;         // half_width | decided | max_trials | infeasible | failed
  std::int64_t revision = 0;  // how many decisions of other rules, in the same store, this one replaced

  // The same decision, whatever it replaced.
  bool same_as(const Stop& other) const;
  bool supersedes(const Stop& other) const;

  core::Json to_json() const;
  // Throws core::ConfigError for a missing or mistyped field.
  static Stop from_json(const core::Json& json);
  static core::MemberList<Stop> members();
};

struct Progress {
  std::optional<Stop> stop;  // set when the point is done
  std::int64_t needed = 0;   // otherwise: trials 0 .. needed - 1 must be there before the next look
};

// `seen` is of the trials of one point in order, from 0 without a gap; more than a checkpoint needs are not looked at.
Progress look(const Experiment& experiment, const StopRule& rule, const std::string& point,
              std::span<const Observation> seen);
// What an experiment observes of records.
std::vector<Observation> observations_of(const Experiment& experiment, std::span<const Record> records);

}  // namespace kvfrontier::sweep
