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
  estimate(std::move(at), draws > 0 ? successes / draws : 0, predicted, allowed,
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
  const double level = 1 - (1 - simultaneous_level) / std::max<std::int64_t>(1, std::ssize(open_));
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

core::Json with(core::Json at, const char* name, core::Json value) {
  at[name] = std::move(value);
  return at;
}

namespace {

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

const std::string mutation_option = "mutation";

}  // namespace

Claim::Claim(ClaimText text) : text_(std::move(text)) {
  for (std::string* part :
       {&text_.statement, &text_.note, &text_.source, &text_.prediction, &text_.allowance, &text_.refutation})
    *part = one_line(*part);
}

std::vector<std::string> Claim::mutations() const {
  const core::Option* option = options().find(mutation_option);
  if (option == nullptr) return {};
  return {option->choices.begin() + 1, option->choices.end()};  // all but "none"
}

core::Json Claim::mutated_config(const std::string& mutation) const {
  core::Json json = config(Size::quick);
  if (options().find(mutation_option) != nullptr) json[mutation_option] = mutation;
  return json;
}

core::Json Claim::undersampled_config() const {
  return with(config(Size::quick), "stop", trials(1));
}

core::Json trials(std::int64_t count) {
  return trials(count, count);
}
core::Json trials(std::int64_t least, std::int64_t most) {
  sweep::StopRule rule;
  rule.min_trials = least;
  rule.max_trials = most;
  return rule.to_json();
}

std::vector<const Claim*> claims() {
  std::vector<const Claim*> list;
  for (const auto& name : sweep::Experiments::names()) {
    if (const Claim* claim = find_claim(name)) list.push_back(claim);
  }
  return list;
}

const Claim* find_claim(const std::string& name) {
  return dynamic_cast<const Claim*>(sweep::Experiments::find_or_null(name));
}

sweep::Plan plan_of(const core::Json& claim_config, const Claim& claim, std::uint64_t seed) {
  core::Json config = claim_config;
  config.emplace(core::member_name(&sweep::Identity::experiment), claim.name());  // unless it names another
  return sweep::make_plan(with(std::move(config), core::member_name(&sweep::Identity::seed).c_str(), seed));
}

namespace {

// No trial of the point had a certified scaling, so the claim has not seen it.
bool is_uncertified(const ClaimPoint& point) {
  return std::all_of(point.records.begin(), point.records.end(),
                     [](const sweep::Record& record) { return record.result.status == sweep::Status::uncertified; });
}
Check uncertified_check(const ClaimPoint& point) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  Check check{core::Json::object(), none, none, {none, none}, {none, none}};
  for (const auto& [name, value] : point.parameters.items()) {
    if (value.is_primitive() && !value.is_null()) check.at[name] = value;
  }
  check.at["quantity"] = "any: no trial has a certified scaling";
  return check;
}

}  // namespace

Verdict judge(const Claim& claim, const sweep::Plan& plan, const sweep::Store& store, const std::string& mutation) {
  Verdict verdict;
  verdict.claim = claim.name();
  const sweep::Standing standing = sweep::standing(plan, plan.points, store);
  verdict.points = std::ssize(plan.points);
  verdict.unfinished = std::ssize(standing.unfinished);
  ClaimPoints points;
  for (const sweep::Point& point : standing.points) {
    auto counted = store.counted_records(point.id);
    for (const sweep::Record& record : counted) verdict.failed_trials += record.result.status == sweep::Status::failed;
    if (!counted.empty()) points.push_back({point.parameters, std::move(counted)});
  }
  try {
    verdict.checks = claim.judge(points, mutation);
  } catch (const core::ConfigError& error) {
    throw core::StoreError(claim.name() +
                           ": a stored record does not hold what the claim is judged by: " + error.what());
  }
  for (const ClaimPoint& point : points) {
    if (is_uncertified(point)) verdict.checks.push_back(uncertified_check(point));
  }
  return verdict;
}

}  // namespace kvfrontier::analysis
