#include "attention/attention.hpp"

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/rng.hpp"
#ifdef __x86_64__
#include <xmmintrin.h>

#include "../support/catch.hpp"
#endif

namespace core = kvfrontier::core;
using core::Index;
using core::RowMatrix;
using core::RowMatrixD;
using core::RowMatrixF;
using kvfrontier::attention::softmax_attention;
using kvfrontier::attention::softmax_attention_oracle;
using kvfrontier::attention::SoftmaxAttention;

namespace {

template <class Scalar>
RowMatrix<Scalar> gaussian(Index rows, Index columns, double scale, std::uint64_t seed) {
  core::Stream stream({seed}, core::Purpose("test/attention"), 0);
  boost::random::normal_distribution<double> normal(0, scale);
  RowMatrix<Scalar> matrix(rows, columns);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<Scalar>(normal(stream));
  return matrix;
}

template <class Scalar>
RowMatrix<Scalar> uniform(Index rows, Index columns, std::uint64_t seed) {
  core::Stream stream({seed}, core::Purpose("test/attention"), 1);
  boost::random::uniform_01<double> unit;
  RowMatrix<Scalar> matrix(rows, columns);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<Scalar>(2 * unit(stream) - 1);
  return matrix;
}

// Values lie in [-1, 1], so outputs do; the float tolerance is the kernel's stated one for logits up to 30.
template <class Scalar>
constexpr double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-12;

template <class Scalar>
bool same_bits(const RowMatrix<Scalar>& a, const RowMatrix<Scalar>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), sizeof(Scalar) * static_cast<std::size_t>(a.size())) == 0;
}

template <class Scalar>
double distance(const RowMatrix<Scalar>& a, const RowMatrixD& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return a.size() == 0 ? 0 : (a.template cast<double>() - b).cwiseAbs().maxCoeff();
}

struct Shape {
  Index queries, tokens, d, width;
};

// One of each; not multiples of the tiles (128 queries, 256 keys); exact multiples.
const Shape shapes[] = {{1, 1, 1, 1},       {1, 300, 5, 3},    {3, 256, 8, 2},      {130, 257, 16, 7},
                        {128, 512, 16, 16}, {257, 255, 33, 1}, {129, 1000, 64, 64}, {5, 2, 300, 4}};

}  // namespace

TEMPLATE_TEST_CASE("attention agrees with the double oracle", "[attention]", float, double) {
  for (const Shape& shape : shapes) {
    // Logits have standard deviation 6: the largest of 10^5 is about 27.
    for (const double spread : {0.0, 1.0, 6.0}) {
      CAPTURE(shape.queries, shape.tokens, shape.d, shape.width, spread);
      const auto queries = gaussian<TestType>(shape.queries, shape.d, spread / std::sqrt(shape.d), 1);
      const auto keys = gaussian<TestType>(shape.tokens, shape.d, 1, 2);
      const auto values = uniform<TestType>(shape.tokens, shape.width, 3);
      const auto expected = softmax_attention_oracle(queries.template cast<double>(), keys.template cast<double>(),
                                                     values.template cast<double>());
      CHECK(distance<TestType>(softmax_attention<TestType>(queries, keys, values), expected) < tolerance<TestType>);
    }
  }
}

