// The verdict rule: outcome of a check, of a claim, the deciding check, levels split over checks. Claims and rows made
// by hand.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "analysis/claim.hpp"
#include "core/errors.hpp"

namespace kvfrontier::analysis {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Check check(core::Interval interval, core::Interval allowed, double predicted = 1) {
  return {core::Json{{"x", interval.lo}}, predicted, (interval.lo + interval.hi) / 2, interval, allowed};
}

Verdict verdict(std::vector<Check> checks) {
  Verdict made;
  made.claim = "made by hand";
  made.checks = std::move(checks);
  return made;
}

const Check holding = check({0.9, 1.1}, {0.5, 1.5}), refuted = check({2, 3}, {0.5, 1.5}),
            open_one = check({1.4, 1.6}, {0.5, 1.5});

// Measures nothing; judges the mean of data["x"] to be 1 within 0.1.
class HandMade : public Claim {
 public:
  std::string name() const override { return "hand_made"; }
  std::string statement() const override { return "x is 1"; }
  std::string source() const override { return "here"; }
  std::string prediction() const override { return "1"; }
  std::string allowance() const override { return "0.1"; }
  std::string refutation() const override { return "another x"; }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{core::Option::integer("place", 0, 0, 10, ""),
                                         sabotage_option({"doubled", "halved"})};
    return table;
  }
  core::Json resolve(const sweep::Combination& combination) const override {
    return {{"place", combination.value("place")}, {"sabotage", combination.value("sabotage")}};
  }
  sweep::TrialResult measure(const core::Json&, std::uint64_t, const sweep::TrialContext&) const override {
    return {"ok", {{"x", 1.0}}};
  }
  core::Json config(Size) const override {
    return {{"grid", {{"place", {1, 2}}}}, {"stop", {{"min_trials", 2}, {"max_trials", 3}}}};
  }
  std::vector<Check> judge(const ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) checks.mean(point.at({"place"}), point.values("x"), 1, within_absolute(1, 0.1));
    return checks.finish();
  }
  void spoil(const std::string& sabotage, ClaimRows& rows) const override {
    for (auto& point : rows) {
      for (auto& row : point.rows)
        row.result.data["x"] = row.result.data["x"].get<double>() * (sabotage == "doubled" ? 2 : 0.5);
    }
  }
};
const HandMade& hand_made() {
  static const HandMade claim;
  return claim;
}

// Two points of three trials; not through the registry, where every claim has a mutation test.
sweep::Plan plan(std::uint64_t seed = 1) {
  sweep::Plan made;
  made.experiment = &hand_made();
  made.seed = seed;
  made.stop.min_trials = 2;
  made.stop.max_trials = 3;
  for (const int place : {1, 2}) {
    const core::Json parameters{{"place", place}, {"seed", seed}};
    made.points.push_back({sweep::point_id(parameters), parameters, 1});
  }
  return made;
}

sweep::Row row_of(const sweep::Point& point, std::int64_t trial, core::Json data, const std::string& status = "ok") {
  sweep::Row row;
  row.point = point.id;
  row.trial = trial;
  row.parameters = std::make_shared<const core::Json>(point.parameters);
  row.result = {status, std::move(data)};
  return row;
}

sweep::Store store_with(const sweep::Plan& plan, std::int64_t trials) {
  sweep::Store store;
  for (const auto& point : plan.points) {
    for (std::int64_t trial = 0; trial < trials; ++trial)
      store.add(row_of(point, trial, {{"x", 1.0 + 1e-4 * static_cast<double>(trial)}}));
  }
  return store;
}

}  // namespace

TEST_CASE("a check holds inside its band, is refuted wholly outside, and is inconclusive across an edge") {
  CHECK(holding.outcome() == Outcome::holds);
  CHECK(refuted.outcome() == Outcome::refuted);
  CHECK(check({-1, 0}, {0.5, 1.5}).outcome() == Outcome::refuted);
  CHECK(open_one.outcome() == Outcome::inconclusive);
  CHECK(check({0, 9}, {0.5, 1.5}).outcome() == Outcome::inconclusive);  // contains the band
  // Edges belong to the band: an interval that touches it from outside is not wholly outside.
  CHECK(check({0.5, 1.5}, {0.5, 1.5}).outcome() == Outcome::holds);
  CHECK(check({1.5, 2}, {0.5, 1.5}).outcome() == Outcome::inconclusive);
  CHECK(check({1, 1}, {1, 1}).outcome() == Outcome::holds);
}

