#include "theory/sparse_tails.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "theory/search.hpp"

namespace kvfrontier::theory {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check(bool valid, const char* what) {
  if (!valid) throw std::domain_error(what);
}

void check_union(std::int64_t tokens, std::int64_t d, double beta) {
  check(tokens >= 1 && d >= 1, "a union bound needs N, d >= 1");
  check(beta > 0 && beta < 1, "a union bound needs 0 < beta < 1");
}

// Ordered pairs: margin_ij and margin_ji differ when norms do.
double log_ordered_pairs(std::int64_t tokens) {
  return std::log(tokens) + std::log(tokens - 1);
}

std::int64_t block_start(std::int64_t d, std::int64_t s, std::int64_t block) {
  return block * d / s;
}

}  // namespace

double log_gaussian_margin_bound(std::int64_t d, double margin) {
  check(d >= 1 && margin > 0, "a Gaussian margin needs d >= 1 and margin > 0");
  if (margin >= 1) return 0;
  // (2 g + 1) - sqrt(8 g^2 + 1) without cancellation near g = 0.
  const double root = std::sqrt(8 * margin * margin + 1);
  const double l = (4 * margin * (1 - margin)) / ((2 * margin + 1 + root) * (2 * margin));
  return d * (l * margin - std::log1p(l * (2 - l)) / 2);
}

double log_achlioptas_margin_tail(std::int64_t d, std::int64_t steps) {
  check(d >= 1 && steps >= 0 && 3 * steps <= d, "an Achlioptas margin needs d >= 1 and 0 <= steps <= d/3");
  if (steps == 0) return -infinity;
  // Coefficients of (13 + 4 z + z^2)^d by k 13 c_k = sum_i (i (d+1) - k) p_i c_{k-i}, all terms positive for k <= d, in
  // units of 13^d and rescaled on the way.
  const long double width = d;
  long double older = 0, last = 1, sum = 1, log_unit = width * std::log(13.0L / 18.0L);
  for (std::int64_t k = 1; k < steps; ++k) {
    const long double at = k;
    const long double next = ((width + 1 - at) * 4 * last + (2 * (width + 1) - at) * older) / (13 * at);
    older = last;
    last = next;
    sum += next;
    if (sum > 1e1000L) {
      older /= sum;
      last /= sum;
      log_unit += std::log(sum);
      sum = 1;
    }
  }
  return std::min(0.0L, log_unit + std::log(sum));
}

double kane_nelson_tail(std::int64_t d, std::int64_t s, std::int64_t matches) {
  check(s >= 1 && s <= d && matches >= -s && matches <= s + 1,
        "a Kane-Nelson tail needs 1 <= s <= d and |matches| <= s");
  // law[s + v] = P(sum of the blocks so far = v).
  std::vector<double> law(2 * s + 1, 0), next(law);
  law[s] = 1;
  for (std::int64_t block = 0; block < s; ++block) {
    const double half = 0.5 / (block_start(d, s, block + 1) - block_start(d, s, block));
    std::fill(next.begin(), next.end(), 0.0);
    for (std::int64_t at = s - block - 1; at <= s + block + 1; ++at) {
      next[at] =
          (1 - 2 * half) * law[at] + half * ((at > 0 ? law[at - 1] : 0) + (at + 1 < std::ssize(law) ? law[at + 1] : 0));
    }
    law.swap(next);
  }
  return std::accumulate(law.rbegin(), law.rbegin() + (s + 1 - matches), 0.0);  // smallest terms first
}

double gaussian_union_coherence(std::int64_t tokens, std::int64_t d, double beta) {
  check_union(tokens, d, beta);
  if (tokens == 1) return -1;
  const double allowed = std::log(beta) - log_ordered_pairs(tokens);
  const double least = 1e-9;
  if (log_gaussian_margin_bound(d, least) > allowed) return 1;
  return 1 - std::nextafter(
                 least_true(least, 1.0, [&](double margin) { return log_gaussian_margin_bound(d, margin) > allowed; }),
                 0.0);
}

double achlioptas_union_coherence(std::int64_t tokens, std::int64_t d, double beta) {
  check_union(tokens, d, beta);
  if (tokens == 1) return -1;
  const double allowed = std::log(beta) - log_ordered_pairs(tokens);
  const auto failing = least_true<std::int64_t>(
      0, d / 3 + 1, [&](std::int64_t k) { return k > d / 3 || log_achlioptas_margin_tail(d, k) > allowed; });
  return 1 - 3.0 * (failing - 1) / d;
}

double kane_nelson_union_coherence(std::int64_t tokens, std::int64_t d, std::int64_t s, double beta) {
  check_union(tokens, d, beta);
  if (tokens == 1) return -1;
  const double allowed = beta / (1.0 * tokens * (tokens - 1) / 2);
  const auto matches = least_true<std::int64_t>(
      -s - 1, s, [&](std::int64_t k) { return k >= s || kane_nelson_tail(d, s, k + 1) <= allowed; });
  return 1.0 * matches / s;
}

double mean_leak_gaussian(std::int64_t tokens, std::int64_t d, double tau) {
  check(tokens >= 1 && d >= 1 && tau >= 0, "a mean leak needs N, d >= 1 and tau >= 0");
  if (tokens == 1) return 0;
  const double x = tau / d;
  if (1 + x * (2 - x) <= 0) return infinity;
  return (tokens - 1) * std::exp(-d / 2.0 * std::log1p(x * (2 - x)));
}

double mean_leak_achlioptas(std::int64_t tokens, std::int64_t d, double tau) {
  check(tokens >= 1 && d >= 1 && tau >= 0, "a mean leak needs N, d >= 1 and tau >= 0");
  const double x = 3 * tau / d;
  return (tokens - 1) * std::exp(d * std::log1p((4 * std::expm1(-x) + std::expm1(-2 * x)) / 18));
}

double mean_leak_kane_nelson(std::int64_t tokens, std::int64_t d, std::int64_t s, double tau) {
  check(tokens >= 1 && d >= 1 && tau >= 0 && s >= 1 && s <= d, "a mean leak needs N >= 1, 1 <= s <= d and tau >= 0");
  // Every block takes a factor e^(-tau/s), so nothing overflows.
  const double x = tau / s;
  double log_mean = 0;
  for (std::int64_t block = 0; block < s; ++block) {
    const double width = block_start(d, s, block + 1) - block_start(d, s, block);
    log_mean += std::log((1 - 1 / width) * std::exp(-x) + (1 + std::exp(-2 * x)) / (2 * width));
  }
  return (tokens - 1) * std::exp(log_mean);
}

std::int64_t kane_nelson_sparsity(std::int64_t tokens, std::int64_t d) {
  check(tokens >= 1 && d >= 1, "a sparsity needs N, d >= 1");
  const double s = std::ceil(std::sqrt(d * std::log(tokens)) / 2);
  return std::clamp<std::int64_t>(s, 1, d);
}

}  // namespace kvfrontier::theory
