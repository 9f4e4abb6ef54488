#include "theory/leak.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "theory/binomial.hpp"

namespace kvfrontier::theory {
namespace {

void check(std::int64_t d, double tau) {
  if (d < 1) throw std::domain_error("leak laws need d >= 1");
  if (!(tau >= 0) || std::isinf(tau)) throw std::domain_error("leak laws need a finite tau >= 0");
}

double log_others(std::int64_t tokens) {
  if (tokens < 1) throw std::domain_error("leak laws need at least one token");
  return std::log(tokens - 1);  // -infinity for one token: it leaks nothing
}

}  // namespace

double leak_threshold(double eta) {
  if (!(eta >= 0 && eta < 1)) throw std::domain_error("leak_threshold needs eta in [0, 1)");
  return (1 - eta) / (1 + eta);
}

double grid_leak_threshold(double eta, int bits) {
  if (bits < 1 || bits > 24) throw std::domain_error("grid_leak_threshold needs 1 to 24 bits");
  if (bits == 1) return leak_threshold(eta);
  if (!(eta >= 0 && eta < 1)) throw std::domain_error("grid_leak_threshold needs eta in [0, 1)");
  const double top = std::exp2(bits) - 1;
  return (1 - (2 * top - 1) * eta) / (top * (1 + eta));
}

double grid_step(double eta, int bits) {
  if (bits < 1 || bits > 24) throw std::domain_error("grid_step needs 1 to 24 bits");
  if (!(eta >= 0 && eta < 1)) throw std::domain_error("grid_step needs eta in [0, 1)");
  const double top = std::exp2(bits) - 1;
  return (1 - eta) * (1 + eta) / (top + 1 - (top - 1) * eta);
}

int decodable_bits(double leak) {
  if (!(leak > 0)) throw std::domain_error("decodable_bits needs a positive leak");
  // The logarithm is a guess; the condition itself decides.
  int bits = std::max(0, static_cast<int>(std::ceil(std::log2(1 + 1 / leak))) - 2);
  while (leak < 1 / (std::exp2(bits + 1) - 1)) ++bits;
  return bits;
}

double log_rademacher_mgf(std::int64_t d, double tau) {
  check(d, tau);
  const double x = tau / d;
  const double half = std::sinh(x / 2);
  const double log_cosh = x < 1 ? std::log1p(2 * half * half) : x + std::log1p(std::exp(-2 * x)) - std::numbers::ln2;
  return d * log_cosh;
}

double log_sphere_mgf(std::int64_t d, double tau) {
  check(d, tau);
  // Terms z^k / (k! (nu)_k), nu = d/2, z = tau^2/4. They rise while (k + 1)(k + nu) < z.
  const long double nu = d / 2.0L, z = 1.0L * tau * tau / 4;
  long double peak = 0, log_peak = 0;
  if (z > nu) {
    peak = std::floor(2 * (z - nu) / (1 + nu + std::sqrt((1 + nu) * (1 + nu) + 4 * (z - nu))));
    log_peak = peak * std::log(z) - log_gamma(peak + 1) - (log_gamma(peak + nu) - log_gamma(nu));
  }
  constexpr long double negligible = 1e-25L;
  long double others = 0, term = 1;
  for (long double k = peak; term > negligible; k += 1) {
    term *= z / ((k + 1) * (k + nu));
    others += term;
  }
  term = 1;
  for (long double k = peak; k > 0 && term > negligible; k -= 1) {
    term *= k * (k - 1 + nu) / z;
    others += term;
  }
  return log_peak + std::log1p(others);
}

double mean_leak_rademacher(std::int64_t tokens, std::int64_t d, double tau) {
  check(d, tau);
  // e^-tau cosh(tau/d)^d without the two large exponents.
  const double width = d;
  return std::exp(log_others(tokens) + width * std::log1p(std::expm1(-2 * tau / width) / 2));
}

double mean_leak_sphere(std::int64_t tokens, std::int64_t d, double tau) {
  return std::exp(log_others(tokens) + (log_sphere_mgf(d, tau) - tau));
}

}  // namespace kvfrontier::theory
