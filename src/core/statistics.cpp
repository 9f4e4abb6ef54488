#include "core/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace kvfrontier::core {

double mean_of(std::span<const double> samples) {
  if (samples.empty()) return 0;
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double deviation_of(std::span<const double> samples) {
  if (samples.size() < 2) return 0;
  const double mean = mean_of(samples);
  double sum = 0;
  for (const double x : samples) sum += (x - mean) * (x - mean);
  return std::sqrt(sum / static_cast<double>(samples.size() - 1));
}

Interval student_interval(std::span<const double> samples, double level) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (samples.size() < 2) return {-infinity, infinity};
  const double count = static_cast<double>(samples.size());
  const boost::math::students_t distribution(count - 1);
  const double t = boost::math::quantile(boost::math::complement(distribution, (1 - level) / 2));
  const double mean = mean_of(samples), half = t * deviation_of(samples) / std::sqrt(count);
  return {mean - half, mean + half};
}

Interval clopper_pearson(double successes, std::int64_t trials, double level) {
  if (trials <= 0 || std::isnan(successes)) return {0, 1};
  const double n = static_cast<double>(trials), tail = (1 - level) / 2;
  const double down = std::clamp(std::floor(successes), 0.0, n), up = std::clamp(std::ceil(successes), 0.0, n);
  Interval interval;
  interval.lo = down == 0 ? 0 : boost::math::quantile(boost::math::beta_distribution<>(down, n - down + 1), tail);
  interval.hi =
      up == n ? 1
              : boost::math::quantile(boost::math::complement(boost::math::beta_distribution<>(up + 1, n - up), tail));
  return interval;
}

Interval error_interval(std::span<const TrialErrors> trials, double level) {
  std::vector<double> means;
  TrialErrors all;
  for (const auto& trial : trials) {
    means.push_back(trial.mean());
    all.row_errors += trial.row_errors;
    all.rows += trial.rows;
  }
  const Interval student = student_interval(means, level), rows = clopper_pearson(all.row_errors, all.rows, level);
  return {std::max(0.0, std::min(student.lo, rows.lo)), std::min(1.0, std::max(student.hi, rows.hi))};
}

}  // namespace kvfrontier::core
