// Bit errors: the share of wrong bits at the thresholds of exact answers and of (1 +- eta) answers, and the rows that err
// most.

#include <algorithm>
#include <functional>

#include "simulator/decoding.hpp"
#include "simulator/metric.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::simulator::metrics {
namespace {

class ErrorMetric : public Metric {
 public:
  std::string unit() const override { return "share of bits"; }
  double worst() const override { return 1; }
  core::Interval interval(std::span<const MetricValue> trials, double level) const override {
    return share_interval(trials, level);
  }
};

class BitError : public ErrorMetric {
 public:
  std::string name() const override { return metric_names::error; }
  std::string meaning() const override { return "bit error at the threshold 1/2"; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    if (game.value_bits == 0) return std::nullopt;
    return MetricValue::of(row_errors(game.answers, game.values, 0, game.value_bits));
  }
  std::optional<double> floor_bits(const FloorInput& input, double value) const override {
    if (input.information_bits == 0) return std::nullopt;
    if (input.kind == FloorKind::finite) return theory::min_bits(input.information_bits, value);
    return theory::entropy_floor_bits(input.information_bits, value);
  }
};

class TheoremError : public ErrorMetric {
 public:
  std::string name() const override { return metric_names::error_theorem; }
  std::string meaning() const override { return "bit error at the threshold (1 - eta^2)/2 of the theorem"; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    if (game.value_bits == 0) return std::nullopt;
    return MetricValue::of(row_errors(game.answers, game.values, game.eta, game.value_bits));
  }
};

class WorstDecile : public ErrorMetric {
 public:
  std::string name() const override { return metric_names::worst_decile; }
  std::string meaning() const override { return "mean bit error of the tenth of rows that err most"; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    if (game.value_bits == 0) return std::nullopt;
    auto errors = row_errors(game.answers, game.values, 0, game.value_bits);
    if (errors.empty()) return MetricValue{0, 1, {}};
    const auto tenth = std::max<Index>(1, std::ssize(errors) / 10);
    std::partial_sort(errors.begin(), errors.begin() + tenth, errors.end(), std::greater<>());
    errors.resize(tenth);
    return MetricValue{MetricValue::of(errors).mean, 1, {}};
  }
};

const core::Registration<Metric, BitError> error;
const core::Registration<Metric, TheoremError> error_theorem;
const core::Registration<Metric, WorstDecile> worst_decile;

}  // namespace
}  // namespace kvfrontier::simulator::metrics
