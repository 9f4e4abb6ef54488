// The scheme sweep: every scheme plays INDEX-type instances at every budget, and its error is recorded against the
// exact bits that Bob read.

#include <new>

#include "sweep/experiment.hpp"

namespace kvfrontier::experiments::index_frontier {
namespace {

using core::Json;
using simulator::GamePoint;
using simulator::GameRequest;

GamePoint point_of(const Json& parameters) {
  auto point = core::from_json<GamePoint>(parameters, "parameters");
  simulator::require_known_options(point, "parameters");
  return point;
}

class IndexFrontier : public sweep::Experiment {
 public:
  std::string name() const override { return "index_frontier"; }
  std::string statement() const override {
    return "any scheme whose message has B bits answers INDEX queries with mean bit error p only if B >= (1 - H2(p)) N "
           "d";
  }
  std::string source() const override {
    return "Omega(n^2 d) theorem, Thm 4.5 (exact) and 4.6 (approximate) of arXiv 2503.14881; Fano and shell filling";
  }
  int version() const override { return 2; }
  const core::OptionTable& options() const override { return core::table_of<GameRequest>(); }

  Json resolve(const sweep::Combination& combination) const override {
    const simulator::RequestPaths paths{[&](const std::string& member) { return combination.path(member); },
                                        [&](const std::string& member) { return combination.given(member); }};
    const GamePoint point = simulator::resolve(combination.read<GameRequest>(), paths);
    // An entry of fixed size meets every rate as one and the same point.
    if (!point.rate) combination.leave_unread(core::member_name(&GameRequest::rate));
    return core::to_json(point);
  }

  double operations(const Json& parameters) const override { return simulator::game_operations(point_of(parameters)); }
  double memory_bytes(const Json& parameters) const override {
    return simulator::game_memory_bytes(point_of(parameters));
  }
  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial,
                             const sweep::GamePolicy& policy) const override {
    const GamePoint point = point_of(parameters);
    try {
      return sweep::result_of(simulator::play(point, trial, policy));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const core::MachineError&) {  // of the machine, not of the game
      throw;
    } catch (const core::UserError&) {  // of who asked for the game
      throw;
    } catch (const std::exception& error) {
      // A failed record says what its point is, too.
      simulator::GameRecord record = simulator::described(point);
      record.status = simulator::Status::failed;
      record.reason = error.what();
      return sweep::result_of(record);
    }
  }

  // The bit error, or the squared error for families without bits.
  sweep::Observation observe(const sweep::Record& record) const override {
    sweep::Observation seen{record.result.status, nullptr, {}};
    if (seen.status != sweep::Status::ok) return seen;
    const simulator::GameRecord game = sweep::game_of(record);
    for (const char* name : {simulator::metric_names::error, simulator::metric_names::mse}) {
      const auto* value = game.metric(name);
      if (value == nullptr) continue;
      seen.metric = &simulator::Metrics::find(name, "metric");
      seen.value = *value;
      break;
    }
    return seen;
  }

  std::optional<core::Interval> interval(std::span<const sweep::Observation> observations,
                                         double level) const override {
    const simulator::Metric* metric = nullptr;
    std::vector<simulator::MetricValue> values;
    for (const sweep::Observation& seen : observations) {
      if (seen.metric == nullptr) continue;
      metric = seen.metric;
      values.push_back(seen.value);
    }
    // One squared error has no spread, and it has no bound to fall back on.
    const bool squared = metric != nullptr && metric->name() == simulator::metric_names::mse;
    if (metric == nullptr || (squared && values.size() < 2)) return std::nullopt;
    return metric->interval(values, level);
  }
};

const core::Registration<sweep::Experiment, IndexFrontier> registration;

}  // namespace
}  // namespace kvfrontier::experiments::index_frontier