TEST_CASE("the oracle agrees with attention worked out by hand", "[attention]") {
  // Logits 0 and ln 3: weights 1/4 and 3/4; with log weights ln 3 and 0 they are equal.
  RowMatrixD query(1, 1), keys(2, 1), values(2, 2);
  query << std::log(3.0);
  keys << 0, 1;
  values << 1, 0, 0, 8;
  const RowMatrixD outputs = softmax_attention_oracle(query, keys, values);
  CHECK(outputs(0, 0) == Approx(0.25).epsilon(1e-14));
  CHECK(outputs(0, 1) == Approx(6).epsilon(1e-14));
  const double log_weights[] = {std::log(3.0), 0};
  const RowMatrixD weighted = softmax_attention_oracle(query, keys, values, log_weights);
  CHECK(weighted(0, 0) == Approx(0.5).epsilon(1e-14));
  CHECK(weighted(0, 1) == Approx(4).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("equal logits give the mean of the values", "[attention]", float, double) {
  for (const Shape& shape : shapes) {
    const auto values = uniform<TestType>(shape.tokens, shape.width, 4);
    const RowMatrixD mean = values.template cast<double>().colwise().mean().replicate(shape.queries, 1);
    const auto queries = gaussian<TestType>(shape.queries, shape.d, 2, 5);
    // Equal keys at any query, and any keys at tau = 0.
    const RowMatrix<TestType> equal = gaussian<TestType>(1, shape.d, 1, 6).replicate(shape.tokens, 1);
    const auto keys = gaussian<TestType>(shape.tokens, shape.d, 1, 7);
    const RowMatrix<TestType> zero = RowMatrix<TestType>::Zero(shape.queries, shape.d);
    CHECK(distance<TestType>(softmax_attention<TestType>(queries, equal, values), mean) < tolerance<TestType>);
    CHECK(distance<TestType>(softmax_attention<TestType>(zero, keys, values), mean) < tolerance<TestType>);
  }
}

TEMPLATE_TEST_CASE("huge logits neither overflow nor vanish", "[attention]", float, double) {
  // Orthonormal keys, query tau e_i: row i wins by tau. The maximum comes early for some queries and late for others.
  const Index tokens = 300;
  const RowMatrix<TestType> basis = RowMatrix<TestType>::Identity(tokens, tokens);
  const auto values = uniform<TestType>(tokens, 9, 8);
  for (const double tau : {1e3, 1e6, 1e30}) {
    const RowMatrix<TestType> queries = basis * static_cast<TestType>(tau);
    CHECK(distance<TestType>(softmax_attention<TestType>(queries, basis, values), values.template cast<double>()) <
          tolerance<TestType>);
    // All logits hugely negative but for the zero ones: query -tau e_i leaves out token i alone.
    const RowMatrixD left_out =
        (values.template cast<double>().colwise().sum().replicate(tokens, 1) - values.template cast<double>()) /
        static_cast<double>(tokens - 1);
    CHECK(distance<TestType>(softmax_attention<TestType>(-queries, basis, values), left_out) < tolerance<TestType>);
  }
  // Every logit near -1e6, far below the range of exp: still the mean.
  const RowMatrix<TestType> far = RowMatrix<TestType>::Constant(1, 1, TestType(-1e6));
  const RowMatrix<TestType> ones = RowMatrix<TestType>::Ones(tokens, 1);
  const RowMatrixD mean = values.template cast<double>().colwise().mean();
  CHECK(distance<TestType>(softmax_attention<TestType>(far, ones, values), mean) < tolerance<TestType>);
}

// Denormal operands make the products some twenty times slower; hard instances ask with tau up to 500.
TEMPLATE_TEST_CASE("long queries never underflow", "[attention]", float, double) {
  RowMatrix<TestType> keys = gaussian<TestType>(900, 16, 1, 18);
  keys.rowwise().normalize();
  const RowMatrix<TestType> values = uniform<TestType>(900, 8, 19).cwiseSign();
  for (const double tau : {20.0, 100.0, 500.0, 5000.0}) {
    const RowMatrix<TestType> queries = keys * static_cast<TestType>(tau);
#ifdef __x86_64__
    _mm_setcsr(_mm_getcsr() & ~unsigned{_MM_EXCEPT_MASK});
#endif
    std::feclearexcept(FE_ALL_EXCEPT);
    const auto outputs = softmax_attention<TestType>(queries, keys, values);
    CHECK_FALSE(std::fetestexcept(FE_UNDERFLOW | FE_OVERFLOW | FE_INVALID));
#ifdef __x86_64__
    // Sums that cancel to a denormal are exact and raise no underflow, but the processor notes denormal operands.
    CHECK_FALSE(_mm_getcsr() & _MM_EXCEPT_DENORM);
#endif
    CHECK(outputs.allFinite());
  }
}

TEMPLATE_TEST_CASE("a log weight of ln m is m copies, and -infinity is none", "[attention]", float, double) {
  using Scalar = TestType;
  const Index tokens = 300, d = 12, width = 5, nq = 33;
  const auto queries = gaussian<Scalar>(nq, d, 1, 9);
  const auto keys = gaussian<Scalar>(tokens, d, 1, 10);
  const auto values = uniform<Scalar>(tokens, width, 11);
  std::vector<Scalar> log_weights;
  std::vector<Index> source;
  for (Index j = 0; j < tokens; ++j) {
    const Index copies = j % 4;
    log_weights.push_back(copies == 0 ? -std::numeric_limits<Scalar>::infinity()
                                      : static_cast<Scalar>(std::log(static_cast<double>(copies))));
    source.insert(source.end(), static_cast<std::size_t>(copies), j);
  }
  RowMatrixD copied_keys(source.size(), d), copied_values(source.size(), width);
  for (std::size_t j = 0; j < source.size(); ++j) {
    copied_keys.row(static_cast<Index>(j)) = keys.row(source[j]).template cast<double>();
    copied_values.row(static_cast<Index>(j)) = values.row(source[j]).template cast<double>();
  }
  const RowMatrixD expected = softmax_attention_oracle(queries.template cast<double>(), copied_keys, copied_values);
  SoftmaxAttention<Scalar> attention(queries, width);
  attention.absorb(keys, values, log_weights.data());
  CHECK(distance<Scalar>(attention.result(), expected) < tolerance<Scalar>);
  const std::vector<double> doubles(log_weights.begin(), log_weights.end());
  CHECK((softmax_attention_oracle(queries.template cast<double>(), keys.template cast<double>(),
                                  values.template cast<double>(), doubles.data()) -
         expected)
            .cwiseAbs()
            .maxCoeff() < (sizeof(Scalar) == 4 ? 1e-6 : 1e-12));  // ln m rounded to the Scalar

  // No weight at all: nothing was absorbed.
  const std::vector<Scalar> none(static_cast<std::size_t>(tokens), -std::numeric_limits<Scalar>::infinity());
  SoftmaxAttention<Scalar> nothing(queries, width);
  nothing.absorb(keys, values, none.data());
  CHECK(nothing.result() == RowMatrix<Scalar>::Zero(nq, width));
  CHECK((nothing.log_partition().array() == -std::numeric_limits<Scalar>::infinity()).all());
  nothing.absorb(keys, values);
  CHECK(distance<Scalar>(nothing.result(),
                         softmax_attention_oracle(queries.template cast<double>(), keys.template cast<double>(),
                                                  values.template cast<double>())) < tolerance<Scalar>);
}

TEMPLATE_TEST_CASE("nothing absorbed gives zeros", "[attention]", float, double) {
  const auto queries = gaussian<TestType>(3, 4, 1, 12);
  SoftmaxAttention<TestType> attention(queries, 2);
  CHECK(attention.result() == RowMatrix<TestType>::Zero(3, 2));
  CHECK((attention.log_partition().array() == -std::numeric_limits<TestType>::infinity()).all());
  attention.absorb(RowMatrix<TestType>(0, 4), RowMatrix<TestType>(0, 2));
  CHECK(attention.result() == RowMatrix<TestType>::Zero(3, 2));
  const RowMatrix<TestType> no_queries(0, 4);
  CHECK(softmax_attention<TestType>(no_queries, queries, queries).rows() == 0);
}

TEMPLATE_TEST_CASE("the log partition function", "[attention]", float, double) {
  const Index tokens = 700;
  const auto queries = gaussian<TestType>(131, 16, 1.5, 13);
  const auto keys = gaussian<TestType>(tokens, 16, 1, 14);
  SoftmaxAttention<TestType> attention(queries, 1);
  attention.absorb(keys, RowMatrix<TestType>::Ones(tokens, 1));
  const auto logs = attention.log_partition();
  const RowMatrixD logits = queries.template cast<double>() * keys.template cast<double>().transpose();
  for (Index i = 0; i < queries.rows(); ++i) {
    const double largest = logits.row(i).maxCoeff();
    const double expected = largest + std::log((logits.row(i).array() - largest).exp().sum());
    REQUIRE(std::abs(static_cast<double>(logs[i]) - expected) <
            tolerance<TestType> * std::max(1.0, std::abs(expected)));
  }
}

TEMPLATE_TEST_CASE("the answer is the same bits for any cut into blocks and any number of threads", "[attention]",
                   float, double) {
  using Scalar = TestType;
  for (const Shape& shape : {Shape{1, 700, 3, 1}, Shape{300, 1500, 24, 17}, Shape{129, 900, 1, 2}}) {
    CAPTURE(shape.queries, shape.tokens, shape.d, shape.width);
    const auto queries = gaussian<Scalar>(shape.queries, shape.d, 2 / std::sqrt(shape.d), 15);
    const auto keys = gaussian<Scalar>(shape.tokens, shape.d, 1, 16);
    const auto values = uniform<Scalar>(shape.tokens, shape.width, 17);
    const RowMatrix<Scalar> whole = softmax_attention<Scalar>(queries, keys, values);
    for (const int threads : {2, 3, 8}) {
      CHECK(same_bits<Scalar>(whole, softmax_attention<Scalar>(queries, keys, values, threads)));
    }
    for (const Index block : {1, 7, 64, 255, 256, 257, 600}) {
      CAPTURE(block);
      SoftmaxAttention<Scalar> attention(queries, shape.width, 2);
      for (Index first = 0; first < shape.tokens; first += block) {
        const Index count = std::min(block, shape.tokens - first);
        attention.absorb(keys.middleRows(first, count), values.middleRows(first, count));
        if (first == 2 * block) attention.result();  // asking in between changes nothing
      }
      CHECK(same_bits<Scalar>(whole, attention.result()));
    }
    // Weights of one in some blocks and none given in others.
    SoftmaxAttention<Scalar> mixed(queries, shape.width);
    const std::vector<Scalar> zeros(100, 0);
    mixed.absorb(keys.topRows(100), values.topRows(100), zeros.data());
    mixed.absorb(keys.bottomRows(shape.tokens - 100), values.bottomRows(shape.tokens - 100));
    CHECK(same_bits<Scalar>(whole, mixed.result()));
  }
}
