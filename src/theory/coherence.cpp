#include "theory/coherence.hpp"

#include <algorithm>
#include <bit>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "theory/binomial.hpp"
#include "theory/search.hpp"

namespace kvfrontier::theory {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

void check_tail(std::int64_t d, double t) {
  if (d < 1) throw std::domain_error("a tail needs d >= 1");
  if (std::isnan(t)) throw std::domain_error("a tail needs a number as t");
}

void check_union(std::int64_t tokens, double beta) {
  if (tokens < 1) throw std::domain_error("a union bound needs at least one token");
  if (!(beta > 0 && beta < 1)) throw std::domain_error("a union bound needs 0 < beta < 1");
}

double log_pairs(std::int64_t tokens) {
  const double n = tokens;
  return std::log(n) + std::log((n - 1) / 2);
}

// ln P(Bin(d, 1/2) >= agreements), 0 <= agreements <= d.
double log_agreement_tail(std::int64_t d, std::int64_t agreements) {
  return (log2_ball(d, d - agreements) - d) * std::numbers::ln2_v<long double>;
}

// ln of the cap's area by x^a (1-x)^(1/2) / (2a B(a, 1/2)) 2F1(1, a + 1/2; a + 1; x), x = 1 - t^2, a = (d-1)/2. The
// terms fall like x^i, and x is well below 1 when the tail underflows.
double log_cap_by_series(double d, double t) {
  const double x = (1 - t) * (1 + t), a = (d - 1) / 2;
  double sum = 0, term = 1;
  for (double i = 0; term > 1e-17 * sum; ++i) {
    sum += term;
    term *= x * (a + 0.5 + i) / (a + 1 + i);
  }
  const double beta = boost::math::tgamma_delta_ratio(a, 0.5) * std::sqrt(std::numbers::pi);
  return a * (std::log1p(-t) + std::log1p(t)) + std::log(t / (2 * a * beta)) + std::log(sum);
}

// Least (2a - d)/d such that e^log_events products of Rademacher law are all at most that with probability >= 1 - beta.
double lattice_union_coherence(double log_events, std::int64_t d, double beta) {
  const double allowed = std::log(beta) - log_events;
  const auto agreements = least_true<std::int64_t>(
      -1, d, [&](std::int64_t a) { return a >= d || log_agreement_tail(d, a + 1) <= allowed; });
  return 1.0 * (2 * agreements - d) / d;
}

std::int64_t dimension(double log_factor, double coherence) {
  if (!(coherence > 0 && coherence < 1)) throw std::domain_error("a dimension needs a coherence in (0, 1)");
  return std::max<std::int64_t>(1, std::ceil(2 * log_factor / (coherence * coherence)));
}

}  // namespace

double sphere_tail(std::int64_t d, double t) {
  check_tail(d, t);
  if (t > 1) return 0;
  if (t <= -1) return 1;
  if (d == 1) return 0.5;
  if (t < 0) return 1 - sphere_tail(d, -t);
  // The complement in t^2 rather than 1 - t^2, so small t keep their digits.
  return boost::math::ibetac(0.5, (d - 1) / 2.0, t * t) / 2;
}

double log_sphere_tail(std::int64_t d, double t) {
  const double tail = sphere_tail(d, t);
  if (tail > 1e-280 || t >= 1) return std::log(tail);
  return log_cap_by_series(d, t);
}

double log_rademacher_tail(std::int64_t d, double t) {
  check_tail(d, t);
  const double rounding = 4 * std::numeric_limits<double>::epsilon();
  if (t > 1 + rounding) return minus_infinity;
  if (t <= -1) return 0;
  const double least = std::ceil(d * ((1 + t) - rounding) / 2);
  return log_agreement_tail(d, std::clamp<std::int64_t>(least, 0, d));
}

double rademacher_tail(std::int64_t d, double t) {
  return std::exp(log_rademacher_tail(d, t));
}

double gaussian_tail_bound(std::int64_t d, double t) {
  check_tail(d, t);
  return t <= 0 ? 1 : std::exp(-d * t * t / 2);
}

double sphere_union_coherence(std::int64_t tokens, std::int64_t d, double beta) {
  check_union(tokens, beta);
  check_tail(d, 0);
  if (tokens == 1) return -1;
  const double allowed = std::log(beta) - log_pairs(tokens);
  if (d == 1) return std::log(0.5) <= allowed ? -1 : 1;
  return least_true(-1.0, 1.0, [&](double t) { return log_sphere_tail(d, t) <= allowed; });
}

double rademacher_union_coherence(std::int64_t tokens, std::int64_t d, double beta) {
  check_union(tokens, beta);
  check_tail(d, 0);
  return tokens == 1 ? -1 : lattice_union_coherence(log_pairs(tokens), d, beta);
}

double linear_code_union_coherence(std::int64_t tokens, std::int64_t d, double beta) {
  check_union(tokens, beta);
  check_tail(d, 0);
  if (tokens == 1) return -1;
  const double size = std::bit_ceil<std::uint64_t>(tokens);
  return lattice_union_coherence(std::log(size - 1), d, beta);
}

std::int64_t all_pairs_dimension(std::int64_t tokens, double coherence, double beta) {
  check_union(tokens, beta);
  return dimension(2 * std::log(tokens) - std::log(beta), coherence);
}

std::int64_t row_wise_dimension(std::int64_t tokens, double coherence, double beta) {
  check_union(tokens, beta);
  return dimension(std::log(tokens) - std::log(beta), coherence);
}

std::int64_t linear_code_dimension(std::int64_t tokens, double coherence, double beta) {
  check_union(tokens, beta);
  const double size = std::bit_ceil<std::uint64_t>(tokens);
  return dimension(std::log(2 * size) - std::log(beta), coherence);
}

double welch_bound(std::int64_t tokens, std::int64_t d, int order) {
  if (tokens < 1 || d < 1 || order < 1) throw std::domain_error("welch_bound needs N, d, order >= 1");
  if (tokens == 1) return 0;
  const double n = tokens;
  double forms = 1;  // C(d + order - 1, order), the dimension of the symmetric tensors
  for (int i = 1; i <= order; ++i) forms *= 1.0 * (d - 1 + i) / i;
  return std::pow(std::max(0.0, n / forms - 1) / (n - 1), 0.5 / order);
}

}  // namespace kvfrontier::theory