TEST_CASE("one-sided bands refute on one side only") {
  CHECK(check({-infinity, 1}, at_most(1)).outcome() == Outcome::holds);
  CHECK(check({-5, 0}, at_most(1)).outcome() == Outcome::holds);
  CHECK(check({1.1, 2}, at_most(1)).outcome() == Outcome::refuted);
  CHECK(check({1.1, 2}, at_least(1)).outcome() == Outcome::holds);
  CHECK(check({0.1, 0.2}, at_least(1)).outcome() == Outcome::refuted);
  CHECK(check({-infinity, infinity}, at_least(1)).outcome() == Outcome::inconclusive);
  CHECK(within_relative(-2, 0.1).lo == Approx(-2.2));
  CHECK(within_relative(-2, 0.1).hi == Approx(-1.8));
}

TEST_CASE("what is not a number is inconclusive, never a verdict") {
  CHECK(check({nan, 1}, {0.5, 1.5}).outcome() == Outcome::inconclusive);
  CHECK(check({1, nan}, {0.5, 1.5}).outcome() == Outcome::inconclusive);
  CHECK(check({2, 3}, {nan, 1}).outcome() == Outcome::inconclusive);
  CHECK(check({2, 3}, {0, nan}).outcome() == Outcome::inconclusive);
  CheckList checks;
  checks.mean({{"x", 1}}, {1, nan, 1}, 1, within_absolute(1, 0.5));
  CHECK(verdict(checks.finish()).outcome() == Outcome::inconclusive);
  CHECK(checks.finish()[0].to_json().at("measured").is_null());
}

TEST_CASE("a verdict is its worst check, and none is no verdict") {
  CHECK(verdict({}).outcome() == Outcome::inconclusive);
  CHECK(verdict({}).deciding() == nullptr);
  CHECK(verdict({holding, holding}).outcome() == Outcome::holds);
  CHECK(verdict({holding, open_one}).outcome() == Outcome::inconclusive);
  CHECK(verdict({open_one, refuted, holding}).outcome() == Outcome::refuted);

  Verdict unfinished = verdict({holding});
  unfinished.unfinished = 1;
  CHECK(unfinished.outcome() == Outcome::inconclusive);
  Verdict failed = verdict({holding});
  failed.failed_trials = 1;
  CHECK(failed.outcome() == Outcome::inconclusive);
  failed.checks.push_back(refuted);
  CHECK(failed.outcome() == Outcome::refuted);
}

TEST_CASE("the deciding check is the worst, then the one nearest to its edge") {
  const auto near = check({0.55, 0.9}, {0.5, 1.5}), exact = check({4, 4}, {4, 4}),
             one_sided = check({-3, 0.2}, at_most(1));
  CHECK(verdict({holding, open_one, refuted}).deciding()->interval.lo == refuted.interval.lo);
  CHECK(verdict({holding, open_one, holding}).deciding()->interval.lo == open_one.interval.lo);
  CHECK(verdict({holding, near}).deciding()->interval.lo == near.interval.lo);
  // A value that had to be hit and was leaves no room for doubt, though its band has no width.
  CHECK(verdict({exact, holding, one_sided}).deciding()->interval.lo == holding.interval.lo);
  CHECK(verdict({exact}).deciding()->interval.lo == 4);
}

TEST_CASE("the level 1 - 1e-4 is split over the checks") {
  const std::vector<double> samples{1.0, 1.2, 0.9, 1.1, 1.05};
  for (const int count : {1, 2, 10}) {
    CheckList checks;
    for (int i = 0; i < count; ++i) checks.mean({{"i", i}}, samples, 1, within_absolute(1, 9));
    const auto list = checks.finish();
    REQUIRE(list.size() == static_cast<std::size_t>(count));
    const auto expected = core::student_interval(samples, 1 - 1e-4 / count);
    CHECK(list.back().interval.lo == Approx(expected.lo).epsilon(1e-12));
    CHECK(list.back().interval.hi == Approx(expected.hi).epsilon(1e-12));
    CHECK(list.back().measured == Approx(1.05));
  }
}

