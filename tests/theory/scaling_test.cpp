#include "theory/scaling.hpp"

#include <cmath>
#include <stdexcept>

#include "../support/catch.hpp"
#include "theory/leak.hpp"

using namespace kvfrontier::theory;

TEST_CASE("at tau star the worst leak equals the threshold", "[theory][scaling]") {
  for (const double eta : {0.0, 0.3, 0.9}) {
    for (const double mu : {-0.1, 0.0, 0.5, 0.99}) {
      for (const std::int64_t tokens : {2, 341, 1'000'000}) {
        const double tau = tau_star(tokens, mu, eta);
        const double worst = static_cast<double>(tokens - 1) * std::exp(-tau * (1 - mu));
        CHECK(worst == Approx(leak_threshold(eta)).epsilon(1e-12));
      }
    }
  }
  CHECK(required_logit(1024, 0) == Approx(std::log(1023)).epsilon(1e-15));
  CHECK(required_logit(1024, 0.5) == Approx(std::log(1023) + 2 * std::atanh(0.5)).epsilon(1e-14));
  CHECK(required_logit(1, 0.5) == -INFINITY);
  CHECK(tau_star(1, 0.5, 0.3) == 0);
  CHECK(tau_star(1, 1, 0.3) == 0);
  CHECK(tau_star(2, 0, 0) == 0);
  CHECK_THROWS_AS(tau_star(2, 1, 0), std::domain_error);
  CHECK_THROWS_AS(tau_star(2, std::nan(""), 0), std::domain_error);
  CHECK_THROWS_AS(tau_star(2, 0, 1), std::domain_error);
  CHECK_THROWS_AS(tau_star(0, 0, 0), std::domain_error);
}

TEST_CASE("the decision threshold separates zeros from ones up to the allowed leak, and no further",
          "[theory][scaling]") {
  for (const double eta : {0.0, 0.2, 0.5, 0.95}) {
    const double threshold = error_threshold(eta);
    for (const double scale : {1 - 1e-9, 1 + 1e-9}) {
      const double leak = scale * leak_threshold(eta), lambda = leak / (1 + leak);
      const bool separates = (1 + eta) * lambda < threshold && (1 - eta) * (1 - lambda) > threshold;
      CHECK(separates == (scale < 1));
    }
  }
  CHECK(error_threshold(0) == 0.5);
  CHECK(error_threshold(0.5) == 0.375);
  CHECK_THROWS_AS(error_threshold(1), std::domain_error);
}

TEST_CASE("the simplex attains the necessary scaling", "[theory][scaling]") {
  for (const std::int64_t tokens : {2, 3, 100}) {
    const double mu = -1 / static_cast<double>(tokens - 1);
    CHECK(tau_necessary(tokens, 0.4) == Approx(tau_star(tokens, mu, 0.4)).epsilon(1e-14));
  }
  CHECK(tau_necessary(1, 0.4) == 0);
}

TEST_CASE("typical scalings agree with the leak law they solve", "[theory][scaling]") {
  for (const double eta : {0.0, 0.5}) {
    for (const std::int64_t d : {24, 64, 512}) {
      INFO("d = " << d << ", eta = " << eta);
      const auto rademacher = tau_typical([&](double tau) { return mean_leak_rademacher(1024, d, tau); }, eta, 500);
      const auto sphere = tau_typical([&](double tau) { return mean_leak_sphere(1024, d, tau); }, eta, 500);
      const auto gaussian =
          tau_typical([&](double tau) { return 1023 * std::exp(-tau + tau * tau / (2 * static_cast<double>(d))); }, eta,
                      static_cast<double>(d));  // decreasing up to tau = d only
      REQUIRE(rademacher);
      REQUIRE(sphere);
      REQUIRE(gaussian);
      CHECK(*rademacher == Approx(tau_typical_rademacher(1024, d, eta)).epsilon(1e-11));
      CHECK(*gaussian == Approx(tau_typical_gaussian(1024, d, eta)).epsilon(1e-7));
      CHECK(mean_leak_sphere(1024, d, *sphere) == Approx(leak_threshold(eta)).epsilon(1e-12));
      // Both moment generating functions lie below the Gaussian one.
      CHECK(*sphere < tau_typical_gaussian(1024, d, eta));
      CHECK(*rademacher < tau_typical_gaussian(1024, d, eta));
    }
  }
  CHECK(tau_typical_gaussian(1024, 64, 0) == Approx(7.35).margin(0.005));
}

TEST_CASE("typical scalings know their range", "[theory][scaling]") {
  const auto sphere = [](double tau) { return mean_leak_sphere(1024, 4, tau); };
  const auto needed = tau_typical(sphere, 0, 1e6);
  REQUIRE(needed);
  CHECK(tau_typical(sphere, 0, *needed) == needed);
  CHECK(tau_typical(sphere, 0, *needed * (1 - 1e-9)) == std::nullopt);
  // Rademacher keys of d = 9 repeat too often: N/2^d > 1. At d = 10, L = ln 1023 < 10 ln 2 by a hair.
  CHECK(tau_typical([](double tau) { return mean_leak_rademacher(1024, 9, tau); }, 0, 1e6) == std::nullopt);
  CHECK_THROWS_AS(tau_typical_rademacher(1024, 9, 0), std::domain_error);
  CHECK(mean_leak_rademacher(1024, 10, tau_typical_rademacher(1024, 10, 0)) == Approx(1).epsilon(1e-12));
  CHECK_THROWS_AS(tau_typical_gaussian(1024, 13, 0), std::domain_error);
  CHECK_NOTHROW(tau_typical_gaussian(1024, 14, 0));
  CHECK(tau_typical([](double tau) { return mean_leak_sphere(1, 8, tau); }, 0.3, 500) == 0.0);
  CHECK(tau_typical_rademacher(1, 1, 0.3) == 0);
  CHECK(tau_typical_gaussian(1, 1, 0.3) == 0);
  CHECK_THROWS_AS(tau_typical(sphere, 0, -1), std::domain_error);
}
