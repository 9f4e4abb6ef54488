#include <algorithm>
#include <cmath>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"

namespace kvfrontier::tests::exact {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

RowMatrixD oracle(const RowMatrixD& queries, const RowMatrixF& keys, const RowMatrixF& values) {
  return attention::softmax_attention_oracle(queries, keys.cast<double>().eval(), values.cast<double>().eval());
}

// The nearest number of so many significant bits that is a multiple of 2^least, ties to even: no conversion of ours.
float rounded(float x, int bits, int least) {
  int exponent;
  std::frexp(x, &exponent);
  const int unit = std::max(exponent - bits, least);
  return std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
}

struct Format {
  const char* name;
  int bits, significant, least;  // of a number; of its significand; the exponent of the least number above 0
  RowMatrixF stored(const RowMatrixF& rows) const {
    return rows.unaryExpr([&](float x) { return rounded(x, significant, least); });
  }
};
constexpr Format formats[] = {{"fp32", 32, 24, -149}, {"fp16", 16, 11, -24}, {"bf16", 16, 8, -133}};

double largest_difference(const RowMatrixD& a, const RowMatrixD& b) {
  return (a - b).cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("exact is exact attention over the rounded rows, in every format", "[exact]") {
  const Index d = 13;
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, d, 1), gaussian_rows(21, d, 2));
  const RowMatrixD queries = 5 * gaussian_rows(40, d, 3).cast<double>();
  for (const Format& format : formats) {
    CAPTURE(format.name);
    const auto params = params_of(instance, "exact", {{"format", format.name}}, 5);
    const RowMatrixD answers = answers_of(params, instance, queries);
    // Sums of 21 doubles of size below 1.
    const RowMatrixD expected = oracle(queries, format.stored(all_keys(instance)), format.stored(all_values(instance)));
    CHECK(largest_difference(answers, expected) < 1e-12);
    const auto message = simulator::encode(params, instance);
    CHECK(message.bits.size == 2 * 21 * 13 * format.bits);
    CHECK(message.ledger == core::Ledger{{"keys", message.bits.size / 2}, {"values", message.bits.size / 2}});
  }
}

// Every key entry moves by at most u |k_c|, a logit by e <= u sum_c |q_c k_c|; values of bits are exact in every
// format. Then |z' - z| <= (exp(2e) - 1) max|v|.
TEST_CASE("rounding of keys is within the logit perturbation bound", "[exact]") {
  const Index d = 24;
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), d), 0);
  const RowMatrixF keys = all_keys(*instance);
  for (const double tau : {1.0, 8.0}) {
    const RowMatrixD queries = tau * keys.cast<double>(), truth = oracle(queries, keys, all_values(*instance));
    for (const auto& [format, u] :
         {std::pair{"fp32", 0.0}, {"fp16", std::ldexp(1, -11)}, {"bf16", std::ldexp(1, -8)}}) {
      const auto params = params_of(*instance, "exact", {{"format", format}}, tau);
      const double e = u * (queries.cwiseAbs() * keys.cast<double>().cwiseAbs().transpose()).maxCoeff() + 1e-9;
      const double difference = largest_difference(answers_of(params, *instance, queries), truth);
      CAPTURE(format, tau, e);
      CHECK(difference <= std::expm1(2 * e));
      // The rounding is there to be seen.
      if (u > 0) CHECK(difference > 1e-7);
    }
  }
}

TEST_CASE("exact answers that need no softmax to be known", "[exact]") {
  const Index d = 6;
  SECTION("one token is its own answer") {
    const auto instance = given_instance(sides({1, 2}), gaussian_rows(1, d, 1), gaussian_rows(1, d, 2));
    CHECK(answers_of(params_of(instance, "exact", Json::object(), 3), instance,
                     3 * gaussian_rows(4, d, 3).cast<double>()) ==
          RowMatrixD(all_values(instance).cast<double>().replicate(4, 1)));
  }
  SECTION("equal keys, or tau = 0, give the mean") {
    const RowMatrixF values = gaussian_rows(5, d, 2);
    const auto equal = given_instance(sides({1, 2, 4}), gaussian_rows(1, d, 1).replicate(5, 1), values);
    const RowMatrixD mean = values.cast<double>().colwise().mean();
    CHECK(largest_difference(answers_of(params_of(equal, "exact", Json::object(), 3), equal,
                                        3 * gaussian_rows(1, d, 3).cast<double>()),
                             mean) < 1e-15);
    const auto any = given_instance(sides({1, 2, 4}), gaussian_rows(5, d, 1), values);
    CHECK(largest_difference(answers_of(params_of(any, "exact", Json::object(), 0), any, RowMatrixD::Zero(1, d)),
                             mean) < 1e-15);
  }
  SECTION("two logits a gap apart weigh 1/(1 + exp(-gap))") {
    RowMatrixF keys = RowMatrixF::Zero(4, d), values = RowMatrixF::Zero(4, d);
    keys(0, 0) = 0.5f;
    keys(1, 0) = -0.25f;
    keys(2, 0) = keys(3, 0) = -100;  // out of the game
    values(0, 1) = 1;
    const auto instance = given_instance(sides({2, 3}), keys, values);
    RowMatrixD query = RowMatrixD::Zero(1, d);
    for (const double tau : {0.5, 2.0, 6.0}) {
      query(0, 0) = tau;
      const RowMatrixD answer = answers_of(params_of(instance, "exact", Json::object(), tau), instance, query);
      CHECK(answer(0, 1) == Approx(1 / (1 + std::exp(-0.75 * tau))).epsilon(1e-12));
    }
  }
}

TEST_CASE("public keys cost nothing and stay exact", "[exact]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), 16), 1);
  const auto params = params_of(*instance, "exact", {{"keys", "public"}, {"format", "bf16"}}, 7);
  CHECK(simulator::encode(params, *instance).bits.size == 21 * 16 * 16);
  const RowMatrixD queries = 7 * all_keys(*instance).cast<double>();
  CHECK(largest_difference(answers_of(params, *instance, queries),
                           oracle(queries, all_keys(*instance), all_values(*instance))) < 1e-12);
}

}  // namespace kvfrontier::tests::exact
