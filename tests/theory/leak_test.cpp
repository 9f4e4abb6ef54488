#include "theory/leak.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include "../support/catch.hpp"

using namespace kvfrontier::theory;

namespace {

// E exp(-tau (1 - <u, w>)) on the sphere: the product is cos(angle) with density ~ sin^(d-2); Simpson's rule.
double sphere_average(int d, double tau) {
  const int intervals = 20000;
  double weighted = 0, total = 0;
  for (int i = 0; i <= intervals; ++i) {
    const double angle = std::numbers::pi * i / intervals;
    const double weight = (i == 0 || i == intervals ? 1 : i % 2 ? 4 : 2) * std::pow(std::sin(angle), d - 2);
    total += weight;
    weighted += weight * std::exp(-tau * (1 - std::cos(angle)));
  }
  return weighted / total;
}

// The same for Rademacher vectors: a sum over the number of agreements.
double rademacher_average(int d, double tau) {
  double sum = 0, share = std::pow(0.5, d);
  for (int a = 0; a <= d; ++a) {
    sum += share * std::exp(-tau * (1 - (2.0 * a - d) / d));
    share = share * (d - a) / (a + 1);
  }
  return sum;
}

}  // namespace

TEST_CASE("mean leaks are the averages they claim to be", "[theory][leak]") {
  for (const double tau : {0.0, 0.01, 0.5, 3.0, 20.0, 150.0}) {
    for (const int d : {2, 3, 4, 5, 17, 64, 301}) {
      INFO("d = " << d << ", tau = " << tau);
      CHECK(mean_leak_sphere(101, d, tau) == Approx(100 * sphere_average(d, tau)).epsilon(1e-9));
    }
    for (const int d : {1, 2, 3, 16, 200}) {
      INFO("d = " << d << ", tau = " << tau);
      CHECK(mean_leak_rademacher(101, d, tau) == Approx(100 * rademacher_average(d, tau)).epsilon(1e-11));
    }
  }
}

TEST_CASE("in one dimension sphere and Rademacher keys are signs", "[theory][leak]") {
  for (const double tau : {0.0, 1e-4, 0.3, 2.0, 40.0, 1e4}) {
    CHECK(mean_leak_sphere(3, 1, tau) == Approx(1 + std::exp(-2 * tau)).epsilon(1e-12));
    CHECK(mean_leak_rademacher(3, 1, tau) == Approx(1 + std::exp(-2 * tau)).epsilon(1e-12));
  }
}

TEST_CASE("moment generating functions in closed form and at the extremes", "[theory][leak]") {
  for (const double tau : {1e-3, 1.0, 30.0, 600.0}) {  // d = 3: sinh(tau)/tau
    CHECK(log_sphere_mgf(3, tau) ==
          Approx(tau + std::log(-std::expm1(-2 * tau) / (2 * tau))).epsilon(1e-12).margin(1e-15));
  }
  CHECK(log_sphere_mgf(3, 1e4) == Approx(1e4 - std::log(2e4)).epsilon(1e-14));
  CHECK(log_sphere_mgf(3, 1e8) == Approx(1e8 - std::log(2e8)).epsilon(1e-14));
  // Large argument of I_0 (d = 2): e^tau / sqrt(2 pi tau) (1 + 1/(8 tau) + 9/(128 tau^2) + ...).
  CHECK(log_sphere_mgf(2, 1e4) ==
        Approx(1e4 - std::log(2e4 * std::numbers::pi) / 2 + std::log1p(1 / 8e4)).epsilon(1e-13));
  for (const std::int64_t d : {1, 2, 3, 8, 100, 1'000'000}) {
    CHECK(log_sphere_mgf(d, 0) == 0);
    CHECK(log_rademacher_mgf(d, 0) == 0);
    for (const double tau : {1e-6, 0.1, 5.0, 500.0, 1e4}) {
      INFO("d = " << d << ", tau = " << tau);
      const double gaussian = tau * tau / (2 * static_cast<double>(d));
      // Below the Gaussian (series by series) and below the largest logit; the rounding of values of size tau aside.
      CHECK(log_sphere_mgf(d, tau) <= gaussian * (1 + 1e-12));
      CHECK(log_rademacher_mgf(d, tau) <= gaussian * (1 + 1e-12));
      CHECK(log_sphere_mgf(d, tau) < tau);
      CHECK(log_rademacher_mgf(d, tau) < tau);
      CHECK(log_sphere_mgf(d, tau) > 0);
    }
    // Second moment 1/d.
    CHECK(log_sphere_mgf(d, 1e-5) == Approx(5e-11 / static_cast<double>(d)).epsilon(1e-9));
    CHECK(log_rademacher_mgf(d, 1e-5) == Approx(5e-11 / static_cast<double>(d)).epsilon(1e-9));
  }
  CHECK(log_rademacher_mgf(4, 12) == Approx(4 * std::log(std::cosh(3.0))).epsilon(1e-14));
}

TEST_CASE("leaks fall with tau and vanish for one token", "[theory][leak]") {
  for (const std::int64_t d : {2, 16, 4096}) {
    CHECK(mean_leak_sphere(1, d, 3) == 0);
    CHECK(mean_leak_rademacher(1, d, 3) == 0);
    CHECK(mean_leak_sphere(1024, d, 0) == Approx(1023).epsilon(1e-14));
    for (double tau = 0.25; tau <= 256; tau *= 2) {  // e^-512 is still a double
      CHECK(mean_leak_sphere(1024, d, 2 * tau) < mean_leak_sphere(1024, d, tau));
      if (tau <= 4 * static_cast<double>(d)) {  // it levels off at (N-1)/2^d
        CHECK(mean_leak_rademacher(1024, d, 2 * tau) < mean_leak_rademacher(1024, d, tau));
      }
    }
  }
  CHECK(leak_threshold(0) == 1);
  CHECK(leak_threshold(0.5) == Approx(1 / 3.0).epsilon(1e-15));
  CHECK_THROWS_AS(leak_threshold(1), std::domain_error);
  CHECK_THROWS_AS(leak_threshold(-0.1), std::domain_error);
  CHECK_THROWS_AS(mean_leak_sphere(0, 4, 1), std::domain_error);
  CHECK_THROWS_AS(mean_leak_sphere(4, 0, 1), std::domain_error);
  CHECK_THROWS_AS(mean_leak_rademacher(4, 4, -1), std::domain_error);
  CHECK_THROWS_AS(mean_leak_rademacher(4, 4, std::nan("")), std::domain_error);
  CHECK_THROWS_AS(log_sphere_mgf(4, INFINITY), std::domain_error);
}
