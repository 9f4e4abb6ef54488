#include "attention/wide_kernel.hpp"

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "../support/catch.hpp"
#include "attention/all_pairs.hpp"
#include "attention/attention.hpp"
#include "core/rng.hpp"

namespace core = kvfrontier::core;
namespace attention = kvfrontier::attention;
namespace wide = kvfrontier::attention::wide;
using core::Index;
using core::RowMatrixF;

namespace {

RowMatrixF gaussian(Index rows, Index columns, std::uint64_t index, double deviation = 1) {
  core::Stream stream({7}, core::Purpose("test/wide_kernel"), index);
  boost::random::normal_distribution<float> normal(0, static_cast<float>(deviation));
  RowMatrixF matrix(rows, columns);
  for (float& x : matrix.reshaped()) x = normal(stream);
  return matrix;
}

// The kernels that every processor runs, while it lives.
struct GeneralKernels {
  GeneralKernels() { wide::use(false); }
  ~GeneralKernels() { wide::use(true); }
};

bool at_hand() {
  if (!wide::at_hand()) WARN("no AVX-512 here: its kernels are not tested");
  return wide::at_hand();
}

}  // namespace

TEST_CASE("wide products are chains of fused multiply-adds, entry by entry", "[wide]") {
  if (!at_hand()) return;
  for (const Index rows : {1, 2, 5, 6, 13}) {
    for (const Index columns : {1, 15, 16, 63, 64, 65, 200}) {
      for (const Index depth : {1, 3, 16, 17, 40}) {
        CAPTURE(rows, columns, depth);
        const RowMatrixF a = gaussian(rows, depth, 1), b = gaussian(depth, columns, 2), turned = b.transpose();
        const RowMatrixF start = gaussian(rows, columns + 3, 3);
        std::vector<float> packed(static_cast<std::size_t>(wide::panels_of(columns) * depth * wide::panel)),
            same(packed.size());
        wide::pack(b.data(), columns, depth, columns, packed.data());
        wide::pack_transposed(turned.data(), depth, depth, columns, same.data());
        REQUIRE(packed == same);
        RowMatrixF set = start, added = start;
        wide::multiply(a.data(), depth, rows, packed.data(), depth, columns, set.data(), columns + 3);
        wide::multiply_add(a.data(), depth, rows, packed.data(), depth, columns, added.data(), columns + 3);
        for (Index r = 0; r < rows; ++r) {
          for (Index c = 0; c < columns + 3; ++c) {
            float sum = 0, more = start(r, c);
            for (Index k = 0; k < depth && c < columns; ++k) {
              sum = std::fma(a(r, k), b(k, c), sum);
              more = std::fma(a(r, k), b(k, c), more);
            }
            REQUIRE(set(r, c) == (c < columns ? sum : start(r, c)));
            REQUIRE(added(r, c) == more);
          }
        }
      }
    }
  }
}

TEST_CASE("weights are exponentials below a running maximum", "[wide]") {
  if (!at_hand()) return;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const Index count : {1, 15, 16, 33, 256}) {
    CAPTURE(count);
    const RowMatrixF given = gaussian(3, count, 4, 20);
    const std::vector<float> log_weights(static_cast<std::size_t>(count), 0.5f);
    RowMatrixF scores = given, sums = RowMatrixF::Ones(3, 2);
    // A maximum that stays, one that gives way, and none so far.
    float maximum[] = {1000, -30, -infinity}, weights[] = {1, 2, 0};
    const float before[] = {1000, -30, -infinity};
    wide::weigh(scores.data(), count, 3, count, log_weights.data(), -50, maximum, weights, sums.data(), 2, 2);
    for (Index r = 0; r < 3; ++r) {
      const float largest = std::max(before[r], given.row(r).maxCoeff() + 0.5f);
      REQUIRE(maximum[r] == largest);
      const double shrink = std::exp(static_cast<double>(before[r]) - largest);
      double sum = (r == 0 ? 1 : r == 1 ? 2 : 0) * shrink;
      for (Index j = 0; j < count; ++j) {
        const double exponent = std::max(static_cast<double>(given(r, j) + 0.5f) - largest, -50.0);
        REQUIRE(scores(r, j) == Approx(std::exp(exponent)).epsilon(3e-6));
        sum += std::exp(exponent);
      }
      CHECK(weights[r] == Approx(sum).epsilon(1e-5));
      CHECK(sums(r, 1) == Approx(shrink).epsilon(1e-5).margin(1e-20));
    }
  }
  // Nothing but tokens without weight.
  RowMatrixF scores = RowMatrixF::Constant(1, 20, -infinity), sums = RowMatrixF::Zero(1, 1);
  float maximum = -infinity, weights = 0;
  wide::weigh(scores.data(), 20, 1, 20, nullptr, -50, &maximum, &weights, sums.data(), 1, 1);
  CHECK(scores.isZero(0));
  CHECK(weights == 0);
}

TEST_CASE("attention gives the same with either kernel, up to rounding", "[wide]") {
  if (!at_hand()) return;
  struct Shape {
    Index queries, tokens, d, width;
  };
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, {5, 300, 7, 3}, {97, 256, 16, 64}, {200, 1000, 64, 100}, {300, 513, 128, 128}}) {
    CAPTURE(shape.queries, shape.tokens, shape.d, shape.width);
    const RowMatrixF queries = gaussian(shape.queries, shape.d, 5, 4 / std::sqrt(shape.d)),
                     keys = gaussian(shape.tokens, shape.d, 6), values = gaussian(shape.tokens, shape.width, 7);
    const RowMatrixF fast = attention::softmax_attention<float>(queries, keys, values, 2);
    const GeneralKernels general;
    const RowMatrixF slow = attention::softmax_attention<float>(queries, keys, values, 2);
    CHECK((fast - slow).cwiseAbs().maxCoeff() < 1e-5f);
    const auto oracle =
        attention::softmax_attention_oracle(queries.cast<double>(), keys.cast<double>(), values.cast<double>());
    CHECK((slow.cast<double>() - oracle).cwiseAbs().maxCoeff() < 1e-5);
  }
}

// Certificates are in records, which are the same bytes on machines with and without AVX-512.
TEST_CASE("largest products and leaks are the same bits with either kernel", "[wide]") {
  if (!at_hand()) return;
  for (const Index tokens : {100, 256, 700, 1300}) {
    for (const Index d : {3, 16, 24, 64, 128, 256, 300}) {
      CAPTURE(tokens, d);
      const RowMatrixF keys = gaussian(tokens, d, 8, 1 / std::sqrt(d));
      const auto largest = attention::largest_products(keys, 2);
      const auto leaks = attention::leaks(keys, 5, 2);
      const GeneralKernels general;
      REQUIRE(largest == attention::largest_products(keys, 2));
      REQUIRE(leaks == attention::leaks(keys, 5, 2));
    }
  }
}
