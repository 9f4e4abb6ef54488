// A metric in one file: the largest distance of an output to its value. Linked with the program's main, it is in every
// record, table, csv, report and document.

#include "simulator/metric.hpp"

namespace kvfrontier::simulator::own_metric {
namespace {

class LargestDistance : public Metric {
 public:
  std::string name() const override { return "largest_distance"; }
  std::string meaning() const override { return "largest distance of an output to its value"; }
  std::string unit() const override { return "levels"; }
  double worst() const override { return 1; }
  std::optional<MetricValue> measure(const GameAnswers& game) const override {
    if (game.answers.size() == 0) return std::nullopt;
    return MetricValue{(game.answers - game.values).cwiseAbs().maxCoeff(), 1, {}};
  }
};

const core::Registration<Metric, LargestDistance> registration;

}  // namespace
}  // namespace kvfrontier::simulator::own_metric