TEST_CASE("the kinds of checks give the intervals they name") {
  CheckList checks;
  checks.proportion({}, 3, 10, 0.3, {0, 1});
  checks.exact({}, 7, 7, {7, 7});
  checks.error({}, {{1, 4}, {0, 4}, {2, 4}}, 0.25, {0, 1});
  checks.mean({}, {5}, 5, {4, 6});
  const auto list = checks.finish();
  const double level = 1 - 1e-4 / 4;
  CHECK(list[0].measured == Approx(0.3));
  CHECK(list[0].interval.hi == Approx(core::clopper_pearson(3, 10, level).hi));
  CHECK(list[1].interval.lo == 7);
  CHECK(list[1].interval.hi == 7);
  CHECK(list[2].measured == Approx(0.25));
  CHECK(list[2].interval.hi ==
        Approx(core::error_interval(std::vector<core::TrialErrors>{{1, 4}, {0, 4}, {2, 4}}, level).hi));
  // One sample says nothing.
  CHECK(list[3].outcome() == Outcome::inconclusive);
}

TEST_CASE("a claim is judged by the rows of its plan alone, and holds only when it is finished") {
  const auto whole = plan();
  REQUIRE(whole.points.size() == 2);
  const auto none = judge(hand_made(), whole, {});
  CHECK(none.outcome() == Outcome::inconclusive);
  CHECK(none.unfinished == 2);
  CHECK(none.checks.empty());

  CHECK(judge(hand_made(), whole, store_with(whole, 3)).outcome() == Outcome::holds);
  const auto partial = judge(hand_made(), whole, store_with(whole, 2));
  CHECK(partial.unfinished == 2);
  CHECK(partial.outcome() == Outcome::inconclusive);
  // Rows under another seed are another claim's business.
  CHECK(judge(hand_made(), plan(2), store_with(whole, 3)).checks.empty());
}

TEST_CASE("failed trials leave a claim open, and rows without its numbers are bad data") {
  const auto whole = plan();
  auto store = store_with(whole, 3);
  store.points[whole.points[0].id].erase(2);
  store.add(row_of(whole.points[0], 2, {{"reason", "no luck"}}, "failed"));
  const auto verdict = judge(hand_made(), whole, store);
  CHECK(verdict.failed_trials == 1);
  CHECK(verdict.outcome() == Outcome::inconclusive);
  CHECK(verdict.to_json().at("failed_trials") == 1);

  auto foreign = store_with(whole, 2);
  foreign.add(row_of(whole.points[0], 2, {{"y", 1.0}}));
  CHECK_THROWS_AS(judge(hand_made(), whole, foreign), core::StoreError);
}

TEST_CASE("sabotages are the choices of the option, and spoil the rows where a claim says so") {
  const auto whole = plan();
  CHECK(hand_made().sabotages() == std::vector<std::string>{"doubled", "halved"});
  CHECK(hand_made().sabotaged_config("halved").at("sabotage") == "halved");
  CHECK(hand_made().undersampled_config().at("stop").at("max_trials") == 1);
  for (const auto& sabotage : hand_made().sabotages()) {
    CHECK(judge(hand_made(), whole, store_with(whole, 3), sabotage).outcome() == Outcome::refuted);
  }
}

TEST_CASE("a place reads as text and survives JSON") {
  const Check one = check({0, infinity}, at_least(0));
  CHECK(one.to_json().at("hi").is_null());
  CHECK(one.to_json().at("allowed_hi").is_null());
  Check named = one;
  named.at = {{"embedding", "sphere"}, {"tau", 6.5}};
  CHECK(named.where() == "embedding = sphere, tau = 6.5");
}

}  // namespace kvfrontier::analysis
