// Values on a grid: thresholds and steps against the ranges they are made for.

#include <cmath>

#include "../support/catch.hpp"
#include "theory/leak.hpp"
#include "theory/scaling.hpp"

using namespace kvfrontier;

namespace {

// Are the ranges of all levels' answers disjoint at leak S, and on the right side of the thresholds?
bool decodes(double leak, double eta, int bits, double step) {
  const double lambda = leak / (1 + leak), top = std::exp2(bits) - 1;
  for (int level = 0; level <= static_cast<int>(top); ++level) {
    const double lo = (1 - eta) * (1 - lambda) * level / top, hi = (1 + eta) * ((1 - lambda) * level / top + lambda);
    if (level > 0 && !(lo > level * step)) return false;
    if (level < static_cast<int>(top) && hi > (level + 1) * step) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("grid_leak_threshold: one bit is the theorem's") {
  for (const double eta : {0.0, 0.3, 0.9}) {
    CHECK(theory::grid_leak_threshold(eta, 1) == theory::leak_threshold(eta));
    CHECK(theory::grid_step(eta, 1) == theory::error_threshold(eta));
  }
}

TEST_CASE("grid_step: every level is read right below the threshold, and some level by no reading above it") {
  for (int bits = 1; bits <= 6; ++bits) {
    const double top = std::exp2(bits) - 1;
    for (const double share : {0.0, 0.2, 0.7, 0.99}) {
      const double eta = share / (2 * top - 1);
      const double threshold = theory::grid_leak_threshold(eta, bits), step = theory::grid_step(eta, bits);
      CAPTURE(bits, eta);
      REQUIRE(threshold > 0);
      for (const double below : {1e-6, 0.5, 0.999999}) CHECK(decodes(below * threshold, eta, bits, step));
      // Above it the two highest levels overlap.
      const double leak = 1.000001 * threshold, lambda = leak / (1 + leak);
      CHECK((1 + eta) * ((1 - lambda) * (top - 1) / top + lambda) > (1 - eta) * (1 - lambda));
    }
    if (bits > 1) CHECK(theory::grid_leak_threshold(1 / (2 * top - 1), bits) <= 1e-15);
  }
}

TEST_CASE("decodable_bits: counted from the condition") {
  for (double leak = 1e-6; leak < 4; leak *= 1.07) {
    int bits = 0;
    while (leak < 1 / (std::exp2(bits + 1) - 1)) ++bits;
    CHECK(theory::decodable_bits(leak) == bits);
    CHECK(bits == std::max(0, static_cast<int>(std::ceil(std::log2(1 + 1 / leak))) - 1));
  }
  // At the threshold itself neighbours touch.
  CHECK(theory::decodable_bits(1.0 / 7) == 2);
  CHECK_THROWS_AS(theory::decodable_bits(0), std::domain_error);
}
