// No scheme answers INDEX with fewer bits than the floor of its error.

#include <algorithm>

#include "floor_sweep.hpp"
#include "simulator/metric.hpp"

namespace kvfrontier::experiments::index_floor {
namespace {

using analysis::Games;

const analysis::ClaimText claim{
    .name = "index_floor",
    .statement = "Every scheme's message is at least as long as any message with its bit error must be.",
    .note = "B >= (1 - H2(p)) N d always, and the finite-size floor for messages of fixed length.",
    .source = "Omega(n^2 d), Thm 4.5 and 4.6 of arXiv 2503.14881: Fano and shell filling, over all registered schemes",
    .prediction = R"(floor(error) / B <= 1; floor = shell filling for fixed lengths, N d (1 - H2(error)) against the
      mean length otherwise)",
    .allowance = "none: the floor holds for every scheme, every N and d; only the error has an interval",
    .refutation = R"(a scheme whose message is shorter than the floor at the upper end of its error: uncounted bits, a
      decoder that knows too much, or a wrong proof)"};

class IndexFloor : public analysis::GameClaim {
 public:
  IndexFloor() : GameClaim(claim) {}

  core::Json config(analysis::Size size) const override { return floor_sweep(size); }

  std::vector<std::string> mutations() const override {
    return {"half_the_message_uncounted", "last_map_uncounted", "leaking_decoder"};
  }
  void mutate(const std::string& mutation, std::vector<Games>& points) const override {
    for (Games& games : points) {
      const auto& sides = games.parameters.sides;
      const double side = sides[sides.size() - 2];
      for (simulator::GameRecord& game : games.trials) {
        const double bits = game.message_bits;
        if (mutation == "half_the_message_uncounted") game.message_bits = std::llround(bits / 2);
        if (mutation == "last_map_uncounted")
          game.message_bits = std::llround(bits * (1 - side * side / games.parameters.tokens));
        if (mutation == "leaking_decoder") game.metrics.at(simulator::metric_names::error).mean = 0;
      }
    }
  }

  void judge(const std::vector<Games>& points, analysis::CheckList& checks) const override {
    const auto& metric = simulator::Metrics::find(simulator::metric_names::error, "metric");
    for (const Games& games : points) {
      if (games.trials.empty()) continue;  // infeasible
      const auto errors = analysis::trial_errors(games);
      const auto input = simulator::floor_input(games.trials.back(), games.parameters.tokens, games.parameters.d);
      const auto floor = [&metric, input](double error) { return *metric.floor_bits(input, error); };
      core::TrialErrors all;
      for (const auto& trial : errors) all = {all.row_errors + trial.row_errors, all.rows + trial.rows};
      core::Json at = analysis::with(floor_place(games, "floor / bits"), "error", all.mean());
      const double bits = core::mean_of(games.values(&simulator::GameRecord::message_bits));
      checks.estimate(std::move(at), floor(all.mean()) / bits, 1, analysis::at_most(1), [=](double level) {
        const auto error = mean_error_interval(errors, level), length = length_interval(games, level);
        return core::Interval{floor(error.hi) / length.hi, floor(error.lo) / length.lo};
      });
    }
  }
};

const core::Registration<sweep::Experiment, IndexFloor> registration;

}  // namespace
}  // namespace kvfrontier::experiments::index_floor
