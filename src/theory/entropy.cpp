#include "theory/entropy.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include "theory/search.hpp"

namespace kvfrontier::theory {

double binary_entropy(double p) {
  if (!(p >= 0 && p <= 1)) throw std::domain_error("binary_entropy needs p in [0, 1]");
  if (p == 0 || p == 1) return 0;
  return -(p * std::log(p) + (1 - p) * std::log1p(-p)) / std::numbers::ln2;
}

double binary_capacity(double p) {
  if (!(p >= 0 && p <= 1)) throw std::domain_error("binary_capacity needs p in [0, 1]");
  const double bias = 1 - 2 * p;
  if (std::abs(bias) > 0.5) return 1 - binary_entropy(p);
  // ln(1 - bias^2) + 2 bias artanh(bias) = -bias^2 + 2 bias^2 + ...: a harmless cancellation, whatever the bias.
  return (std::log1p(-bias * bias) + 2 * bias * std::atanh(bias)) / (2 * std::numbers::ln2);
}

double inverse_binary_entropy(double h) {
  if (!(h >= 0 && h <= 1)) throw std::domain_error("inverse_binary_entropy needs h in [0, 1]");
  if (h == 0) return 0;
  if (h == 1) return 0.5;
  // Above h = 1/2 it solves for the complement (exact there), which is steep where the entropy is flat.
  if (h >= 0.5) return least_true(0.0, 0.5, [&](double p) { return binary_capacity(p) <= 1 - h; });
  return least_true(0.0, 0.5, [&](double p) { return binary_entropy(p) >= h; });
}

}  // namespace kvfrontier::theory
