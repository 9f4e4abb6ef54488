#pragma once
// A config becomes a plan: a list of points to measure, or of searches that ask for points, each with resolved
// parameters and an id.

#include <filesystem>
#include <string>
#include <vector>

#include "sweep/experiment.hpp"
#include "sweep/stopping.hpp"

namespace kvfrontier::sweep {

struct Point {
  std::string id;
  core::Json parameters;
  double operations = 0;  // of one trial
};

struct Plan {
  const Experiment* experiment = nullptr;
  std::uint64_t seed = 0;
  std::vector<Point> points;  // goals in config order, without repetitions (sweep/planner.hpp)
  StopRule stop;
  core::Json config;  // as written, after --set
};

// Reads and resolves a config file; `sets` are "dotted.path=value" overrides (value is JSON, or text when it is not).
// Throws UserError and ConfigError.
Plan load_plan(const std::filesystem::path& file, const std::vector<std::string>& sets = {});
Plan make_plan(const core::Json& config);

// An experiment's resolved parameters with its name, the versions and the seed: what a point id is the hash of.
core::Json identified(const Experiment& experiment, core::Json parameters, std::uint64_t seed);
Point make_point(const Experiment& experiment, const core::Json& parameters, std::uint64_t seed);

// The points of shard `index` (1-based) of `count`: largest declared cost first onto the lightest shard, ties by id. A
// pure function of the plan.
std::vector<Point> shard(const Plan& plan, int index, int count);

}  // namespace kvfrontier::sweep
