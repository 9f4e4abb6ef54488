#include "analysis/summary.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

#include "core/errors.hpp"
#include "sweep/stopping.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;
using simulator::GamePoint;
using simulator::MetricValue;
using simulator::Status;

bool is_game(const Json& parameters) {
  static const std::string scheme = core::member_name(&GamePoint::scheme);
  return parameters.contains(scheme);
}

simulator::FloorInput floor_input(const PointSummary& point) {
  return simulator::floor_input(point.record, point.parameters.tokens, point.parameters.d);
}

// The numbers of the measured trials that go into the aggregates, member by member.
class Aggregates {
 public:
  void add(const GameRecord& game) {
    for (const auto& member : core::members_of<GameRecord>().list()) {
      const core::Option& option = member.option();
      if (option.aggregate == core::Aggregate::none) continue;
      const Json value = member.get(game);
      if (value.is_null()) continue;
      auto& [total, count] = totals_[option.name];
      total = option.aggregate == core::Aggregate::largest ? std::max(total, value.get<double>())
                                                           : total + value.get<double>();
      ++count;
    }
  }
  std::map<std::string, double> finish() const {
    std::map<std::string, double> result;
    for (const auto& member : core::members_of<GameRecord>().list()) {
      const auto found = totals_.find(member.option().name);
      if (found == totals_.end()) continue;
      const auto& [total, count] = found->second;
      result[found->first] = member.option().aggregate == core::Aggregate::mean ? total / count : total;
    }
    return result;
  }

 private:
  struct Total {
    double value = 0;
    std::int64_t count = 0;
  };
  std::map<std::string, Total> totals_;
};

MetricSummary metric_summary(const simulator::Metric* metric, const PointSummary& point,
                             const std::vector<MetricValue>& values) {
  MetricSummary summary;
  summary.mean = simulator::mean_of(values);
  if (metric == nullptr) return summary;
  summary.interval = metric->interval(values, point.level);
  const simulator::FloorInput input = floor_input(point);
  if (!std::isnan(summary.mean)) summary.floor_bits = metric->floor_bits(input, summary.mean);
  if (summary.floor_bits && *summary.floor_bits > 0) summary.gap = point.message_bits() / *summary.floor_bits;
  summary.floor = metric->floor(input, point.message_bits());
  return summary;
}

}  // namespace

const MetricSummary* PointSummary::metric(const std::string& name) const {
  const auto found = metrics.find(name);
  return found == metrics.end() ? nullptr : &found->second;
}

std::optional<double> floor_bits(const PointSummary& point, const std::string& metric, double value) {
  const auto* known = simulator::Metrics::find_or_null(metric);
  return known ? known->floor_bits(floor_input(point), value) : std::nullopt;
}

PointSummary summarise(const std::vector<sweep::Record>& records, const sweep::Stop* stop) {
  PointSummary point;
  point.point = records.front().point;
  point.identity = sweep::identity_of(records.front());
  point.parameters = sweep::point_of(records.front());
  point.stop = stop ? stop->reason : "unfinished";
  point.level = 1 - (1 - sweep::quoted_level) / (stop ? stop->looks : 1);

  Aggregates aggregates;
  std::map<std::string, std::vector<MetricValue>> values;
  bool infeasible = false;
  for (const sweep::Record& record : records) {
    point.seconds += record.seconds;
    GameRecord game = sweep::game_of(record);
    infeasible = infeasible || game.status == Status::infeasible;
    point.uncertified += game.status == Status::uncertified;
    if (game.status == Status::failed && point.failed++ == 0) point.reason = game.reason;
    if (game.status == Status::ok) {
      ++point.trials;
      aggregates.add(game);
      for (const auto& [name, value] : game.metrics) values[name].push_back(value);
    }
    if (game.status != Status::failed || point.record.label.empty()) point.record = std::move(game);
  }
  point.status = infeasible         ? Status::infeasible
                 : point.failed > 0 ? Status::failed
                 : point.trials > 0 ? Status::ok
                                    : Status::uncertified;
  if (point.trials == 0) return point;
  point.aggregates = aggregates.finish();
  for (const auto& [name, list] : values)
    point.metrics.emplace(name, metric_summary(simulator::Metrics::find_or_null(name), point, list));
  return point;
}

std::vector<PointSummary> summarise(const sweep::Store& store) {
  std::vector<std::string> games;
  for (const auto& [id, stored] : store.points) {
    if (is_game(stored.parameters())) games.push_back(id);
  }
  std::vector<std::optional<PointSummary>> summaries(games.size());
  std::exception_ptr failure;
  // Parsing what the records hold is most of the time that a table takes.
#pragma omp parallel for schedule(dynamic, 16)
  for (std::size_t i = 0; i < games.size(); ++i) {
    try {
      const auto records = store.counted_records(games[i]);
      if (records.empty()) continue;
      const auto stop = store.stops.find(games[i]);
      summaries[i] = summarise(records, stop == store.stops.end() ? nullptr : &stop->second);
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);

  const auto order = [](const PointSummary& p) {
    const GamePoint& game = p.parameters;
    return std::make_tuple(core::to_json(game.instance).dump(), game.embedding, game.schedule, game.tokens, game.d,
                           game.scheme.name, p.record.stored_keys, game.rate.value_or(1e300), p.message_bits(),
                           p.point);
  };
  std::vector<std::pair<decltype(order(PointSummary())), PointSummary*>> sorted;
  for (auto& summary : summaries) {
    if (summary) sorted.emplace_back(order(*summary), &*summary);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<PointSummary> points;
  points.reserve(sorted.size());
  for (const auto& [place, summary] : sorted) points.push_back(std::move(*summary));
  return points;
}

}  // namespace kvfrontier::analysis
