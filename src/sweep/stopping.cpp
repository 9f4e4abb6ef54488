#include "sweep/stopping.hpp"

#include <algorithm>
#include <tuple>

#include "core/errors.hpp"

namespace kvfrontier::sweep {
namespace {

bool all_failed(std::span<const Observation> seen) {
  return std::all_of(seen.begin(), seen.end(), [](const Observation& one) { return one.status == Status::failed; });
}

}  // namespace

core::MemberList<StopRule> StopRule::members() {
  return {core::member("min_trials", &StopRule::min_trials, "trials before the first look").range(1, 1e9),
          core::member("max_trials", &StopRule::max_trials, "trials at most").range(1, 1e9),
          core::member("half_width", &StopRule::half_width, "stop once the interval reaches no further to either side")
              .range(0, 1)};
}

StopRule StopRule::parse(const core::Json& json, const std::string& path) {
  const core::OptionTable& table = core::table_of<StopRule>();
  core::require_known_keys(json, path, table.names());
  auto rule = table.resolve(json, path).as<StopRule>();
  // A default gives way to what was written.
  const auto written = [&](auto place) { return json.contains(core::member_name(place)); };
  if (!written(&StopRule::min_trials)) rule.min_trials = std::min(rule.min_trials, rule.max_trials);
  if (!written(&StopRule::max_trials)) rule.max_trials = std::max(rule.min_trials, rule.max_trials);
  if (rule.max_trials < rule.min_trials) {
    throw core::ConfigError(core::join_path(path, core::member_name(&StopRule::max_trials)),
                            std::to_string(rule.max_trials),
                            "at least min_trials = " + std::to_string(rule.min_trials));
  }
  return rule;
}

core::Json StopRule::to_json() const {
  return core::to_json(*this);
}

std::vector<std::int64_t> StopRule::checkpoints() const {
  if (!half_width && targets.empty()) return {max_trials};
  std::vector<std::int64_t> list;
  for (std::int64_t trials = min_trials; trials < max_trials; trials *= 2) list.push_back(trials);
  list.push_back(max_trials);
  return list;
}

double StopRule::look_level() const {
  return 1 - (1 - quoted_level) / std::ssize(checkpoints());
}

core::MemberList<Stop> Stop::members() {
  using core::member;
  return {
      member("point", &Stop::point, "id of the point").needed(),
      member("trials", &Stop::trials, "how many of its records count").range(1, 9e15).needed(),
      member("looks", &Stop::looks, "checkpoints that split the confidence of its interval").range(1, 9e15).needed(),
      member("reason", &Stop::reason, "half_width, decided, max_trials, infeasible or failed").needed(),
      member("revision", &Stop::revision, "decisions of other rules that this one replaced")};
}

core::Json Stop::to_json() const {
  return core::to_json(*this);
}

Stop Stop::from_json(const core::Json& json) {
  return core::from_json<Stop>(json, "");
}

bool Stop::same_as(const Stop& other) const {
  return std::tie(point, trials, looks, reason) == std::tie(other.point, other.trials, other.looks, other.reason);
}

bool Stop::supersedes(const Stop& other) const {
  // The later decision; between stores that know nothing of each other the one that saw more, then the wider interval.
  const auto rank = [](const Stop& stop) {
    return std::make_tuple(stop.revision, stop.trials, stop.looks, stop.reason != "failed", stop.reason);
  };
  return rank(*this) > rank(other);
}

std::vector<Observation> observations_of(const Experiment& experiment, std::span<const Record> records) {
  std::vector<Observation> observations;
  observations.reserve(records.size());
  for (const Record& record : records) observations.push_back(experiment.observe(record));
  return observations;
}

Progress look(const Experiment& experiment, const StopRule& rule, const std::string& point,
              std::span<const Observation> seen) {
  const auto have = std::ssize(seen);
  if (have == 0) return {std::nullopt, rule.checkpoints().front()};
  const auto checkpoints = rule.checkpoints();
  const auto stop = [&](std::int64_t trials, const char* reason) {
    return Progress{Stop{point, trials, std::ssize(checkpoints), reason}, 0};
  };
  // Every further trial of such a point would say the same.
  if (seen.front().status == Status::infeasible) return stop(1, "infeasible");
  for (const std::int64_t checkpoint : checkpoints) {
    if (have < checkpoint) return {std::nullopt, checkpoint};
    const auto part = seen.first(checkpoint);
    if (checkpoint == rule.max_trials) return stop(checkpoint, all_failed(part) ? "failed" : "max_trials");
    if (all_failed(part)) return stop(checkpoint, "failed");
    const auto interval = experiment.interval(part, rule.look_level());
    if (!interval) continue;
    if (rule.half_width && interval->hi - interval->lo <= 2 * *rule.half_width) return stop(checkpoint, "half_width");
    const auto decided = [&](double target) { return interval->hi <= target || interval->lo > target; };
    if (!rule.targets.empty() && std::all_of(rule.targets.begin(), rule.targets.end(), decided))
      return stop(checkpoint, "decided");
  }
  return {};
}

}  // namespace kvfrontier::sweep
