#include "theory/lloyd_max.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace kvfrontier::theory {
namespace {

double density(double x) {
  return std::isinf(x) ? 0 : std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
double below(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

}  // namespace

double ScalarQuantiser::quantise(double x) const {
  return levels[std::upper_bound(thresholds.begin(), thresholds.end(), x) - thresholds.begin()];
}

ScalarQuantiser lloyd_max(int bits) {
  if (bits < 1 || bits > 8) throw std::domain_error("lloyd_max needs 1 to 8 bits");
  const int count = 1 << bits;
  ScalarQuantiser quantiser;
  quantiser.levels.resize(count);
  quantiser.thresholds.resize(count - 1);
  for (int i = 0; i < count; ++i) quantiser.levels[i] = 3 * ((2.0 * i + 1) / count - 1);
  double last = 0;
  for (int round = 0; round < 20000; ++round) {
    for (int i = 0; i + 1 < count; ++i) quantiser.thresholds[i] = (quantiser.levels[i] + quantiser.levels[i + 1]) / 2;
    // At centroids the mean squared error is 1 - sum_i P_i level_i^2.
    double explained = 0;
    for (int i = 0; i < count; ++i) {
      const double from = i == 0 ? -INFINITY : quantiser.thresholds[i - 1],
                   to = i + 1 == count ? INFINITY : quantiser.thresholds[i];
      // The difference of upper tails where both ends are positive keeps its digits.
      const double share = from > 0 ? below(-from) - below(-to) : below(to) - below(from);
      quantiser.levels[i] = (density(from) - density(to)) / share;
      explained += share * quantiser.levels[i] * quantiser.levels[i];
    }
    quantiser.mse = 1 - explained;
    if (std::abs(quantiser.mse - last) <= 1e-15 * quantiser.mse) break;
    last = quantiser.mse;
  }
  return quantiser;
}

}  // namespace kvfrontier::theory
