#include "attention/all_pairs.hpp"

#include <boost/random/normal_distribution.hpp>
#include <cfenv>
#include <cmath>
#include <limits>

#include "../support/catch.hpp"
#include "core/rng.hpp"

namespace core = kvfrontier::core;
using core::Index;
using core::RowMatrixF;
using kvfrontier::attention::largest_products;
using kvfrontier::attention::leaks;
using kvfrontier::attention::product_rounding_bound;

namespace {

// Norms between 1 and `stretch`, so that the two triangles of the leak differ.
RowMatrixF some_keys(Index tokens, Index d, double stretch) {
  core::Stream stream({static_cast<std::uint64_t>(100 * tokens + d)}, core::Purpose("test/all_pairs"), 0);
  boost::random::normal_distribution<double> normal;
  RowMatrixF keys(tokens, d);
  for (Index i = 0; i < tokens; ++i) {
    Eigen::RowVectorXd row(d);
    for (double& x : row) x = normal(stream);
    const double length = 1 + (stretch - 1) * static_cast<double>(i % 5) / 4;
    keys.row(i) = (row * (length / row.norm())).cast<float>();
  }
  return keys;
}

double product(const RowMatrixF& keys, Index i, Index j) {
  double sum = 0;
  for (Index c = 0; c < keys.cols(); ++c) sum += static_cast<double>(keys(i, c)) * keys(j, c);
  return sum;
}

}  // namespace

TEST_CASE("largest products agree with plain loops within the rounding bound", "[all_pairs]") {
  for (const Index tokens : {1, 2, 3, 255, 256, 257, 700}) {
    for (const Index d : {1, 3, 16, 64}) {
      CAPTURE(tokens, d);
      const RowMatrixF keys = some_keys(tokens, d, 1.5);
      const auto largest = largest_products(keys);
      REQUIRE(static_cast<Index>(largest.size()) == tokens);
      const double bound = product_rounding_bound(keys);
      for (Index i = 0; i < tokens; ++i) {
        double expected = -std::numeric_limits<double>::infinity();
        for (Index j = 0; j < tokens; ++j) {
          if (j != i) expected = std::max(expected, product(keys, i, j));
        }
        if (tokens == 1) {
          REQUIRE(largest[0] == -std::numeric_limits<float>::infinity());
        } else {
          REQUIRE(std::abs(static_cast<double>(largest[static_cast<std::size_t>(i)]) - expected) <= bound);
        }
      }
      for (const int threads : {2, 5, 40}) CHECK(largest_products(keys, threads) == largest);
    }
  }
}

TEST_CASE("the product rounding bound is gamma_d times the largest squared norm", "[all_pairs]") {
  const double u = std::ldexp(1.0, -24);
  const RowMatrixF unit = RowMatrixF::Identity(5, 64);
  CHECK(product_rounding_bound(unit) == Approx(64 * u / (1 - 64 * u)).epsilon(1e-9));
  RowMatrixF longer = unit;
  longer(3, 3) = 2;
  CHECK(product_rounding_bound(longer) == Approx(4 * 64 * u / (1 - 64 * u)).epsilon(1e-9));
  CHECK(product_rounding_bound(RowMatrixF(0, 3)) == 0);
}

TEST_CASE("leaks agree with plain loops in double", "[all_pairs]") {
  for (const Index tokens : {1, 2, 255, 257, 700}) {
    for (const Index d : {1, 16, 64}) {
      for (const double stretch : {1.0, 1.5}) {
        for (const double tau : {0.0, 0.5, 4.0, 20.0}) {
          CAPTURE(tokens, d, stretch, tau);
          const RowMatrixF keys = some_keys(tokens, d, stretch);
          const auto fast = leaks(keys, tau);
          REQUIRE(static_cast<Index>(fast.size()) == tokens);
          // Exponents: the product's bound and five more roundings of numbers below stretch^2 (norm, difference, tau,
          // scaled difference), each 2^-24 of at most 2 stretch^2. Sums of 256 positive floats: 256 * 2^-24, exp 2 ulp.
          const double exponent = tau * (product_rounding_bound(keys) + 10 * stretch * stretch * std::ldexp(1.0, -24));
          const double allowed = std::expm1(exponent) + 258 * std::ldexp(1.0, -24);
          for (Index i = 0; i < tokens; ++i) {
            double expected = 0;
            for (Index j = 0; j < tokens; ++j) {
              if (j != i) expected += std::exp(-tau * (product(keys, i, i) - product(keys, i, j)));
            }
            REQUIRE(std::abs(fast[static_cast<std::size_t>(i)] - expected) <= allowed * expected + 1e-33);
          }
          for (const int threads : {2, 5, 40}) CHECK(leaks(keys, tau, threads) == fast);
        }
      }
    }
  }
}

TEST_CASE("a duplicate key is the largest product and leaks one", "[all_pairs]") {
  RowMatrixF keys = RowMatrixF::Identity(600, 600).topRows(600);
  keys.row(599) = keys.row(2);
  const auto largest = largest_products(keys);
  const auto leak = leaks(keys, 60);
  CHECK(largest[2] == 1);
  CHECK(largest[599] == 1);
  CHECK(largest[0] == 0);
  CHECK(leak[2] == Approx(1).epsilon(1e-6));
  CHECK(leak[599] == Approx(1).epsilon(1e-6));
  CHECK(leak[0] == Approx(599 * std::exp(-60.0)).epsilon(1e-4));
  // Beyond the range of float exponentials a leak is as good as zero, and no denormal slows the sums down.
  std::feclearexcept(FE_ALL_EXCEPT);
  CHECK(leaks(keys, 500)[0] < 1e-34);
  CHECK_FALSE(std::fetestexcept(FE_UNDERFLOW | FE_OVERFLOW | FE_INVALID));
}
