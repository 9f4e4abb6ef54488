#include "theory/lloyd_max.hpp"

#include <cmath>
#include <numbers>

#include "../support/catch.hpp"

using namespace kvfrontier;

namespace {

// Midpoint rule over [-10, 10], where nothing but 1e-22 of the mass is left out.
template <class Function>
double normal_mean(Function&& f) {
  constexpr int steps = 400'000;
  double sum = 0;
  for (int i = 0; i < steps; ++i) {
    const double x = -10 + 20 * (i + 0.5) / steps;
    sum += f(x) * std::exp(-x * x / 2);
  }
  return sum * 20 / steps / std::sqrt(2 * std::numbers::pi);
}

}  // namespace

TEST_CASE("lloyd_max: published constants") {
  const double published[] = {0.3634, 0.1175, 0.03454, 0.009501};
  for (int bits = 1; bits <= 4; ++bits) CHECK(theory::lloyd_max(bits).mse == Approx(published[bits - 1]).epsilon(5e-4));
  CHECK(theory::lloyd_max(1).mse == Approx(1 - 2 / std::numbers::pi).epsilon(1e-12));
  CHECK_THROWS_AS(theory::lloyd_max(0), std::domain_error);
  CHECK_THROWS_AS(theory::lloyd_max(9), std::domain_error);
}

TEST_CASE("lloyd_max: the stated error is that of quantise(), and no level can move to advantage") {
  for (int bits = 1; bits <= 5; ++bits) {
    auto quantiser = theory::lloyd_max(bits);
    const auto error = [&](const theory::ScalarQuantiser& q) {
      return normal_mean([&](double x) { return (x - q.quantise(x)) * (x - q.quantise(x)); });
    };
    const double best = error(quantiser);
    CHECK(best == Approx(quantiser.mse).epsilon(1e-6));
    for (const double shift : {-0.02, 0.02}) {
      auto moved = quantiser;
      moved.levels[0] += shift;
      CHECK(error(moved) > best);
    }
  }
}
