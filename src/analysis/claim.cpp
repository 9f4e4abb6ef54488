#include "analysis/claim.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/errors.hpp"
#include "sweep/planner.hpp"

namespace kvfrontier::analysis {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Distance of the interval to the nearer edge of its band, in widths of the band (of the prediction where the band is
// open); negative outside. Infinite where nothing can come nearer: an open end, and a value that has to be hit and was.
double clearance(const Check& check) {
  const double below = std::isinf(check.allowed.lo) ? infinity : check.interval.lo - check.allowed.lo;
  const double above = std::isinf(check.allowed.hi) ? infinity : check.allowed.hi - check.interval.hi;
  const double width = check.allowed.hi - check.allowed.lo, nearer = std::min(below, above);
  if (width == 0 && nearer == 0) return infinity;
  return std::isfinite(width) && width > 0 ? nearer / width : nearer / std::max(1e-300, std::abs(check.predicted));
}

}  // namespace

std::string outcome_name(Outcome outcome) {
  return outcome == Outcome::holds ? "holds" : outcome == Outcome::refuted ? "refuted" : "inconclusive";
}

Outcome Check::outcome() const {
  if (std::isnan(interval.lo) || std::isnan(interval.hi) || std::isnan(allowed.lo) || std::isnan(allowed.hi))
    return Outcome::inconclusive;
  if (interval.lo >= allowed.lo && interval.hi <= allowed.hi) return Outcome::holds;
  if (interval.hi < allowed.lo || interval.lo > allowed.hi) return Outcome::refuted;
  return Outcome::inconclusive;
}

std::string Check::where() const {
  std::string text;
  for (const auto& [name, value] : at.items()) {
    if (!text.empty()) text += ", ";
    text.append(name).append(" = ").append(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

core::Json Check::to_json() const {
  // JSON has no infinity: an open end is null.
  const auto number = [](double value) { return std::isfinite(value) ? core::Json(value) : core::Json(); };
  return {{"at", at},
          {"predicted", number(predicted)},
          {"measured", number(measured)},
          {"lo", number(interval.lo)},
          {"hi", number(interval.hi)},
          {"allowed_lo", number(allowed.lo)},
          {"allowed_hi", number(allowed.hi)},
          {"outcome", outcome_name(outcome())}};
}

core::Json Verdict::to_json() const {
  core::Json list = core::Json::array();
  for (const Check& check : checks) list.push_back(check.to_json());
  return {{"claim", claim},
          {"outcome", outcome_name(outcome())},
          {"points", points},
          {"unfinished_points", unfinished},
          {"failed_trials", failed_trials},
          {"deciding", deciding() ? core::Json(deciding() - checks.data()) : core::Json()},
          {"checks", list}};
}

Outcome Verdict::outcome() const {
  bool open = checks.empty() || unfinished > 0 || failed_trials > 0;
  for (const Check& check : checks) {
    if (check.outcome() == Outcome::refuted) return Outcome::refuted;
    open = open || check.outcome() == Outcome::inconclusive;
  }
  return open ? Outcome::inconclusive : Outcome::holds;
}

const Check* Verdict::deciding() const {
  const Check* best = nullptr;
  const auto rank = [](const Check& check) {
    return check.outcome() == Outcome::refuted ? 0 : check.outcome() == Outcome::inconclusive ? 1 : 2;
  };
  for (const Check& check : checks) {
    if (best == nullptr || rank(check) < rank(*best) ||
        (rank(check) == rank(*best) && clearance(check) < clearance(*best)))
      best = &check;
  }
  return best;
}

void CheckList::estimate(core::Json at, double measured, double predicted, core::Interval allowed,
                         std::function<core::Interval(double)> interval) {
  open_.push_back({Check{std::move(at), predicted, measured, {}, allowed}, std::move(interval)});
}

void CheckList::mean(core::Json at, std::vector<double> samples, double predicted, core::Interval allowed) {
  const double measured = core::mean_of(samples);
  estimate(std::move(at), measured, predicted, allowed,
           [samples = std::move(samples)](double level) { return core::student_interval(samples, level); });
}

void CheckList::proportion(core::Json at, double successes, std::int64_t draws, double predicted,
                           core::Interval allowed) {
  estimate(std::move(at), draws > 0 ? successes / static_cast<double>(draws) : 0, predicted, allowed,
           [=](double level) { return core::clopper_pearson(successes, draws, level); });
}

void CheckList::error(core::Json at, std::vector<core::TrialErrors> trials, double predicted, core::Interval allowed) {
  core::TrialErrors all;
  for (const auto& trial : trials) {
    all.row_errors += trial.row_errors;
    all.rows += trial.rows;
  }
  estimate(std::move(at), all.mean(), predicted, allowed,
           [trials = std::move(trials)](double level) { return core::error_interval(trials, level); });
}

void CheckList::exact(core::Json at, double measured, double predicted, core::Interval allowed) {
  estimate(std::move(at), measured, predicted, allowed, [=](double) { return core::Interval{measured, measured}; });
}

std::vector<Check> CheckList::finish() const {
  const double level = 1 - (1 - simultaneous_level) / static_cast<double>(std::max<std::size_t>(1, open_.size()));
  std::vector<Check> checks;
  for (const Open& open : open_) {
    checks.push_back(open.check);
    checks.back().interval = open.interval(level);
  }
  return checks;
}

core::Interval within_relative(double predicted, double relative) {
  return within_absolute(predicted, std::abs(predicted) * relative);
}
core::Interval within_absolute(double predicted, double absolute) {
  return {predicted - absolute, predicted + absolute};
}
core::Interval at_most(double bound) {
  return {-infinity, bound};
}
core::Interval at_least(double bound) {
  return {bound, infinity};
}

std::vector<double> PointRows::values(const std::string& key) const {
  std::vector<double> list;
  for (const sweep::Row& row : rows) {
    if (row.result.status == "ok") list.push_back(row.result.data.at(key).get<double>());
  }
  return list;
}

core::Json PointRows::at(std::initializer_list<const char*> keys) const {
  core::Json place = core::Json::object();
  for (const char* key : keys) place[key] = parameters.at(key);
  return place;
}

std::vector<std::string> Claim::sabotages() const {
  std::vector<std::string> names;
  if (const core::Option* option = options().find("sabotage")) {
    for (const auto& name : option->choices) {
      if (name != "none") names.push_back(name);
    }
  }
  return names;
}

core::Json Claim::sabotaged_config(const std::string& sabotage) const {
  core::Json json = config(Size::quick);
  if (options().find("sabotage") != nullptr) json["sabotage"] = sabotage;
  return json;
}

void Claim::spoil(const std::string&, ClaimRows&) const {}

core::Json Claim::undersampled_config() const {
  core::Json json = config(Size::quick);
  json["stop"] = {{"min_trials", 1}, {"max_trials", 1}};
  return json;
}

core::Option sabotage_option(std::vector<std::string> names) {
  names.insert(names.begin(), "none");
  return core::Option::choice("sabotage", "none", std::move(names),
                              "a deliberate fault that must come back refuted; for mutation tests");
}

std::vector<const Claim*> claims() {
  std::vector<const Claim*> list;
  for (const auto& name : sweep::Experiments::names()) {
    if (const auto* claim = dynamic_cast<const Claim*>(sweep::Experiments::find_or_null(name))) list.push_back(claim);
  }
  return list;
}

sweep::Plan plan_of(const core::Json& claim_config, const Claim& claim, std::uint64_t seed) {
  core::Json config = claim_config;
  if (!config.contains("experiment")) config["experiment"] = claim.name();
  config["seed"] = seed;
  return sweep::make_plan(config);
}

Verdict judge(const Claim& claim, const sweep::Plan& plan, const sweep::Store& store, const std::string& sabotage) {
  Verdict verdict;
  verdict.claim = claim.name();
  const sweep::Standing standing = sweep::standing(plan, plan.points, store);
  verdict.points = plan.points.size();
  verdict.unfinished = standing.unfinished.size();
  ClaimRows rows;
  for (const sweep::Point& point : standing.points) {
    auto counted = store.counted_rows(point.id);
    for (const sweep::Row& row : counted) verdict.failed_trials += row.result.status == "failed";
    if (!counted.empty()) rows.push_back({point.parameters, std::move(counted)});
  }
  if (sabotage != "none") claim.spoil(sabotage, rows);
  try {
    verdict.checks = claim.judge(rows);
  } catch (const core::Json::exception& error) {
    throw core::StoreError(claim.name() + ": a stored row does not hold what the claim is judged by: " + error.what());
  }
  return verdict;
}

}  // namespace kvfrontier::analysis
