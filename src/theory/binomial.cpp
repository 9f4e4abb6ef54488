#include "theory/binomial.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace kvfrontier::theory {
namespace {

using Real = long double;
constexpr Real ln2 = std::numbers::ln2_v<Real>;
constexpr Real two_pi = 2 * std::numbers::pi_v<Real>;

// From here on six terms of Stirling's series leave less than 1e-19.
constexpr Real stirling_from = 32;

// ln Gamma(x) - [(x - 1/2) ln x - x + ln(2 pi)/2] for x >= stirling_from.
Real stirling_tail(Real x) {
  const Real y = 1 / (x * x);
  return (1 / 12.0L -
          y * (1 / 360.0L - y * (1 / 1260.0L - y * (1 / 1680.0L - y * (1 / 1188.0L - y * 691 / 360360.0L))))) /
         x;
}

}  // namespace

long double log_gamma(long double x) {
  if (!(x > 0)) throw std::domain_error("log_gamma needs x > 0");
  Real shift = 0;
  for (; x < stirling_from; x += 1) shift += std::log(x);
  return (x - 0.5L) * std::log(x) - x + 0.5L * std::log(two_pi) + stirling_tail(x) - shift;
}

long double log2_binomial(std::int64_t m, std::int64_t w) {
  if (w < 0 || w > m) throw std::domain_error("log2_binomial needs 0 <= w <= m");
  const Real less = w < m - w ? w : m - w;
  const Real all = m, more = all - less;
  if (less < stirling_from) {
    Real sum = 0;
    for (Real i = 0; i < less; i += 1) sum += std::log2((all - i) / (i + 1));
    return sum;
  }
  const Real main = -less * std::log(less / all) - more * std::log1p(-less / all);
  const Real small =
      0.5L * std::log(all / (two_pi * less * more)) + stirling_tail(all) - stirling_tail(less) - stirling_tail(more);
  return (main + small) / ln2;
}

ShellSums shell_sums(std::int64_t m, std::int64_t k) {
  if (k < 0 || 2 * k > m) throw std::domain_error("shell_sums needs 0 <= k <= m/2");
  ShellSums sums;
  Real shell = 1, depth = 1;
  const Real outside = m - k + 1;
  for (Real inside = k;; inside -= 1, depth += 1) {
    sums.volume += shell;
    sums.depth += depth * shell;
    if (inside == 0 || shell < 1e-30L) return sums;
    shell *= inside / (outside + depth - 1);
  }
}

long double log2_ball(std::int64_t m, std::int64_t k) {
  if (k < 0 || k > m) throw std::domain_error("log2_ball needs 0 <= k <= m");
  if (2 * k <= m) return log2_binomial(m, k) + std::log2(shell_sums(m, k).volume);
  if (k == m) return m;
  const Real rest = log2_ball(m, m - k - 1) - m;  // the share of the points beyond distance k
  return m + std::log1p(-std::exp2(rest)) / ln2;
}

}  // namespace kvfrontier::theory
