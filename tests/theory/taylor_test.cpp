// Truncated exponentials against plain sums and counts.

#include "theory/taylor.hpp"

#include <cmath>

#include "../support/catch.hpp"

namespace kvfrontier::theory {
namespace {

// The tail summed from its far end, where terms are smallest, in long double.
long double plain_tail(long double r, int t) {
  long double sum = 0;
  for (int l = t + 400; l > t; --l) {
    long double term = 1;
    for (int i = 1; i <= l; ++i) term *= r / i;
    sum += term;
  }
  return sum;
}

// Monomials counted one by one.
int count_monomials(int d, int t) {
  if (d == 0) return 1;
  int count = 0;
  for (int power = 0; power <= t; ++power) count += count_monomials(d - 1, t - power);
  return count;
}

}  // namespace

TEST_CASE("the Taylor tail is the plain sum, from below the peak to far above it") {
  for (const double r : {0.3, 1.0, 4.0, 12.0, 50.0}) {
    for (const int t : {0, 1, 3, 10, 40, 120}) {
      const long double tail = plain_tail(r, t);
      INFO("r " << r << ", t " << t);
      CHECK(log_taylor_tail(r, t) == Approx(static_cast<double>(std::log(tail))).epsilon(1e-13).margin(1e-12));
      if (static_cast<double>(t) > r - 2 + 1e-9) CHECK(log_taylor_tail_bound(r, t) >= log_taylor_tail(r, t));
    }
  }
  CHECK_THROWS_AS(log_taylor_tail(0, 3), std::domain_error);
  CHECK_THROWS_AS(log_taylor_tail(1, -1), std::domain_error);
  CHECK_THROWS_AS(log_taylor_tail_bound(8, 6), std::domain_error);
}

TEST_CASE("the degree is the least that suffices") {
  for (const double r : {0.2, 3.0, 20.0, 100.0}) {
    for (const double log_error : {2.0, 0.0, -5.0, -r}) {
      const auto t = taylor_degree(r, log_error);
      CHECK(log_taylor_tail(r, t) <= log_error);
      if (t > 0) CHECK(log_taylor_tail(r, t - 1) > log_error);
    }
  }
  // Far out the ratios are those of the limits, up to ln(r)/r.
  CHECK(static_cast<double>(taylor_degree(20000, 0)) / 20000 == Approx(std::exp(1.0)).epsilon(1e-3));
  CHECK(static_cast<double>(taylor_degree(20000, -20000)) / 20000 ==
        Approx(taylor_degree_slope_relative).epsilon(1e-3));
  const double c = taylor_degree_slope_relative;
  CHECK(c * std::log(c) == Approx(c + 1).epsilon(1e-13));
}

TEST_CASE("moments are counted and the kept weight is a partial sum") {
  for (int d = 1; d <= 5; ++d) {
    for (int t = 0; t <= 6; ++t) CHECK(taylor_moments(d, t) == Approx(count_monomials(d, t)).epsilon(1e-14));
  }
  for (const double x : {0.0, 0.5, 4.0, 12.0}) {
    for (const int t : {0, 2, 9, 30}) {
      double sum = 0, term = 1;
      for (int l = 0; l <= t; ++l) {
        sum += term;
        term *= x / (l + 1);
      }
      CHECK(taylor_kept_weight(x, t) == Approx(sum * std::exp(-x)).epsilon(1e-12));
    }
  }
}

}  // namespace kvfrontier::theory
