#include "theory/floor.hpp"

#include <algorithm>
#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "../support/catch.hpp"
#include "theory/entropy.hpp"

using namespace kvfrontier::theory;
using boost::multiprecision::cpp_int;
using boost::multiprecision::cpp_rational;

namespace {

// The least total distance from the strings of {0,1}^m to the nearest of 2^B answers, over all sets of answers.
int best_code_distance(int m, int bits) {
  const int points = 1 << m;
  const int answers = std::min(1 << bits, points);
  int best = points * m;
  for (std::uint32_t code = 0; code < (1ull << points); ++code) {
    if (std::popcount(code) != answers) continue;
    int total = 0;
    for (int x = 0; x < points; ++x) {
      int nearest = m;
      for (int c = 0; c < points; ++c) {
        if (code >> c & 1) nearest = std::min(nearest, std::popcount(static_cast<unsigned>(x ^ c)));
      }
      total += nearest;
    }
    best = std::min(best, total);
  }
  return best;
}

// Shell filling in exact arithmetic, as theory states it: fill 2^m inputs into shells of 2^B C(m, w) places.
cpp_rational exact_min_error(std::int64_t m, std::int64_t bits) {
  cpp_int left = cpp_int(1) << m, shell = cpp_int(1) << bits, distance = 0;
  for (std::int64_t w = 0; left > 0; ++w) {
    const cpp_int filled = std::min(left, shell);
    distance += filled * w;
    left -= filled;
    shell = shell * (m - w) / (w + 1);
  }
  return cpp_rational(distance, (cpp_int(1) << m) * m);
}

void check_against_exact(std::int64_t m, std::int64_t bits) {
  INFO("m = " << m << ", B = " << bits);
  const cpp_rational exact = exact_min_error(m, bits), found(min_error(m, bits));
  REQUIRE(found <= exact);
  REQUIRE(found >= exact * (1 - cpp_rational(1, 1000000000)));
}

}  // namespace

TEST_CASE("min_error equals brute force over all codes", "[theory][floor]") {
  for (int m = 1; m <= 4; ++m) {
    for (int bits = 0; bits <= 3; ++bits) {
      INFO("m = " << m << ", B = " << bits);
      const double best = static_cast<double>(best_code_distance(m, bits)) / (m * (1 << m));
      CHECK(min_error(m, bits) <= best);
      CHECK(min_error(m, bits) == Approx(best).epsilon(1e-14));
    }
  }
}

TEST_CASE("perfect codes attain min_error", "[theory][floor]") {
  CHECK(min_error(7, 4) == Approx(1 / 8.0).epsilon(1e-14));                        // Hamming
  CHECK(min_error(5, 1) == Approx((5 * 1 + 10 * 2) / (16 * 5.0)).epsilon(1e-14));  // repetition
  // Golay: distances 0..3 from a word are 1, 23, 253, 1771 of 2048.
  CHECK(min_error(23, 12) == Approx((23 + 2 * 253 + 3 * 1771) / (2048 * 23.0)).epsilon(1e-14));
  CHECK(min_bits(7, 1 / 8.0) == 4);
  CHECK(min_bits(7, 1 / 8.0 - 1e-9) == 5);
}

TEST_CASE("min_error is exact shell filling, rounded down", "[theory][floor]") {
  for (std::int64_t m = 1; m <= 64; ++m) {
    for (std::int64_t bits = 0; bits <= m + 1; ++bits) check_against_exact(m, bits);
  }
  for (const std::int64_t m : {200, 1001, 4096}) {
    for (const std::int64_t bits : {std::int64_t{1}, std::int64_t{2}, m / 10, m / 2, m - m / 10, m - 2, m - 1}) {
      check_against_exact(m, bits);
    }
  }
}

TEST_CASE("min_error at the ends", "[theory][floor]") {
  for (const std::int64_t m : {1, 2, 3, 1000, 10'000'000}) {
    CHECK(min_error(m, m) == 0);
    CHECK(min_error(m, m + 7) == 0);
    CHECK(min_error(m, 0) == 0.5);
    if (m > 1) CHECK(min_error(m, m - 1) == Approx(1 / (2.0 * static_cast<double>(m))).epsilon(1e-9));
    CHECK(min_bits(m, 0) == m);
    CHECK(min_bits(m, -1) == m);
    CHECK(min_bits(m, 1e-300) == m);
    CHECK(min_bits(m, 0.5) == 0);
    CHECK(min_bits(m, 1) == 0);
  }
  // One bit, m odd: the majority vote (repetition code), C(m-1, (m-1)/2) / 2^m better than guessing.
  CHECK(min_error(9, 1) == Approx(0.5 - 70 / 512.0).epsilon(1e-14));
  CHECK_THROWS_AS(min_error(0, 0), std::domain_error);
  CHECK_THROWS_AS(min_error(5, -1), std::domain_error);
  CHECK_THROWS_AS(min_error(max_floor_bits + 1, 3), std::domain_error);
  CHECK_THROWS_AS(min_bits(0, 0.1), std::domain_error);
  CHECK_THROWS_AS(min_bits(5, std::nan("")), std::domain_error);
}

