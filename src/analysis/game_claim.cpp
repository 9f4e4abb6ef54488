#include "analysis/game_claim.hpp"

#include "sweep/record.hpp"

namespace kvfrontier::analysis {

std::vector<simulator::MetricValue> metric_values(const Games& games, const std::string& metric) {
  std::vector<simulator::MetricValue> values;
  for (const simulator::GameRecord& game : games.trials) {
    const simulator::MetricValue* value = game.metric(metric);
    if (value == nullptr) throw core::ConfigError("data.metrics." + metric, "nothing", "a value of this metric");
    values.push_back(*value);
  }
  return values;
}

std::vector<double> metric_means(const Games& games, const std::string& metric) {
  std::vector<double> means;
  for (const simulator::MetricValue& value : metric_values(games, metric)) means.push_back(value.mean);
  return means;
}

std::vector<core::TrialErrors> trial_errors(const Games& games) {
  std::vector<core::TrialErrors> errors;
  for (const simulator::MetricValue& value : metric_values(games, simulator::metric_names::error))
    errors.push_back({value.mean * value.count, value.count});
  return errors;
}

std::vector<Games> games_of(const ClaimPoints& points) {
  std::vector<Games> list;
  for (const ClaimPoint& point : points) {
    Games games{core::from_json<simulator::GamePoint>(point.parameters, "parameters"), {}};
    for (const sweep::Record& record : point.records) {
      games.statuses.push_back(record.result.status);
      if (record.result.status == sweep::Status::ok) games.trials.push_back(sweep::game_of(record));
    }
    list.push_back(std::move(games));
  }
  return list;
}

}  // namespace kvfrontier::analysis
