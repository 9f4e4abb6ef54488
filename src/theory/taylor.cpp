#include "theory/taylor.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <stdexcept>

#include "theory/binomial.hpp"
#include "theory/search.hpp"

namespace kvfrontier::theory {
namespace {

void check(double r, std::int64_t t) {
  if (!(r > 0) || std::isinf(r)) throw std::domain_error("a Taylor tail needs a finite r > 0");
  if (t < 0) throw std::domain_error("a Taylor tail needs a degree t >= 0");
}

}  // namespace

double log_taylor_tail(double r, std::int64_t t) {
  check(r, t);
  // Relative to the first term left out, r^{t+1} / (t+1)!. Below the peak at l = r the terms rise first.
  const long double x = r, first = t + 1.0L;
  const long double log_first = first * std::log(x) - log_gamma(first + 1);
  long double sum = 1, term = 1;
  for (long double l = first + 1; l < x || term > 1e-22L * sum; l += 1) {
    term *= x / l;
    sum += term;
  }
  return log_first + std::log(sum);
}

double log_taylor_tail_bound(double r, std::int64_t t) {
  check(r, t);
  const double next = t + 1.0;
  if (!(r < next + 1)) throw std::domain_error("the bound on a Taylor tail needs t > r - 2");
  return next * (1 + std::log(r / next)) - std::log1p(-r / (next + 1));
}

std::int64_t taylor_degree(double r, double log_error) {
  check(r, 0);
  if (log_taylor_tail(r, 0) <= log_error) return 0;
  std::int64_t high = static_cast<std::int64_t>(4 * r) + 8;
  while (log_taylor_tail(r, high) > log_error) high *= 2;
  return least_true<std::int64_t>(0, high, [&](std::int64_t t) { return log_taylor_tail(r, t) <= log_error; });
}

double taylor_moments(std::int64_t d, std::int64_t t) {
  if (d < 0 || t < 0) throw std::domain_error("moments need d >= 0 and t >= 0");
  double count = 1;
  for (std::int64_t l = 1; l <= t; ++l) count = count * (d + l) / l;
  return count;
}

double taylor_kept_weight(double x, std::int64_t t) {
  if (!(x >= 0) || t < 0) throw std::domain_error("taylor_kept_weight needs x >= 0 and t >= 0");
  return x == 0 ? 1 : boost::math::gamma_q(t + 1.0, x);
}

}  // namespace kvfrontier::theory
