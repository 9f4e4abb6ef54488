#include "theory/entropy.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "../support/catch.hpp"

using namespace kvfrontier::theory;

TEST_CASE("binary entropy takes its known values", "[theory][entropy]") {
  CHECK(binary_entropy(0) == 0);
  CHECK(binary_entropy(1) == 0);
  CHECK(binary_entropy(0.5) == 1);
  CHECK(binary_entropy(0.25) == Approx(2 - 0.75 * std::log2(3)).epsilon(1e-15));
  CHECK(binary_entropy(0.11002786443835955) == Approx(0.5).epsilon(1e-15));
  CHECK(binary_entropy(1e-300) == Approx(1e-300 * (300 * std::log2(10) + 1 / std::log(2))).epsilon(1e-12));
  for (const double p : {-1e-9, 1 + 1e-9, std::nan("")}) {
    CHECK_THROWS_AS(binary_entropy(p), std::domain_error);
    CHECK_THROWS_AS(binary_capacity(p), std::domain_error);
    CHECK_THROWS_AS(inverse_binary_entropy(p), std::domain_error);
  }
}

TEST_CASE("binary capacity is one minus entropy, also near one half", "[theory][entropy]") {
  for (double p = 0; p <= 1; p += 1.0 / 64) CHECK(binary_capacity(p) == Approx(1 - binary_entropy(p)).margin(4e-16));
  for (const double a : {1e-3, 1e-6, 1e-12}) {  // a^2/(2 ln 2) (1 + a^2/6 + ...)
    const double bias = 1 - 2 * (0.5 - a / 2);  // what is left of a after rounding p
    CHECK(binary_capacity(0.5 - a / 2) ==
          Approx(bias * bias / (2 * std::log(2)) * (1 + bias * bias / 6)).epsilon(1e-11));
  }
}

TEST_CASE("the inverse entropy inverts", "[theory][entropy]") {
  CHECK(inverse_binary_entropy(0) == 0);
  CHECK(inverse_binary_entropy(1) == 0.5);
  for (int i = 1; i < 256; ++i) {
    const double p = inverse_binary_entropy(i / 256.0);
    CHECK(p < 0.5);
    CHECK(binary_entropy(p) == Approx(i / 256.0).epsilon(1e-14));
  }
  // Where the entropy is flat, the complement tells more: 1 - H2(p) = 2^-40.
  CHECK(binary_capacity(inverse_binary_entropy(1 - std::ldexp(1.0, -40))) ==
        Approx(std::ldexp(1.0, -40)).epsilon(1e-9));
  CHECK(binary_entropy(inverse_binary_entropy(1e-200)) == Approx(1e-200).epsilon(1e-12));
}
