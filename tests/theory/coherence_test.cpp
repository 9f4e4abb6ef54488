#include "theory/coherence.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "../support/catch.hpp"

using namespace kvfrontier::theory;

namespace {

// ln of the integral of sin^(d-2) from 0 to `angle` <= pi/2, by Simpson's rule, relative to its value at `angle`.
double log_cap_integral(double d, double angle) {
  const int intervals = 200000;
  double total = 0;
  for (int i = 1; i <= intervals; ++i) {
    const double ratio = std::sin(angle * i / intervals) / std::sin(angle);
    total += (i == intervals ? 1 : i % 2 ? 4 : 2) * std::pow(ratio, d - 2);
  }
  return std::log(total * angle / intervals / 3) + (d - 2) * std::log(std::sin(angle));
}

double log_tail_by_quadrature(double d, double t) {
  return log_cap_integral(d, std::acos(t)) - std::log(2.0) - log_cap_integral(d, std::numbers::pi / 2);
}

// P(at least `a` agreements in d fair signs) by summation.
double agreement_tail(int d, int a) {
  double share = std::pow(0.5, d), sum = 0;
  for (int k = d; k >= std::max(a, 0); --k) {
    sum += share;
    share = share * k / (d - k + 1);
  }
  return sum;
}

int product(unsigned u, unsigned w, int d) {
  return d - 2 * std::popcount(u ^ w);
}  // d <u, w> of sign vectors

}  // namespace

TEST_CASE("sphere tails are cap areas", "[theory][coherence]") {
  for (const double t : {0.0, 1e-3, 0.1, 0.5, 0.9, 0.999}) {
    CHECK(sphere_tail(2, t) == Approx(std::acos(t) / std::numbers::pi).epsilon(1e-12));
    CHECK(sphere_tail(3, t) == Approx((1 - t) / 2).epsilon(1e-12));
    for (const int d : {3, 4, 16, 101, 1000}) {  // d = 2 has a constant density; log(0) to the power 0 aside
      INFO("d = " << d << ", t = " << t);
      CHECK(log_sphere_tail(d, t) == Approx(log_tail_by_quadrature(d, t)).epsilon(1e-9).margin(1e-9));
      CHECK(sphere_tail(d, -t) == Approx(1 - sphere_tail(d, t)).epsilon(1e-12));
    }
  }
  for (const std::int64_t d : {2, 3, 64}) {
    CHECK(sphere_tail(d, 1) == 0);
    CHECK(sphere_tail(d, 1.5) == 0);
    CHECK(sphere_tail(d, -1) == 1);
    CHECK(sphere_tail(d, 0) == 0.5);
    CHECK(log_sphere_tail(d, 1) == -INFINITY);
  }
  CHECK(sphere_tail(1, 1) == 0.5);
  CHECK(sphere_tail(1, -0.5) == 0.5);
  CHECK(sphere_tail(1, 1.01) == 0);
  CHECK(sphere_tail(1, -1) == 1);
  CHECK_THROWS_AS(sphere_tail(0, 0.1), std::domain_error);
  CHECK_THROWS_AS(sphere_tail(2, std::nan("")), std::domain_error);
}

TEST_CASE("the logarithm of a sphere tail outlives its underflow", "[theory][coherence]") {
  CHECK(sphere_tail(4096, 0.9) == 0);
  CHECK(log_sphere_tail(4096, 0.9) == Approx(log_tail_by_quadrature(4096, 0.9)).epsilon(1e-9));
  // Where both ways of computing it work, on either side of the switch, they meet.
  double previous = 0;
  for (double t = 0.80; t < 0.90; t += 1e-3) {
    const double tail = log_sphere_tail(1000, t);
    CHECK(tail == Approx(log_tail_by_quadrature(1000, t)).epsilon(1e-9));
    CHECK(tail < previous);
    previous = tail;
  }
}

TEST_CASE("Rademacher tails are binomial sums", "[theory][coherence]") {
  for (const int d : {1, 2, 3, 16, 49, 200}) {
    for (int a = 0; a <= d; ++a) {
      INFO("d = " << d << ", agreements = " << a);
      const double lattice = (2.0 * a - d) / d;
      CHECK(rademacher_tail(d, lattice) == Approx(agreement_tail(d, a)).epsilon(1e-12));
      CHECK(rademacher_tail(d, 2.0 * a / d - 1) ==
            rademacher_tail(d, lattice));  // however the lattice value was rounded
      if (a < d) {
        CHECK(rademacher_tail(d, lattice + 1.0 / d) == Approx(agreement_tail(d, a + 1)).epsilon(1e-12));
      }
    }
    CHECK(rademacher_tail(d, 1.001) == 0);
    CHECK(rademacher_tail(d, -1) == 1);
    CHECK(rademacher_tail(d, -3) == 1);
  }
  CHECK(log_rademacher_tail(5000, 1) == Approx(-5000 * std::numbers::ln2).epsilon(1e-14));
  CHECK_THROWS_AS(rademacher_tail(0, 0.1), std::domain_error);
}

