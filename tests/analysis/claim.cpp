// The verdict rule: outcome of a check, of a claim, the deciding check, levels split over checks. Claims and records
// made by hand.

#include <cmath>
#include <limits>

#include "../support/catch.hpp"
#include "analysis/game_claim.hpp"
#include "analysis/measuring_claim.hpp"
#include "core/errors.hpp"

namespace kvfrontier::analysis::claim_test {
enum class Mutation { none, doubled, halved };
}
template <>
struct kvfrontier::core::EnumNames<kvfrontier::analysis::claim_test::Mutation> {
  static constexpr std::array names{"none", "doubled", "halved"};
};

namespace kvfrontier::analysis::claim_test {
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

struct Place {
  int place = 0;
  Mutation mutation = Mutation::none;
  static core::MemberList<Place> members();
};
struct Value {
  double x = 0;
  static core::MemberList<Value> members() { return {core::member("x", &Value::x, "").needed()}; }
};

// Measures nothing; judges the mean of x to be 1 within 0.1.
class HandMade : public MeasuringClaim<Place, Value> {
 public:
  HandMade()
      : MeasuringClaim({.name = "hand_made",
                        .statement = R"(x
                            is 1)",
                        .source = "here",
                        .prediction = "1",
                        .allowance = "0.1",
                        .refutation = "another x"}) {}
  Measured<Value> measure(const Place& place, const Turn&) const override {
    return Value{place.mutation == Mutation::doubled ? 2.0 : place.mutation == Mutation::halved ? 0.5 : 1.0};
  }
  core::Json config(Size) const override { return {{"grid", {{"place", {1, 2}}}}, {"stop", trials(2, 3)}}; }
  void judge(const std::vector<Point>& points, CheckList& checks) const override {
    for (const Point& point : points)
      checks.mean(point.at(&Place::place), point.values(&Value::x), 1, within_absolute(1, 0.1));
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
  for (const int place : {1, 2})
    made.points.push_back(sweep::make_point(hand_made(), core::to_json(Place{place, Mutation::none}), seed));
  return made;
}

sweep::Combination combination_of(int place, const std::string& mutation) {
  sweep::Combination combination;
  combination.set("place", place, "grid.place");
  combination.set("mutation", mutation, "mutation");
  return combination;
}

sweep::Record record_of(const sweep::Point& point, std::int64_t trial, core::Json data,
                        sweep::Status status = sweep::Status::ok) {
  sweep::Record record;
  record.point = point.id;
  record.trial = trial;
  record.parameters = std::make_shared<const core::Json>(point.parameters);
  record.result = {status, std::move(data)};
  return record;
}

sweep::Store store_with(const sweep::Plan& plan, std::int64_t trials) {
  sweep::Store store;
  for (const auto& point : plan.points) {
    for (std::int64_t trial = 0; trial < trials; ++trial)
      store.add(record_of(point, trial, {{"x", 1.0 + 1e-4 * static_cast<double>(trial)}}));
  }
  return store;
}

core::MemberList<Place> Place::members() {
  return {core::member("place", &Place::place, "").range(0, 10), mutation_member(&Place::mutation)};
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

TEST_CASE("a claim is judged by the records of its plan alone, and holds only when it is finished") {
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
  // Records under another seed are another claim's business.
  CHECK(judge(hand_made(), plan(2), store_with(whole, 3)).checks.empty());
}

TEST_CASE("failed trials leave a claim open, and records without its numbers are bad data") {
  const auto whole = plan();
  auto store = store_with(whole, 2);
  store.add(record_of(whole.points[1], 2, {{"x", 1.0002}}));
  store.add(record_of(whole.points[0], 2, {{"reason", "no luck"}}, sweep::Status::failed));
  const auto verdict = judge(hand_made(), whole, store);
  CHECK(verdict.failed_trials == 1);
  CHECK(verdict.outcome() == Outcome::inconclusive);
  CHECK(verdict.to_json().at("failed_trials") == 1);

  auto foreign = store_with(whole, 2);
  foreign.add(record_of(whole.points[0], 2, {{"y", 1.0}}));
  CHECK_THROWS_AS(judge(hand_made(), whole, foreign), core::StoreError);
}

TEST_CASE("mutations are the choices of the option, and texts are one line") {
  CHECK(hand_made().statement() == "x is 1");
  CHECK(hand_made().mutations() == std::vector<std::string>{"doubled", "halved"});
  CHECK(hand_made().mutated_config("halved").at("mutation") == "halved");
  CHECK(hand_made().undersampled_config().at("stop").at("max_trials") == 1);
  for (const auto& mutation : hand_made().mutations()) {
    core::Json parameters = hand_made().resolve(combination_of(1, mutation));
    parameters.update({{"experiment", "hand_made"}, {"seed", 1}});
    const sweep::Experiment& experiment = hand_made();
    const auto result = experiment.measure(parameters, 0, sweep::GamePolicy{});
    CHECK(result.data.at("x") == (mutation == "doubled" ? 2.0 : 0.5));
    sweep::Plan mutated = plan();
    mutated.points.resize(1);
    mutated.points[0] = sweep::make_point(hand_made(), parameters, 1);
    sweep::Store store;
    for (std::int64_t trial = 0; trial < 3; ++trial) store.add(record_of(mutated.points[0], trial, result.data));
    CHECK(judge(hand_made(), mutated, store).outcome() == Outcome::refuted);
  }
}

TEST_CASE("a point of which no trial was certified leaves the claim open") {
  const auto whole = plan();
  auto first = whole;
  first.points.pop_back();
  sweep::Store store = store_with(first, 3);
  for (std::int64_t trial = 0; trial < 3; ++trial)
    store.add(record_of(whole.points[1], trial, core::Json::object(), sweep::Status::uncertified));
  const auto verdict = judge(hand_made(), whole, store);
  CHECK(verdict.unfinished == 0);
  CHECK(verdict.outcome() == Outcome::inconclusive);
  CHECK(verdict.checks.back().where().find("place = 2") != std::string::npos);
  CHECK(verdict.checks.back().where().find("no trial has a certified scaling") != std::string::npos);
}

TEST_CASE("a claim of games is mutated on the games") {
  class Games : public GameClaim {
   public:
    Games()
        : GameClaim(
              {.name = "games", .statement = "", .source = "", .prediction = "", .allowance = "", .refutation = ""}) {}
    core::Json config(Size) const override { return {{"experiment", "index_frontier"}}; }
    std::vector<std::string> mutations() const override { return {"longer"}; }
    void mutate(const std::string&, std::vector<analysis::Games>& points) const override {
      for (auto& point : points) {
        for (auto& game : point.trials) game.message_bits *= 2;
      }
    }
    void judge(const std::vector<analysis::Games>& points, CheckList& checks) const override {
      for (const auto& point : points)
        checks.mean({}, point.values(&simulator::GameRecord::message_bits), 8, within_absolute(8, 1));
    }
  };
  const Games claim;
  simulator::GameRequest request;
  request.n = 4;
  request.d = 8;
  request.scheme = core::JsonText("exact");
  ClaimPoint point{core::to_json(simulator::resolve(request)), {}};
  for (std::int64_t trial = 0; trial < 4; ++trial) {
    simulator::GameRecord game;
    game.label = "exact";
    game.message_bits = 8;
    game.queried_rows = 4;
    game.metrics["error"] = {0.25, 4, {}};
    game.metrics["mse"] = {0.1, 4, {}};
    point.records.push_back({"p", trial, sweep::result_of(game), nullptr, 0, "s"});
  }
  const Claim& judged = claim;
  CHECK(judged.judge({point}, "none")[0].outcome() == Outcome::holds);
  CHECK(judged.judge({point}, "longer")[0].outcome() == Outcome::refuted);
  CHECK_THROWS_AS(claim.resolve(sweep::Combination()), core::UserError);
}

TEST_CASE("a place reads as text and survives JSON") {
  const Check one = check({0, infinity}, at_least(0));
  CHECK(one.to_json().at("hi").is_null());
  CHECK(one.to_json().at("allowed_hi").is_null());
  Check named = one;
  named.at = {{"embedding", "sphere"}, {"tau", 6.5}};
  CHECK(named.where() == "embedding = sphere, tau = 6.5");
}

}  // namespace kvfrontier::analysis::claim_test
