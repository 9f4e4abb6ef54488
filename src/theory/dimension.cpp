#include "theory/dimension.hpp"

#include <cassert>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "theory/coherence.hpp"
#include "theory/leak.hpp"
#include "theory/search.hpp"

namespace kvfrontier::theory {
namespace {

// The maximiser t of c t - x I(t), and I there.
struct Tilted {
  double product, rate;
};

Tilted tilt_sphere(double ratio) {  // t/(1 - t^2) = c/x
  const double t = 2 * ratio / (1 + std::sqrt(1 + 4 * ratio * ratio));
  return {t, -std::log1p(-t * t) / 2};
}

Tilted tilt_rademacher(double ratio) {  // artanh t = c/x
  const double t = std::tanh(ratio);
  // I = t artanh t - ln cosh artanh t
  return {t, t * ratio - (ratio + std::log1p(std::exp(-2 * ratio)) - std::numbers::ln2)};
}

template <class Tilt>
double threshold(double c, const Tilt& tilt) {
  if (!(c > 1)) throw std::domain_error("a dimension threshold needs tau = c ln N with c > 1");
  const auto decodes = [&](double x) {
    const Tilted at = tilt(c / x);
    return 1 - c - x * at.rate + c * at.product < 0;
  };
  double high = 1;
  while (!decodes(high)) high *= 2;
  const double x = least_true(1e-3, high, decodes);
  assert(1 - x * tilt(c / x).rate >= -1e-9);
  return x;
}

}  // namespace

double sphere_dimension_threshold(double c) { return threshold(c, tilt_sphere); }
double rademacher_dimension_threshold(double c) { return threshold(c, tilt_rademacher); }

double circle_scaling(std::int64_t tokens, double eta) {
  if (tokens < 3) throw std::domain_error("circle_scaling needs N >= 3");
  const double allowed = leak_threshold(eta);
  const auto decodes = [&](double a) {
    double sum = 0, term = 1;
    for (double j = 1; term > 1e-18; ++j) sum += term = std::exp(-a * j * j);
    return 2 * sum <= allowed;
  };
  const double n = static_cast<double>(tokens);
  return least_true(1e-3, 100.0, decodes) * n * n / (2 * std::numbers::pi * std::numbers::pi);
}

double spread_scaling(std::int64_t tokens, std::int64_t d, double eta) {
  if (tokens < 2 || d < 2) throw std::domain_error("spread_scaling needs N, d >= 2");
  const double log_allowed = std::log1p(leak_threshold(eta)) - std::log(static_cast<double>(tokens));
  const auto decodes = [&](double tau) { return log_sphere_mgf(d, tau) - tau <= log_allowed; };
  double high = 1;
  while (!decodes(high)) high *= 2;
  return least_true(0.0, high, decodes);
}

double cap_share(std::int64_t d, double radius) {
  if (!(radius >= 0 && radius <= 2)) throw std::domain_error("a cap of the unit sphere needs a radius in [0, 2]");
  return sphere_tail(d, 1 - radius * radius / 2);
}

}  // namespace kvfrontier::theory
