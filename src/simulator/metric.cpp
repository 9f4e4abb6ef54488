#include "simulator/metric.hpp"

#include <limits>
#include <numeric>

namespace kvfrontier::simulator {

core::MemberList<MetricValue> MetricValue::members() {
  return {{core::member("mean", &MetricValue::mean, "mean over the observations; null where there is none").nullable(),
           core::member("count", &MetricValue::count, "observations").range(0, 9e15).needed(),
           core::member("sum_squares", &MetricValue::sum_squares, "sum of their squares")},
          core::Nulls::omit};
}

MetricValue MetricValue::of(std::span<const double> observations) {
  const double sum = std::accumulate(observations.begin(), observations.end(), 0.0);
  const double squares = std::inner_product(observations.begin(), observations.end(), observations.begin(), 0.0);
  const auto count = std::ssize(observations);
  return {count > 0 ? sum / count : 0, count, squares};
}

core::Interval share_interval(std::span<const MetricValue> trials, double level) {
  std::vector<core::TrialErrors> sums;
  for (const MetricValue& trial : trials) sums.push_back({trial.mean * trial.count, trial.count});
  return core::error_interval(sums, level);
}

double mean_of(std::span<const MetricValue> trials) {
  double sum = 0;
  std::int64_t count = 0;
  for (const MetricValue& trial : trials) {
    sum += trial.mean * trial.count;
    count += trial.count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

core::Interval Metric::interval(std::span<const MetricValue> trials, double level) const {
  std::vector<double> means;
  for (const MetricValue& trial : trials) means.push_back(trial.mean);
  return core::student_interval(means, level);
}

}  // namespace kvfrontier::simulator
