#include "theory/dimension.hpp"

#include <cmath>
#include <random>
#include <vector>

#include "../support/catch.hpp"
#include "theory/scaling.hpp"

using namespace kvfrontier::theory;

namespace {

const double pi = std::acos(-1.0);

// sup_t [1 - x I(t) + c t] on a grid, only where 1 - x I(t) >= 0.
template <class Rate>
double constrained_supremum(double x, double c, Rate rate) {
  double best = -1e300;
  for (double t = 0; t < 1; t += 1e-5) {
    const double keys = 1 - x * rate(t);
    if (keys >= 0) best = std::max(best, keys + c * t);
  }
  return best;
}

}  // namespace

TEST_CASE("dimension thresholds are where the constrained supremum crosses c", "[dimension]") {
  const auto sphere = [](double t) { return -std::log(1 - t * t) / 2; };
  const auto signs = [](double t) { return ((1 + t) * std::log(1 + t) + (1 - t) * std::log(1 - t)) / 2; };
  for (const double c : {1.2, 1.5, 2.0, 3.0, 4.0}) {
    CAPTURE(c);
    const double a = sphere_dimension_threshold(c), b = rademacher_dimension_threshold(c);
    CHECK(constrained_supremum(a * 1.002, c, sphere) < c);
    CHECK(constrained_supremum(a * 0.998, c, sphere) > c);
    CHECK(constrained_supremum(b * 1.002, c, signs) < c);
    CHECK(constrained_supremum(b * 0.998, c, signs) > c);
    // The closed form of the Rademacher condition.
    CHECK(1 - c + b * std::log(std::cosh(c / b)) == Approx(0).margin(1e-12));
  }
  CHECK(sphere_dimension_threshold(2) == Approx(1.2104).margin(1e-4));
  CHECK(rademacher_dimension_threshold(2) == Approx(1.641).margin(1e-3));
  CHECK_THROWS_AS(sphere_dimension_threshold(1), std::domain_error);
}

TEST_CASE("decodable shares are those of simulated sums", "[dimension]") {
  std::mt19937_64 engine(9);
  std::normal_distribution<double> normal;
  const int tokens = 64, trials = 20000;
  const double tau = 2 * std::log(64.0);
  for (const int d : {4, 6}) {
    int sphere = 0, signs = 0;
    for (int trial = 0; trial < trials; ++trial) {
      double leak = 0, sign_leak = 0;
      for (int j = 1; j < tokens; ++j) {
        double first = 0, norm = 0;
        for (int l = 0; l < d; ++l) {
          const double x = normal(engine);
          norm += x * x;
          if (l == 0) first = x;
        }
        leak += std::exp(-tau * (1 - first / std::sqrt(norm)));
        const int differing = __builtin_popcountll(engine() & ((1u << d) - 1));
        sign_leak += std::exp(-2 * tau * differing / d);
      }
      sphere += leak < 1;
      signs += sign_leak < 1;
    }
    CAPTURE(d);
    // Six standard errors.
    const double margin = 6 * 0.5 / std::sqrt(trials);
    CHECK(decodable_share_sphere(tokens, d, tau) == Approx(sphere / double(trials)).margin(margin));
    CHECK(decodable_share_rademacher(tokens, d, tau) == Approx(signs / double(trials)).margin(margin));
  }
}

TEST_CASE("the scaling that a row needs makes its leak equal the threshold", "[scaling]") {
  std::mt19937_64 engine(4);
  std::uniform_real_distribution<double> uniform(0.001, 2);
  for (const std::size_t others : {std::size_t{2}, std::size_t{10}, std::size_t{1000}}) {
    for (const double eta : {0.0, 0.3, 0.9}) {
      std::vector<double> margins(others);
      for (double& margin : margins) margin = uniform(engine);
      const double tau = *tau_required(margins, eta);
      double leak = 0;
      for (const double margin : margins) leak += std::exp(-tau * margin);
      CHECK(leak == Approx((1 - eta) / (1 + eta)).epsilon(1e-10));
    }
  }
  // Equal margins: L/margin.
  CHECK(*tau_required(std::vector<double>(99, 0.5), 0.5) == Approx(2 * std::log(99 * 3.0)));
  CHECK(*tau_required(std::vector<double>{0.3}, 0) == 0);
  CHECK(*tau_required(std::vector<double>{}, 0.3) == 0);
  CHECK_FALSE(tau_required(std::vector<double>{0.3, 0.0}, 0.3).has_value());
  CHECK_FALSE(tau_required(std::vector<double>{0.3, -0.1}, 0.3).has_value());
}

TEST_CASE("circle scaling is what equally spaced directions need", "[dimension]") {
  for (const double eta : {0.0, 0.3, 0.9}) {
    const int tokens = 2000;
    std::vector<double> margins;
    for (int j = 1; j < tokens; ++j) margins.push_back(1 - std::cos(2 * pi * j / tokens));
    CHECK(circle_scaling(tokens, eta) == Approx(*tau_required(margins, eta)).epsilon(1e-4));
  }
  // Its small-a limit N^2 (1+eta)^2/(8 pi) is within .3 % at eta = 0 and a quarter low at eta = .9.
  CHECK(circle_scaling(1000, 0) == Approx(1e6 / (8 * pi)).epsilon(0.003));
  CHECK(circle_scaling(1000, 0.9) > 1.2 * 1e6 * 1.9 * 1.9 / (8 * pi));
}

TEST_CASE("spread scaling has its closed forms", "[dimension]") {
  // d = 3: M_3(tau) = sinh(tau)/tau, so N/(2 tau) = 2/(1+eta) up to e^{-2 tau}.
  for (const double eta : {0.0, 0.5}) CHECK(spread_scaling(1000, 3, eta) == Approx(250 * (1 + eta)).epsilon(1e-9));
  // 2 pi [N (1+eta) Gamma(d/2)/(4 pi^(d/2))]^(2/(d-1)), tau >> d^2/8.
  for (const int d : {2, 4, 5}) {
    // At d = 2 the scaling grows like N^2, and the series behind it takes about sqrt(tau) terms.
    const std::int64_t tokens = d == 2 ? 10'000 : 1'000'000'000;
    const double law =
        2 * pi *
        std::pow(static_cast<double>(tokens) * std::tgamma(d / 2.0) / (4 * std::pow(pi, d / 2.0)), 2.0 / (d - 1));
    CHECK(spread_scaling(tokens, d, 0) == Approx(law).epsilon(2e-3));
  }
}

TEST_CASE("caps", "[dimension]") {
  CHECK(cap_share(2, 2 * std::sin(0.3 / 2)) == Approx(0.3 / pi));  // arcs
  CHECK(cap_share(3, 0.7) == Approx(0.49 / 4));                    // Archimedes: pi r^2 of 4 pi
  CHECK(cap_share(5, std::sqrt(2.0)) == Approx(0.5));
  CHECK(cap_share(4, 2) == 1);
  CHECK(cap_share(4, 0) == 0);
}
