// Laws of estimators against enumeration and integration.

#include "theory/estimators.hpp"

#include <bit>
#include <cmath>
#include <numbers>

#include "../support/catch.hpp"

namespace kvfrontier::theory {
namespace {

double normal_density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}

}  // namespace

TEST_CASE("the Gaussian tail is the integral of its density") {
  for (const double x : {-1.5, 0.0, 0.7, 2.0, 4.0}) {
    double sum = 0;
    constexpr int steps = 200000;
    const double width = (12 - x) / steps;
    for (int i = 0; i < steps; ++i) sum += normal_density(x + (i + 0.5) * width) * width;
    CHECK(gaussian_tail(x) == Approx(sum).epsilon(1e-7));
  }
}

TEST_CASE("one row of QJL has the mean and the variance of the formula, by integration over the plane of q and k") {
  const double k = 1.5, q = 2;
  for (const double cosine : {-0.6, 0.0, 0.3, 1.0}) {
    double mean = 0, square = 0;
    constexpr int steps = 1200;
    const double width = 16.0 / steps;
    for (int i = 0; i < steps; ++i) {
      for (int j = 0; j < steps; ++j) {
        const double along = -8 + (i + 0.5) * width, across = -8 + (j + 0.5) * width;
        const double projected = q * (cosine * along + std::sqrt(1 - cosine * cosine) * across);
        const double term = std::sqrt(std::numbers::pi / 2) * k * (along > 0 ? projected : -projected);
        const double weight = normal_density(along) * normal_density(across) * width * width;
        mean += weight * term;
        square += weight * term * term;
      }
    }
    const double product = q * k * cosine;
    CHECK(mean == Approx(product).epsilon(1e-4).margin(1e-9));
    CHECK(square - mean * mean == Approx(qjl_variance(1, q * q, k * k, product)).epsilon(1e-4));
    CHECK(qjl_variance(8, q * q, k * k, product) == Approx(qjl_variance(1, q * q, k * k, product) / 8));
  }
}

TEST_CASE("the QJL length makes the sub-Gaussian bound meet delta") {
  for (const double eps : {0.05, 0.25}) {
    for (const double delta : {0.01, 0.2}) {
      const double m = qjl_length(eps, delta);
      CHECK(2 * std::exp(-m * eps * eps / (2 * std::numbers::pi / 2)) == Approx(delta));
    }
  }
}

TEST_CASE("the two-stage distortion averages the QJL variance over the directions of y") {
  // E <y,r>^2 over the d axes as y stands for its mean over the sphere.
  const double r[3] = {0.2, -0.5, 0.1};
  double squared = 0, mean = 0;
  for (const double x : r) squared += x * x;
  for (const double x : r) mean += qjl_variance(3, 1, squared, x) / 3;
  CHECK(residual_qjl_distortion(3, squared) == Approx(mean));
}

TEST_CASE("chasing is the share of kept sets that hold the whole chain") {
  constexpr int n = 7;
  for (int s = 0; s <= n; ++s) {
    for (int hops = 0; hops <= 5; ++hops) {
      int good = 0, all = 0;
      for (unsigned set = 0; set < 1u << n; ++set) {
        if (std::popcount(set) != s) continue;
        ++all;
        good += (set & ((1u << hops) - 1)) == (1u << hops) - 1;
      }
      CHECK(oblivious_chase(n, s, hops) == Approx(static_cast<double>(good) / all).margin(1e-15));
    }
  }
}

TEST_CASE("the linear state errs as its signal-to-noise ratio says") {
  CHECK(linear_state_error(65, 64, true) == Approx(gaussian_tail(1)));
  CHECK(linear_state_error(33, 64, false) == Approx(gaussian_tail(1)));
  CHECK(sign_state_error(65, 64) == Approx(gaussian_tail(std::sqrt(2 / std::numbers::pi))));
  CHECK(sign_state_error(65, 64) > linear_state_error(65, 64, true));
}

// All 4^s ordered samples of four rows with their probabilities.
TEST_CASE("sampling values by squared length has the variance of the formula, by enumeration") {
  const double values[4][2] = {{1, 0}, {0.5, -2}, {3, 1}, {-1, 1}}, weights[4] = {0.3, 2, 1, 0.7};
  double mass = 0, weights_square = 0, sum[2] = {0, 0};
  for (int j = 0; j < 4; ++j) {
    mass += values[j][0] * values[j][0] + values[j][1] * values[j][1];
    weights_square += weights[j] * weights[j];
    for (int c = 0; c < 2; ++c) sum[c] += weights[j] * values[j][c];
  }
  const double sum_square = sum[0] * sum[0] + sum[1] * sum[1];
  for (const int samples : {1, 2, 4}) {
    double variance = 0, mean = 0;
    const int outcomes = 1 << 2 * samples;
    for (int outcome = 0; outcome < outcomes; ++outcome) {
      double probability = 1, estimate[2] = {0, 0};
      for (int k = 0; k < samples; ++k) {
        const int j = outcome >> 2 * k & 3;
        const double square = values[j][0] * values[j][0] + values[j][1] * values[j][1];
        probability *= square / mass;
        for (int c = 0; c < 2; ++c) estimate[c] += mass / samples * weights[j] * values[j][c] / square;
      }
      mean += probability * estimate[0];
      for (int c = 0; c < 2; ++c) variance += probability * (estimate[c] - sum[c]) * (estimate[c] - sum[c]);
    }
    CHECK(mean == Approx(sum[0]));
    CHECK(value_sampling_variance(samples, mass, weights_square, sum_square) == Approx(variance / sum_square));
  }
}

}  // namespace kvfrontier::theory
