#include "sweep/stopping.hpp"

#include <vector>

#include "../support/catch.hpp"
#include "core/errors.hpp"

using namespace kvfrontier;
using sweep::Observation;
using sweep::Status;
using sweep::StopRule;

namespace {

// Its interval has the width that the test says, and it notes every look.
class Scripted : public sweep::Experiment {
 public:
  std::string name() const override { return "scripted"; }
  std::string statement() const override { return "-"; }
  std::string source() const override { return "-"; }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  core::Json resolve(const sweep::Combination&) const override { return {}; }
  double operations(const core::Json&) const override { return 0; }
  double memory_bytes(const core::Json&) const override { return 0; }
  sweep::TrialResult measure(const core::Json&, std::uint64_t, const sweep::GamePolicy&) const override { return {}; }
  std::optional<core::Interval> interval(std::span<const Observation> seen, double level) const override {
    looks.emplace_back(std::ssize(seen), level);
    if (no_interval) return std::nullopt;
    return core::Interval{0.25, std::ssize(seen) >= narrow_from ? 0.45 : 0.46};
  }
  std::int64_t narrow_from = 1'000'000;
  bool no_interval = false;
  mutable std::vector<std::pair<std::int64_t, double>> looks;
};

std::vector<Observation> trials(std::int64_t count, Status status = Status::ok) {
  return std::vector<Observation>(count, {status, nullptr, {}});
}

StopRule rule(std::int64_t least, std::int64_t most, std::optional<double> half_width = 0.1) {
  StopRule rule;
  rule.min_trials = least;
  rule.max_trials = most;
  rule.half_width = half_width;
  return rule;
}

}  // namespace

TEST_CASE("checkpoints double from min_trials and end at max_trials", "[stopping]") {
  using List = std::vector<std::int64_t>;
  CHECK(rule(8, 64).checkpoints() == List{8, 16, 32, 64});
  CHECK(rule(8, 50).checkpoints() == List{8, 16, 32, 50});
  CHECK(rule(8, 8).checkpoints() == List{8});
  CHECK(rule(1, 3).checkpoints() == List{1, 2, 3});
  CHECK(rule(8, 64, std::nullopt).checkpoints() == List{64});  // nothing to look for before the end
}

TEST_CASE("the confidence is split evenly over the looks", "[stopping]") {
  CHECK(sweep::quoted_level == 0.95);
  CHECK(rule(8, 64).look_level() == Approx(1 - 0.05 / 4));
  CHECK(rule(8, 8).look_level() == Approx(0.95));
  CHECK(rule(8, 64, std::nullopt).look_level() == Approx(0.95));
}

TEST_CASE("a point asks for trials up to its next checkpoint", "[stopping]") {
  const Scripted experiment;
  const StopRule four = rule(8, 64);
  for (const auto& [have, needed] : {std::pair{0, 8}, {1, 8}, {7, 8}, {8, 16}, {15, 16}, {16, 32}, {63, 64}}) {
    const auto progress = look(experiment, four, "p", trials(have));
    CAPTURE(have);
    CHECK_FALSE(progress.stop);
    CHECK(progress.needed == needed);
  }
}

TEST_CASE("a point stops at the first checkpoint where the interval is narrow enough", "[stopping]") {
  Scripted experiment;
  experiment.narrow_from = 12;
  // 20 records are there, but only 8 and 16 are looked at, and the trials past 16 are discarded.
  const auto progress = look(experiment, rule(8, 64), "p", trials(20));
  REQUIRE(progress.stop);
  CHECK(progress.stop->point == "p");
  CHECK(progress.stop->trials == 16);
  CHECK(progress.stop->looks == 4);
  CHECK(progress.stop->reason == "half_width");
  const double level = 1 - 0.05 / 4;
  CHECK(experiment.looks == std::vector<std::pair<std::int64_t, double>>{{8, level}, {16, level}});
}

TEST_CASE("half_width is compared with half the width", "[stopping]") {
  Scripted experiment;
  experiment.narrow_from = 8;  // [0.25, 0.45]
  CHECK(look(experiment, rule(8, 64, 0.1001), "p", trials(8)).stop);
  CHECK_FALSE(look(experiment, rule(8, 64, 0.0999), "p", trials(8)).stop);
}