TEST_CASE("the Gaussian bound lies above both tails", "[theory][coherence]") {
  for (const std::int64_t d : {1, 2, 3, 7, 64, 1000}) {
    for (double t = 0; t <= 1; t += 1 / 128.0) {
      INFO("d = " << d << ", t = " << t);
      CHECK(log_sphere_tail(d, t) <= std::log(gaussian_tail_bound(d, t)));
      CHECK(rademacher_tail(d, t) <= gaussian_tail_bound(d, t));
    }
  }
  CHECK(gaussian_tail_bound(8, 0.5) == Approx(std::exp(-1.0)).epsilon(1e-15));
  CHECK(gaussian_tail_bound(8, -0.5) == 1);
}

TEST_CASE("the sphere union bound is the quantile of its tail", "[theory][coherence]") {
  for (const double beta : {1e-6, 0.01, 0.3}) {  // one pair: exact
    CHECK(sphere_union_coherence(2, 2, beta) == Approx(std::cos(std::numbers::pi * beta)).epsilon(1e-13));
    CHECK(sphere_union_coherence(2, 3, beta) == Approx(1 - 2 * beta).epsilon(1e-13));
  }
  CHECK(sphere_union_coherence(2, 3, 0.75) == Approx(-0.5).epsilon(1e-13));
  for (const std::int64_t d : {8, 64, 1024, 100'000}) {
    for (const std::int64_t tokens : {3, 1024, 50'000, 10'000'000}) {
      const double mu = sphere_union_coherence(tokens, d, 0.01);
      const double pairs = static_cast<double>(tokens) * static_cast<double>(tokens - 1) / 2;
      INFO("d = " << d << ", N = " << tokens << ", mu = " << mu);
      CHECK(pairs * sphere_tail(d, mu) <= 0.01 * (1 + 1e-9));
      CHECK(pairs * sphere_tail(d, mu * (1 - 1e-6)) > 0.01);
    }
  }
  CHECK(sphere_union_coherence(10'000'000, 4, 1e-300) <= 1);  // tails far below the least double
  CHECK(sphere_union_coherence(10'000'000, 1'000'000, 1e-300) > 0);
  CHECK(sphere_union_coherence(1, 5, 0.01) == -1);
  CHECK(sphere_union_coherence(3, 1, 0.01) == 1);
  CHECK_THROWS_AS(sphere_union_coherence(3, 5, 0), std::domain_error);
  CHECK_THROWS_AS(sphere_union_coherence(3, 5, 1), std::domain_error);
  CHECK_THROWS_AS(sphere_union_coherence(0, 5, 0.1), std::domain_error);
}

TEST_CASE("union coherences of sign vectors hold over all draws and are the least by the union bound",
          "[theory][coherence]") {
  // Every triple of sign vectors in d = 6; every 2 x d generator of a linear code (columns in F_2^2, 4^d of them).
  const int d = 6;
  std::vector<int> triples(2 * d + 1), codes(2 * d + 1);  // how many draws have d mu+ = index - d
  for (unsigned u = 0; u < 64; ++u) {
    for (unsigned v = 0; v < 64; ++v) {
      for (unsigned w = 0; w < 64; ++w) {
        ++triples[static_cast<std::size_t>(d + std::max({product(u, v, d), product(u, w, d), product(v, w, d)}))];
      }
      // Rows u and v of the generator: the keys are 0, u, v, u ^ v.
      ++codes[static_cast<std::size_t>(d + std::max({product(0, u, d), product(0, v, d), product(0, u ^ v, d),
                                                     product(u, v, d), product(u, u ^ v, d), product(v, u ^ v, d)}))];
    }
  }
  const auto share_above = [](const std::vector<int>& counts, double mu) {
    double above = 0, all = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      all += counts[i];
      if (static_cast<double>(i) - d > d * mu + 0.5) above += counts[i];
    }
    return above / all;
  };
  for (const double beta : {0.02, 0.05, 0.2, 0.35, 0.9}) {
    INFO("beta = " << beta);
    const double independent = rademacher_union_coherence(3, d, beta), code = linear_code_union_coherence(4, d, beta);
    CHECK(share_above(triples, independent) <= beta);
    CHECK(share_above(codes, code) <= beta);
    CHECK(linear_code_union_coherence(3, d, beta) == code);
    CHECK(independent == code);  // three events each
    const int agreements = static_cast<int>(std::lround(d * (1 + independent) / 2));
    CHECK(3 * agreement_tail(d, agreements + 1) <= beta);
    CHECK(3 * agreement_tail(d, agreements) > beta);
  }
}

TEST_CASE("union coherences of sign vectors at the ends", "[theory][coherence]") {
  CHECK(rademacher_union_coherence(341, 16, 0.01) == 1);  // 57970 pairs / 2^16: duplicates are likely
  CHECK(rademacher_union_coherence(341, 23, 0.01) < 1);   // 57970 / 2^23 = .0069
  CHECK(rademacher_union_coherence(341, 22, 0.01) == 1);
  CHECK(linear_code_union_coherence(1024, 16, 0.01) == 1);  // 1023 / 2^16 = .0156
  CHECK(linear_code_union_coherence(1024, 17, 0.01) < 1);
  CHECK(linear_code_union_coherence(1025, 17, 0.01) == 1);  // rounded up to 2048
  CHECK(rademacher_union_coherence(1, 8, 0.01) == -1);
  CHECK(linear_code_union_coherence(1, 8, 0.01) == -1);
  CHECK(linear_code_union_coherence(1024, 256, 0.01) < rademacher_union_coherence(1024, 256, 0.01));
  CHECK_THROWS_AS(rademacher_union_coherence(2, 8, 0), std::domain_error);
  CHECK_THROWS_AS(linear_code_union_coherence(2, 0, 0.1), std::domain_error);
}

TEST_CASE("sufficient dimensions: the worked example, and they suffice", "[theory][coherence]") {
  CHECK(all_pairs_dimension(1024, 0.5, 0.01) == 148);
  CHECK(row_wise_dimension(1024, 0.5, 0.01) == 93);
  CHECK(linear_code_dimension(1024, 0.5, 0.01) == 98);
  CHECK(linear_code_dimension(1000, 0.5, 0.01) == 98);
  for (const std::int64_t tokens : {2, 100, 4096, 1'000'000}) {
    for (const double mu : {0.1, 0.3, 0.5, 0.8}) {
      INFO("N = " << tokens << ", mu = " << mu);
      const std::int64_t d = all_pairs_dimension(tokens, mu, 0.01);
      CHECK(sphere_union_coherence(tokens, d, 0.01) < mu);
      CHECK(rademacher_union_coherence(tokens, d, 0.01) <= mu);
      CHECK(linear_code_union_coherence(tokens, linear_code_dimension(tokens, mu, 0.01), 0.01) <= mu);
      CHECK(static_cast<double>(tokens - 1) * sphere_tail(row_wise_dimension(tokens, mu, 0.01), mu) <= 0.01);
    }
  }
  CHECK_THROWS_AS(all_pairs_dimension(10, 0, 0.01), std::domain_error);
  CHECK_THROWS_AS(row_wise_dimension(10, 1, 0.01), std::domain_error);
  CHECK_THROWS_AS(linear_code_dimension(10, 0.5, 1), std::domain_error);
}

TEST_CASE("Welch bounds: attained, respected, and by order", "[theory][coherence]") {
  // Simplex of d + 1 points, |products| 1/d: equality. Six diagonals of the icosahedron, 1/sqrt 5: equality.
  for (const std::int64_t d : {2, 3, 10})
    CHECK(welch_bound(d + 1, d) == Approx(1 / static_cast<double>(d)).epsilon(1e-14));
  CHECK(welch_bound(6, 3) == Approx(1 / std::sqrt(5.0)).epsilon(1e-14));
  // Second order: n diagonals of a regular 2n-gon, n >= 3, average <k_i, k_j>^4 (i = j included) to 3/8 > 1/C(3, 2);
  // any set of equal products would attain it. In d = 1 every order is attained: all products are +-1.
  CHECK(welch_bound(7, 1, 3) == Approx(1).epsilon(1e-14));
  // Kerdock, d = 16, N = 144: mu = 1/4 respects every order.
  CHECK(welch_bound(144, 16) == Approx(std::sqrt(128 / (16 * 143.0))).epsilon(1e-14));
  CHECK(welch_bound(144, 16, 2) == Approx(std::pow((144 / 136.0 - 1) / 143, 0.25)).epsilon(1e-12));
  for (int order = 1; order <= 4; ++order) CHECK(welch_bound(144, 16, order) < 0.25);
  CHECK(welch_bound(1'000'000, 16, 2) > welch_bound(1'000'000, 16, 1));
  CHECK(welch_bound(16, 16) == 0);
  CHECK(welch_bound(5, 16) == 0);
  CHECK(welch_bound(1, 1) == 0);
  CHECK_THROWS_AS(welch_bound(4, 4, 0), std::domain_error);
}
