#include "theory/binomial.hpp"

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../support/catch.hpp"

using namespace kvfrontier::theory;
using boost::multiprecision::cpp_int;

namespace {

long double log2_exact(const cpp_int& value) {
  const auto top = static_cast<long>(msb(value));
  const long drop = top > 63 ? top - 63 : 0;
  return std::log2(static_cast<long double>(static_cast<std::uint64_t>(cpp_int(value >> drop)))) + drop;
}

}  // namespace

TEST_CASE("log-binomials and balls match exact integers", "[theory][binomial]") {
  for (const std::int64_t m : {1, 2, 7, 31, 63, 64, 65, 130, 1001}) {
    // Of a value cut to its 64 leading bits the logarithm is off by another 2^-62 at most.
    const long double allowed = 17 * std::numeric_limits<long double>::epsilon() * static_cast<long double>(m + 64);
    cpp_int binomial = 1, ball = 0;
    for (std::int64_t w = 0; w <= m; ++w) {
      ball += binomial;
      REQUIRE(std::abs(log2_binomial(m, w) - log2_exact(binomial)) <= allowed);
      REQUIRE(std::abs(log2_ball(m, w) - log2_exact(ball)) <= allowed);
      binomial = binomial * (m - w) / (w + 1);
    }
  }
  CHECK_THROWS_AS(log2_binomial(3, 4), std::domain_error);
  CHECK_THROWS_AS(log2_binomial(3, -1), std::domain_error);
  CHECK_THROWS_AS(log2_ball(3, 4), std::domain_error);
  CHECK_THROWS_AS(shell_sums(3, 2), std::domain_error);
}

TEST_CASE("shell sums count the ball and its depth", "[theory][binomial]") {
  // m = 5, k = 2: shells 1, 5, 10 at depths 3, 2, 1.
  CHECK(static_cast<double>(shell_sums(5, 2).volume) == Approx(16 / 10.0).epsilon(1e-15));
  CHECK(static_cast<double>(shell_sums(5, 2).depth) == Approx(23 / 10.0).epsilon(1e-15));
}

TEST_CASE("log-gamma matches factorials, halves and its recurrence", "[theory][binomial]") {
  long double factorial = 0;
  for (int n = 1; n <= 200; ++n) {
    CHECK(static_cast<double>(log_gamma(n)) == Approx(static_cast<double>(factorial)).epsilon(1e-15).margin(1e-16));
    factorial += std::log(static_cast<long double>(n));
  }
  CHECK(static_cast<double>(log_gamma(0.5L)) == Approx(0.57236494292470008707).epsilon(1e-15));
  for (const long double x : {1e3L, 1e6L}) {
    CHECK(static_cast<double>(log_gamma(x + 1) - log_gamma(x)) ==
          Approx(std::log(static_cast<double>(x))).epsilon(1e-10));
  }
  CHECK_THROWS_AS(log_gamma(0), std::domain_error);
}
