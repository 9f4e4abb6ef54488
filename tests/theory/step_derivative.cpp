#include "theory/step_derivative.hpp"

#include <cmath>
#include <functional>

#include "../support/catch.hpp"

using namespace kvfrontier;
using theory::Activation;

namespace {

// Midpoint rule on 4 million cells.
double midpoint(const std::function<double(double)>& f, double reach) {
  constexpr int cells = 4'000'000;
  const double width = 2 * reach / cells;
  double sum = 0;
  for (int i = 0; i < cells; ++i) sum += f(-reach + (i + 0.5) * width);
  return sum * width;
}

}  // namespace

TEST_CASE("published two-bit steps agree with the activations at both infinities", "[step_derivative]") {
  for (const Activation which : {Activation::gelu, Activation::silu}) {
    const auto step = theory::two_bit_step(which);
    double sum = 0, moment = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      sum += step.a[i];
      moment += step.a[i] * step.c[i];
    }
    CHECK(std::abs(sum - 1) < 1e-15);
    CHECK(std::abs(moment) < 1e-15);
    CHECK(step.slope(-100) == 0);
    CHECK(step.slope(100) == Approx(1).epsilon(1e-15));
    CHECK(std::abs(step.value(100) - 100) < 1e-12);
  }
  CHECK(theory::two_bit_step(Activation::gelu).slope(-1) == Approx(-0.0492226).margin(1e-7));
  CHECK(theory::two_bit_step(Activation::gelu).slope(1) == Approx(1.0487406).margin(1e-7));
  CHECK(theory::two_bit_step(Activation::silu).slope(-1) == Approx(-0.0406036).margin(1e-7));
  CHECK(theory::two_bit_step(Activation::silu).slope(1) == Approx(1.0403219).margin(1e-7));
}

TEST_CASE("slopes are derivatives", "[step_derivative]") {
  for (const Activation which : {Activation::gelu, Activation::silu}) {
    for (double x = -7; x <= 7; x += 0.37) {
      const double h = 1e-5;
      const double difference = (theory::activation(which, x + h) - theory::activation(which, x - h)) / (2 * h);
      CHECK(theory::activation_slope(which, x) == Approx(difference).margin(1e-9));
    }
  }
}

TEST_CASE("distances of activations and steps, by quadrature done twice and by known digits", "[step_derivative]") {
  const struct {
    Activation which;
    double distance, relu_distance, error, relu_error, relative;
  } known[] = {{Activation::gelu, 0.0095093, 0.0617651, 0.0579920, 0.0466959, 0.3567},
               {Activation::silu, 0.0399438, 0.3163026, 0.0842041, 0.0673625, 0.4711}};
  for (const auto& row : known) {
    const auto step = theory::two_bit_step(row.which), relu = theory::relu_step();
    CHECK(theory::primitive_distance(row.which, step) == Approx(row.distance).margin(1e-7));
    CHECK(theory::primitive_distance(row.which, relu) == Approx(row.relu_distance).margin(1e-7));
    CHECK(theory::slope_error(row.which, step) == Approx(row.error).margin(1e-7));
    CHECK(theory::slope_error(row.which, relu) == Approx(row.relu_error).margin(1e-7));
    CHECK(std::sqrt(theory::slope_error(row.which, step) / theory::slope_power(row.which)) ==
          Approx(row.relative).margin(1e-4));
    const auto square = [&](double x) { return std::pow(theory::activation(row.which, x) - step.value(x), 2); };
    CHECK(theory::primitive_distance(row.which, step) == Approx(midpoint(square, 60)).margin(1e-8));
    const auto weighted = [&](double x) {
      return std::pow(theory::activation_slope(row.which, x) - step.slope(x), 2) * std::exp(-x * x / 2) /
             std::sqrt(2 * M_PI);
    };
    CHECK(theory::slope_error(row.which, step) == Approx(midpoint(weighted, 20)).margin(1e-6));
  }
}

TEST_CASE("the published constants are a minimum of the distance they are said to minimise", "[step_derivative]") {
  for (const Activation which : {Activation::gelu, Activation::silu}) {
    const auto step = theory::two_bit_step(which);
    const double least = theory::primitive_distance(which, step);
    // One free slope and two free corners: the others follow from the two sums.
    for (const int moved : {0, 1, 2}) {
      for (const double by : {-0.02, 0.02}) {
        auto other = step;
        if (moved == 0) other.a[0] += by;
        if (moved > 0) other.c[static_cast<std::size_t>(moved - 1)] += by;
        other.a[1] = 1 - other.a[0] - other.a[2];
        other.c[2] = -(other.a[0] * other.c[0] + other.a[1] * other.c[1]) / other.a[2];
        CHECK(theory::primitive_distance(which, other) > least);
      }
    }
  }
}
