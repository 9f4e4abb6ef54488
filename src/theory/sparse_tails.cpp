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

// Ordered pairs: gap_ij and gap_ji differ when norms do.
double log_ordered_pairs(std::int64_t tokens) {
  return std::log(static_cast<double>(tokens)) + std::log(static_cast<double>(tokens - 1));
}

std::int64_t block_start(std::int64_t d, std::int64_t s, std::int64_t block) {
  return block * d / s;
}

}  // namespace

double log_gaussian_gap_bound(std::int64_t d, double gap) {
  check(d >= 1 && gap > 0, "a Gaussian gap needs d >= 1 and gap > 0");
  if (gap >= 1) return 0;
  // (2 g + 1) - sqrt(8 g^2 + 1) without cancellation near g = 0.
  const double root = std::sqrt(8 * gap * gap + 1);
  const double l = (4 * gap * (1 - gap)) / ((2 * gap + 1 + root) * (2 * gap));
  return static_cast<double>(d) * (l * gap - std::log1p(l * (2 - l)) / 2);
}

double log_achlioptas_gap_tail(std::int64_t d, std::int64_t steps) {
  check(d >= 1 && steps >= 0 && 3 * steps <= d, "an Achlioptas gap needs d >= 1 and 0 <= steps <= d/3");
  if (steps == 0) return -infinity;
  // Coefficients of (13 + 4 z + z^2)^d by k 13 c_k = sum_i (i (d+1) - k) p_i c_{k-i}, all terms positive for k <= d, in
  // units of 13^d and rescaled on the way.
  const long double width = static_cast<long double>(d);
  long double older = 0, last = 1, sum = 1, log_unit = width * std::log(13.0L / 18.0L);
  for (std::int64_t k = 1; k < steps; ++k) {
    const long double at = static_cast<long double>(k);
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
  return static_cast<double>(std::min(0.0L, log_unit + std::log(sum)));
}

double kane_nelson_tail(std::int64_t d, std::int64_t s, std::int64_t matches) {
  check(s >= 1 && s <= d && matches >= -s && matches <= s + 1,
        "a Kane-Nelson tail needs 1 <= s <= d and |matches| <= s");
  // law[s + v] = P(sum of the blocks so far = v).
  std::vector<double> law(static_cast<std::size_t>(2 * s + 1), 0), next(law);
  law[static_cast<std::size_t>(s)] = 1;
  for (std::int64_t block = 0; block < s; ++block) {
    const double half = 0.5 / static_cast<double>(block_start(d, s, block + 1) - block_start(d, s, block));
    std::fill(next.begin(), next.end(), 0.0);
    for (std::int64_t v = s - block - 1; v <= s + block + 1; ++v) {
      const auto at = static_cast<std::size_t>(v);
      next[at] =
          (1 - 2 * half) * law[at] + half * ((at > 0 ? law[at - 1] : 0) + (at + 1 < law.size() ? law[at + 1] : 0));
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
  if (log_gaussian_gap_bound(d, least) > allowed) return 1;
  return 1 - std::nextafter(
                 least_true(least, 1.0, [&](double gap) { return log_gaussian_gap_bound(d, gap) > allowed; }), 0.0);
}

double achlioptas_union_coherence(std::int64_t tokens, std::int64_t d, double beta) {
  check_union(tokens, d, beta);
  if (tokens == 1) return -1;
  const double allowed = std::log(beta) - log_ordered_pairs(tokens);
  const auto failing = least_true<std::int64_t>(
      0, d / 3 + 1, [&](std::int64_t k) { return k > d / 3 || log_achlioptas_gap_tail(d, k) > allowed; });
  return 1 - 3 * static_cast<double>(failing - 1) / static_cast<double>(d);
}

double kane_nelson_union_coherence(std::int64_t tokens, std::int64_t d, std::int64_t s, double beta) {
  check_union(tokens, d, beta);
  if (tokens == 1) return -1;
  const double allowed = beta / (static_cast<double>(tokens) * static_cast<double>(tokens - 1) / 2);
  const auto matches = least_true<std::int64_t>(
      -s - 1, s, [&](std::int64_t k) { return k >= s || kane_nelson_tail(d, s, k + 1) <= allowed; });
  return static_cast<double>(matches) / static_cast<double>(s);
}

double mean_leak_gaussian(std::int64_t tokens, std::int64_t d, double tau) {
  check(tokens >= 1 && d >= 1 && tau >= 0, "a mean leak needs N, d >= 1 and tau >= 0");
  if (tokens == 1) return 0;
  const double x = tau / static_cast<double>(d);
  if (1 + x * (2 - x) <= 0) return infinity;
  return static_cast<double>(tokens - 1) * std::exp(-static_cast<double>(d) / 2 * std::log1p(x * (2 - x)));
}

double mean_leak_achlioptas(std::int64_t tokens, std::int64_t d, double tau) {
  check(tokens >= 1 && d >= 1 && tau >= 0, "a mean leak needs N, d >= 1 and tau >= 0");
  const double x = 3 * tau / static_cast<double>(d);
  return static_cast<double>(tokens - 1) *
         std::exp(static_cast<double>(d) * std::log1p((4 * std::expm1(-x) + std::expm1(-2 * x)) / 18));
}

double mean_leak_kane_nelson(std::int64_t tokens, std::int64_t d, std::int64_t s, double tau) {
  check(tokens >= 1 && d >= 1 && tau >= 0 && s >= 1 && s <= d, "a mean leak needs N >= 1, 1 <= s <= d and tau >= 0");
  // e^(-tau/s) joins each block, so that nothing overflows.
  const double x = tau / static_cast<double>(s);
  double log_mean = 0;
  for (std::int64_t block = 0; block < s; ++block) {
    const double width = static_cast<double>(block_start(d, s, block + 1) - block_start(d, s, block));
    log_mean += std::log((1 - 1 / width) * std::exp(-x) + (1 + std::exp(-2 * x)) / (2 * width));
  }
  return static_cast<double>(tokens - 1) * std::exp(log_mean);
}

std::int64_t kane_nelson_sparsity(std::int64_t tokens, std::int64_t d) {
  check(tokens >= 1 && d >= 1, "a sparsity needs N, d >= 1");
  const double s = std::ceil(std::sqrt(static_cast<double>(d) * std::log(static_cast<double>(tokens))) / 2);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(s), 1, d);
}

}  // namespace kvfrontier::theory
