#include "sweep/stopping.hpp"

#include <algorithm>
#include <tuple>

#include "core/errors.hpp"

namespace kvfrontier::sweep {
namespace {

bool all_failed(std::span<const Row> rows) {
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.result.status == "failed"; });
}

}  // namespace

const core::OptionTable& StopRule::options() {
  static const core::OptionTable table{
      core::Option::integer("min_trials", 8, 1, 1'000'000'000, "trials before the first look"),
      core::Option::integer("max_trials", 64, 1, 1'000'000'000, "trials at most"),
      core::Option::real("half_width", {}, 0, 1, "stop once the interval reaches no further to either side")};
  return table;
}

StopRule StopRule::parse(const core::Json& json, const std::string& path) {
  core::require_known_keys(json, path, options().names());
  const core::Json resolved = options().resolve(json, path);
  StopRule rule;
  rule.min_trials = resolved["min_trials"].get<std::int64_t>();
  rule.max_trials = resolved["max_trials"].get<std::int64_t>();
  // A default gives way to what was written.
  if (!json.contains("min_trials")) rule.min_trials = std::min(rule.min_trials, rule.max_trials);
  if (!json.contains("max_trials")) rule.max_trials = std::max(rule.min_trials, rule.max_trials);
  if (!resolved["half_width"].is_null()) rule.half_width = resolved["half_width"].get<double>();
  if (rule.max_trials < rule.min_trials) {
    throw core::ConfigError(core::join_path(path, "max_trials"), std::to_string(rule.max_trials),
                            "at least min_trials = " + std::to_string(rule.min_trials));
  }
  return rule;
}

core::Json StopRule::to_json() const {
  return {{"min_trials", min_trials},
          {"max_trials", max_trials},
          {"half_width", half_width ? core::Json(*half_width) : core::Json()}};
}

std::vector<std::int64_t> StopRule::checkpoints() const {
  if (!half_width && targets.empty()) return {max_trials};
  std::vector<std::int64_t> list;
  for (std::int64_t trials = min_trials; trials < max_trials; trials *= 2) list.push_back(trials);
  list.push_back(max_trials);
  return list;
}

double StopRule::look_level() const {
  return 1 - (1 - quoted_level) / static_cast<double>(checkpoints().size());
}

core::Json Stop::to_json() const {
  return {{"point", point}, {"trials", trials}, {"looks", looks}, {"reason", reason}, {"revision", revision}};
}

Stop Stop::from_json(const core::Json& json) {
  return {json.at("point").get<std::string>(), json.at("trials").get<std::int64_t>(),
          json.at("looks").get<std::int64_t>(), json.at("reason").get<std::string>(),
          json.value("revision", std::int64_t{0})};
}

bool Stop::same_as(const Stop& other) const {
  return std::tie(point, trials, looks, reason) == std::tie(other.point, other.trials, other.looks, other.reason);
}

bool Stop::supersedes(const Stop& other) const {
  // The later decision; between stores that know nothing of each other the one that saw more, then the wider interval.
  const auto rank = [](const Stop& stop) {
    return std::make_tuple(stop.revision, stop.trials, stop.looks, stop.reason != "failed");
  };
  return rank(*this) > rank(other);
}

std::optional<core::Interval> interval_of(const Experiment& experiment, std::span<const Row> rows, double level) {
  try {
    return experiment.interval(rows, level);
  } catch (const core::Json::exception& error) {
    throw core::StoreError("point " + rows.front().point + ": " + core::json_complaint(error) +
                           "; one of its rows was edited or is damaged");
  }
}

Progress look(const Experiment& experiment, const StopRule& rule, std::span<const Row> rows) {
  const auto have = static_cast<std::int64_t>(rows.size());
  if (have == 0) return {std::nullopt, rule.checkpoints().front()};
  const auto checkpoints = rule.checkpoints();
  const auto stop = [&](std::int64_t trials, const char* reason) {
    return Progress{Stop{rows.front().point, trials, static_cast<std::int64_t>(checkpoints.size()), reason}, 0};
  };
  // Every further trial of such a point would say the same.
  if (rows.front().result.status == "infeasible") return stop(1, "infeasible");
  const auto hopeless = std::find_if(rows.begin(), rows.end(),
                                     [](const Row& row) { return row.result.data.value("point_failed", false); });
  const auto sound = static_cast<std::int64_t>(hopeless - rows.begin());
  for (const std::int64_t checkpoint : checkpoints) {
    if (hopeless != rows.end() && sound < checkpoint) return stop(sound + 1, "failed");
    if (have < checkpoint) return {std::nullopt, checkpoint};
    const auto seen = rows.first(static_cast<std::size_t>(checkpoint));
    if (checkpoint == rule.max_trials) return stop(checkpoint, all_failed(seen) ? "failed" : "max_trials");
    if (all_failed(seen)) return stop(checkpoint, "failed");
    const auto interval = interval_of(experiment, seen, rule.look_level());
    if (!interval) continue;
    if (rule.half_width && interval->hi - interval->lo <= 2 * *rule.half_width) return stop(checkpoint, "half_width");
    const auto decided = [&](double target) { return interval->hi <= target || interval->lo > target; };
    if (!rule.targets.empty() && std::all_of(rule.targets.begin(), rule.targets.end(), decided))
      return stop(checkpoint, "decided");
  }
  return {};
}

}  // namespace kvfrontier::sweep
