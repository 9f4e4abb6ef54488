// The mean squared distance of the answers to the values.

#include <limits>

#include "simulator/metric.hpp"

namespace kvfrontier::simulator::metrics {
namespace {

// Two loops: one for both sums would let the compiler round the first one differently.
double sum_of_squares(core::RowsViewD answers, core::RowsViewD values) {
  double sum = 0;
  for (Index i = 0; i < answers.rows(); ++i) {
    for (Index c = 0; c < answers.cols(); ++c) sum += (answers(i, c) - values(i, c)) * (answers(i, c) - values(i, c));
  }
  return sum;
}
double sum_of_fourth_powers(core::RowsViewD answers, core::RowsViewD values) {
  return (answers - values).array().square().square().sum();
}

class SquaredError : public Metric {
 public:
  std::string name() const override { return metric_names::mse; }
  std::string meaning() const override { return "mean squared distance of the outputs to the values"; }
  std::string unit() const override { return ""; }
  double worst() const override { return std::numeric_limits<double>::infinity(); }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    const Index entries = game.answers.size();
    if (entries == 0) return MetricValue{0, 0, {}};
    return MetricValue{sum_of_squares(game.answers, game.values) / entries, entries,
                       sum_of_fourth_powers(game.answers, game.values)};
  }
  std::optional<double> floor(const FloorInput& input, double message_bits) const override {
    return reduction::mse_floor(input.distortion, message_bits / (1.0 * input.tokens * input.d));
  }
};

const core::Registration<Metric, SquaredError> mse;

}  // namespace
}  // namespace kvfrontier::simulator::metrics
