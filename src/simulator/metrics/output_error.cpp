// Relative output errors: how far Bob's outputs are from exact attention, at queried keys, at midpoints of two keys and
// in random directions.

#include <cmath>
#include <limits>

#include "simulator/decoding.hpp"
#include "simulator/metric.hpp"

namespace kvfrontier::simulator::metrics {
namespace {

MetricValue ratio(core::RowsViewD answers, core::RowsViewD exact) {
  const double value = simulator::relative_l2(answers, exact);
  return {std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN(), 1, {}};
}

class OutputError : public Metric {
 public:
  std::string unit() const override { return ""; }
  double worst() const override { return std::numeric_limits<double>::infinity(); }
};

class AtKeys : public OutputError {
 public:
  std::string name() const override { return metric_names::relative_l2; }
  std::string meaning() const override { return "output error at queried keys, |z - z*| / |z*|"; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override { return ratio(game.answers, game.exact); }
};

class AtMixtures : public OutputError {
 public:
  std::string name() const override { return "mixture_relative_l2"; }
  std::string meaning() const override { return "output error at midpoints of two keys"; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    return ratio(game.mixture_answers, game.mixture_exact);
  }
};

class AtRandom : public OutputError {
 public:
  std::string name() const override { return "random_relative_l2"; }
  std::string meaning() const override { return "output error in random directions"; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    return ratio(game.random_answers, game.random_exact);
  }
};

const core::Registration<Metric, AtKeys> at_keys;
const core::Registration<Metric, AtMixtures> at_mixtures;
const core::Registration<Metric, AtRandom> at_random;

}  // namespace
}  // namespace kvfrontier::simulator::metrics