TEST_CASE("why a point stopped", "[stopping]") {
  const Scripted experiment;
  const auto reason = [&](const StopRule& how, const std::vector<Observation>& seen) {
    const auto progress = look(experiment, how, "p", seen);
    return progress.stop ? progress.stop->reason + " after " + std::to_string(progress.stop->trials) : "none";
  };
  CHECK(reason(rule(8, 64), trials(64)) == "max_trials after 64");
  CHECK(reason(rule(8, 64), trials(70)) == "max_trials after 64");
  CHECK(reason(rule(8, 64, std::nullopt), trials(63)) == "none");
  CHECK(reason(rule(8, 64, std::nullopt), trials(64)) == "max_trials after 64");
  CHECK(experiment.looks.size() == 6);  // 8, 16, 32 for the first two; none where no width was asked for

  // One word of such a trial is enough.
  CHECK(reason(rule(8, 64), trials(1, Status::infeasible)) == "infeasible after 1");

  // All of the first checkpoint failed.
  CHECK(reason(rule(8, 64), trials(7, Status::failed)) == "none");
  CHECK(reason(rule(8, 64), trials(8, Status::failed)) == "failed after 8");
  CHECK(reason(rule(8, 64, std::nullopt), trials(64, Status::failed)) == "failed after 64");
  auto one_good = trials(8, Status::failed);
  one_good[5].status = Status::ok;
  CHECK(reason(rule(8, 64), one_good) == "none");
}

TEST_CASE("a point without an interval goes on to max_trials", "[stopping]") {
  Scripted experiment;
  experiment.no_interval = true;
  const auto progress = look(experiment, rule(8, 16), "p", trials(16, Status::uncertified));
  REQUIRE(progress.stop);
  CHECK(progress.stop->reason == "max_trials");
}

TEST_CASE("stop rules are read strictly and written whole", "[stopping]") {
  const auto parsed = StopRule::parse({{"min_trials", 4}, {"max_trials", 10}, {"half_width", 0.02}}, "stop");
  CHECK(parsed.min_trials == 4);
  CHECK(parsed.max_trials == 10);
  CHECK(parsed.half_width == 0.02);
  CHECK(StopRule::parse(parsed.to_json(), "stop").to_json() == parsed.to_json());
  const auto defaults = StopRule::parse(core::Json::object(), "stop");
  CHECK(defaults.checkpoints() == std::vector<std::int64_t>{64});
  CHECK(StopRule::parse(defaults.to_json(), "stop").to_json() == defaults.to_json());

  const auto path_of = [](const core::Json& json) {
    try {
      StopRule::parse(json, "stop");
    } catch (const core::ConfigError& error) {
      return error.path + ' ' + error.nearest;
    }
    return std::string("no error");
  };
  CHECK(path_of({{"max_trails", 4}}) == "stop.max_trails max_trials");
  CHECK(path_of({{"min_trials", 0}}) == "stop.min_trials ");
  CHECK(path_of({{"half_width", 2}}) == "stop.half_width ");
  CHECK(path_of({{"min_trials", 9}, {"max_trials", 8}}) == "stop.max_trials ");
  CHECK(path_of(7) == "stop ");

  const sweep::Stop stop{"p", 16, 4, "half_width"};
  CHECK(sweep::Stop::from_json(stop.to_json()).to_json() == stop.to_json());
}

TEST_CASE("a point with targets stops once it is decided on which side of each it lies", "[stopping]") {
  const auto decided_at = [](std::vector<double> targets) {
    Scripted experiment;  // its interval is [0.25, 0.46], from 16 trials on [0.25, 0.45]
    experiment.narrow_from = 16;
    StopRule stopping = rule(8, 64, std::nullopt);
    stopping.targets = std::move(targets);
    CHECK(stopping.checkpoints().size() == 4);
    return look(experiment, stopping, "p", trials(64)).stop.value();
  };
  CHECK(decided_at({0.46}).trials == 8);  // met: the interval may touch it
  CHECK(decided_at({0.46}).reason == "decided");
  CHECK(decided_at({0.2}).trials == 8);  // missed
  CHECK(decided_at({0.2, 0.5}).trials == 8);
  CHECK(decided_at({0.45}).trials == 16);
  CHECK(decided_at({0.2, 0.45}).trials == 16);
  CHECK(decided_at({0.25}).trials == 64);  // the lower end touches it: open
  CHECK(decided_at({0.3, 0.46}).reason == "max_trials");
}
