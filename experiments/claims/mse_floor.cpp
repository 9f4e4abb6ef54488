// The floor without a threshold decoder: a squared error of the reconstructed bits is worth as many bits as a bit
// error.

#include <algorithm>
#include <cmath>

#include "floor_sweep.hpp"
#include "simulator/metric.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::mse_floor {
namespace {

using analysis::Games;
namespace metric_names = simulator::metric_names;

const std::string public_order = "bitpack";  // the scheme that sends bits in a public order

const analysis::ClaimText claim{
    .name = "mse_floor",
    .statement = R"(Outputs whose mean squared error about the bits is D need B >= N d (1 - H2((1 - sqrt(1 - 4 D))/2))
      bits, whatever reads them.)",
    .note = "Outputs that are off by more than 1 are clipped.",
    .source = "Fano with p(1 - p) = D: H2 is concave as a function of p(1 - p)",
    .prediction = R"(N d (1 - H2((1 - sqrt(1 - 4 D))/2)) / B <= 1; bits in a public order, with 1/2 for the others: D =
      (1 - B/(N d))/4)",
    .allowance = R"(none for the floor. 4 % for the public order: rows are drawn with replacement, and the leak of a
      certified scaling adds its square, which is below 1 % of 1/4)",
    .refutation = "a scheme below the floor, or bitpack off (1 - rate)/4 by more than 4 %"};

class MseFloor : public analysis::GameClaim {
 public:
  MseFloor() : GameClaim(claim) {}

  core::Json config(analysis::Size size) const override { return floor_sweep(size); }

  std::vector<std::string> mutations() const override {
    return {"mse_over_twice_the_entries", "half_the_message_uncounted"};
  }
  void mutate(const std::string& mutation, std::vector<Games>& points) const override {
    for (Games& games : points) {
      for (simulator::GameRecord& game : games.trials) {
        if (mutation == "half_the_message_uncounted") {
          game.message_bits = std::llround(game.message_bits / 2.0);
        } else {
          game.metrics.at(metric_names::mse).mean /= 2;
        }
      }
    }
  }

  void judge(const std::vector<Games>& points, analysis::CheckList& checks) const override {
    for (const Games& games : points) {
      auto errors = analysis::metric_means(games, metric_names::mse);
      if (errors.empty()) continue;  // infeasible
      // Outputs clipped to [0, 1] are nearer to every bit, and off by at most 1 squared: the floor at their error,
      // hence at the mean of min(mse, 1) too, binds as well. It is higher than the one at mse, and its mean has an
      // interval even for a reader without normalisation, whose mse may have no finite variance.
      for (double& error : errors) error = std::min(error, 1.0);
      const double entries = games.parameters.entries(),
                   bits = core::mean_of(games.values(&simulator::GameRecord::message_bits));
      const auto floor = [=](double mse) { return theory::entropy_floor_bits_mse(entries, std::max(0.0, mse)); };
      checks.estimate(analysis::with(floor_place(games, "mse floor / bits"), "mse", core::mean_of(errors)),
                      floor(core::mean_of(errors)) / bits, 1, analysis::at_most(1), [=](double level) {
                        const auto mse = core::student_interval(errors, level), length = length_interval(games, level);
                        return core::Interval{floor(mse.hi) / length.hi, floor(mse.lo) / length.lo};
                      });
      const double rate = bits / entries;
      if (games.parameters.scheme.name == public_order && rate < 1)
        checks.mean(floor_place(games, "mse"), errors, (1 - rate) / 4, analysis::within_relative((1 - rate) / 4, 0.04));
    }
  }
};

const core::Registration<sweep::Experiment, MseFloor> registration;

}  // namespace
}  // namespace kvfrontier::experiments::mse_floor
