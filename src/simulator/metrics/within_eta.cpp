// Rows that the theorem's tolerance accepts, and those of them that do not decode.

#include "simulator/decoding.hpp"
#include "simulator/metric.hpp"

namespace kvfrontier::simulator::metrics {
namespace {

WithinEta counts_of(const GameAnswers& game) {
  return simulator::within_eta(game.answers, game.values, game.exact, game.eta, game.value_bits);
}
MetricValue share(std::int64_t count, Index rows) {
  return {rows > 0 ? 1.0 * count / rows : 0, rows, {}};
}

class Within : public Metric {
 public:
  std::string name() const override { return metric_names::within_eta; }
  std::string meaning() const override {
    return "share of queried rows whose every output is within (1 +- eta) of the exact one";
  }
  std::string unit() const override { return "share of rows"; }
  Direction better() const override { return Direction::higher; }
  double worst() const override { return 0; }
  core::Interval interval(std::span<const MetricValue> trials, double level) const override {
    return share_interval(trials, level);
  }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    if (game.value_bits == 0) return std::nullopt;
    return share(counts_of(game).rows, game.answers.rows());
  }
};

class WithinButWrong : public Metric {
 public:
  std::string name() const override { return metric_names::within_eta_wrong; }
  std::string meaning() const override {
    return "share of queried rows within (1 +- eta) of which a bit is read wrong at the theorem's threshold";
  }
  std::string unit() const override { return "share of rows"; }
  double worst() const override { return 1; }
  core::Interval interval(std::span<const MetricValue> trials, double level) const override {
    return share_interval(trials, level);
  }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    if (game.value_bits == 0) return std::nullopt;
    return share(counts_of(game).wrong, game.answers.rows());
  }
};

const core::Registration<Metric, Within> within;
const core::Registration<Metric, WithinButWrong> within_but_wrong;

}  // namespace
}  // namespace kvfrontier::simulator::metrics