TEST_CASE("min_error falls with every bit and is never weaker than the entropy floor", "[theory][floor]") {
  const auto check = [](std::int64_t m, std::int64_t bits) {
    INFO("m = " << m << ", B = " << bits);
    const double error = min_error(m, bits);
    REQUIRE(error > min_error(m, bits + 1));
    REQUIRE(entropy_floor_bits(static_cast<double>(m), error) <= static_cast<double>(bits));
  };
  for (const std::int64_t m : {1, 2, 3, 17, 256, 1000}) {
    for (std::int64_t bits = 0; bits < m; ++bits) check(m, bits);
  }
  for (std::int64_t bits = 0; bits < 1'000'000; bits += 76'923) check(1'000'000, bits);
}

TEST_CASE("min_bits turns where min_error does", "[theory][floor]") {
  for (const std::int64_t m : {1, 2, 7, 100, 4321, 1'000'000}) {
    for (const double error : {1e-6, 1e-3, 0.01, 0.1, 0.125, 0.3, 0.45, 0.4999}) {
      INFO("m = " << m << ", error = " << error);
      const std::int64_t bits = min_bits(m, error);
      CHECK(min_error(m, bits) <= error);
      CHECK((bits == 0 || min_error(m, bits - 1) > error));
      CHECK(static_cast<double>(bits) >= entropy_floor_bits(static_cast<double>(m), error));
    }
  }
}

TEST_CASE("at ten million bits shell filling is the entropy floor plus O(log m)", "[theory][floor]") {
  const std::int64_t m = 10'000'000;
  for (const double rate : {0.001, 0.1, 0.5, 0.9, 0.999}) {
    const auto bits = static_cast<std::int64_t>(rate * static_cast<double>(m));
    const double floor = entropy_floor_bits(static_cast<double>(m), min_error(m, bits));
    INFO("rate = " << rate);
    CHECK(floor <= static_cast<double>(bits));
    CHECK(floor >= static_cast<double>(bits) - 2 * std::log2(static_cast<double>(m)));
    CHECK(min_bits(m, min_error(m, bits)) == bits);
  }
}

TEST_CASE("entropy floors", "[theory][floor]") {
  CHECK(entropy_floor_bits(1000, 0) == 1000);
  CHECK(entropy_floor_bits(1000, -0.1) == 1000);
  CHECK(entropy_floor_bits(1000, 0.5) == 0);
  CHECK(entropy_floor_bits(1000, 0.7) == 0);
  CHECK(entropy_floor_bits(1000, 0.1) == Approx(1000 * (1 - binary_entropy(0.1))).epsilon(1e-14));
  CHECK_THROWS_AS(entropy_floor_bits(-1, 0.1), std::domain_error);
  CHECK_THROWS_AS(entropy_floor_bits(1, std::nan("")), std::domain_error);

  CHECK(mse_floor_error(0) == 0);
  CHECK(mse_floor_error(0.25) == 0.5);
  CHECK(mse_floor_error(3) == 0.5);
  for (const double p : {1e-12, 0.01, 0.2, 0.49}) CHECK(mse_floor_error(p * (1 - p)) == Approx(p).epsilon(1e-12));
  CHECK_THROWS_AS(mse_floor_error(-1e-9), std::domain_error);
  CHECK(entropy_floor_bits_mse(100, 0.09) == Approx(100 * (1 - binary_entropy(0.1))).epsilon(1e-13));
  // Why the MSE floor holds: H2 is concave in g = p(1-p), checked on the chords between neighbours of a grid.
  for (double g = 0.01; g < 0.245; g += 0.005) {
    const auto entropy = [](double mse) { return binary_entropy(mse_floor_error(mse)); };
    CHECK(entropy(g) > (entropy(g - 0.005) + entropy(g + 0.005)) / 2);
  }

  CHECK(gaussian_mse_floor(0) == 1);
  CHECK(gaussian_mse_floor(1) == 0.25);
  CHECK(gaussian_mse_floor(2.5) == 1 / 32.0);
  CHECK_THROWS_AS(gaussian_mse_floor(-1), std::domain_error);
  CHECK(eviction_error(0.25) == 0.375);
  CHECK_THROWS_AS(eviction_error(1.1), std::domain_error);
}
