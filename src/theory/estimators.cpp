#include "theory/estimators.hpp"

#include <cmath>
#include <numbers>

namespace kvfrontier::theory {

using std::numbers::pi;

double gaussian_tail(double x) {
  return std::erfc(x / std::numbers::sqrt2) / 2;
}

double qjl_variance(double m, double q_squared, double k_squared, double product) {
  return (pi / 2 * q_squared * k_squared - product * product) / m;
}

double qjl_length(double eps, double delta) {
  return pi / (eps * eps) * std::log(2 / delta);
}

double residual_qjl_distortion(double d, double mse) {
  return (pi / 2 - 1 / d) * mse / d;
}

double linear_state_error(double tokens, double d, bool centred_values) {
  return gaussian_tail(std::sqrt(d / ((centred_values ? 1 : 2) * (tokens - 1))));
}

double sign_state_error(double tokens, double d) {
  return gaussian_tail(std::sqrt(2 / pi * d / (tokens - 1)));
}

double value_sampling_variance(double samples, double values_square, double weights_square, double sum_square) {
  return (values_square * weights_square / sum_square - 1) / samples;
}

double oblivious_chase(std::int64_t n, std::int64_t s, std::int64_t hops) {
  double chance = 1;
  for (std::int64_t i = 0; i < hops; ++i) chance *= 1.0 * (s > i ? s - i : 0) / (n - i);
  return chance;
}

}  // namespace kvfrontier::theory
