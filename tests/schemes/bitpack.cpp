#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "core/errors.hpp"
#include "core/statistics.hpp"
#include "simulator/decoding.hpp"

namespace kvfrontier::tests::bitpack {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

double bit_error(const RowMatrixD& answers, const RowMatrixF& values) {
  return ((answers.array() > 0.5) != (values.array() > 0.5f)).cast<double>().mean();
}

}  // namespace

TEST_CASE("bitpack has error 0 at exactly N d bits", "[bitpack]") {
  for (const auto& schedule : {sides({1, 2}), sides({1, 2, 4}), sides({1, 2, 4, 8}), sides({1, 2, 4, 8, 16})}) {
    for (const Index d : {33, 64, 100}) {
      for (const char* embedding : {"sphere", "srht"}) {
        const auto instance = index_instance(instance_params(schedule, d, embedding), 0);
        const double tau = tau_of(*instance);
        const auto params = params_of(*instance, "bitpack", Json::object(), tau);
        const auto message = simulator::encode(params, *instance);
        CHECK(message.bits.size == instance->information_bits());
        CHECK(message.ledger == core::Ledger{{"values", message.bits.size}});
        const RowMatrixD answers = answers_of(params, *instance, tau * all_keys(*instance).cast<double>());
        CHECK(bit_error(answers, all_values(*instance)) == 0);
      }
    }
  }
}

TEST_CASE("bitpack keeps the first entries of the public order and reads 1/2 for the others", "[bitpack]") {
  const Index d = 16, tokens = 21;
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), d), 2);
  const double tau = tau_of(*instance);
  const RowMatrixF keys = all_keys(*instance), values = all_values(*instance);
  for (const Index bits :
       {Index{0}, Index{1}, Index{20}, Index{21}, Index{22}, Index{100}, tokens * d - 1, tokens * d}) {
    // Entry (token, c) has rank c N + token.
    RowMatrixF known = RowMatrixF::Constant(tokens, d, 0.5f);
    for (Index rank = 0; rank < bits; ++rank)
      known(rank % tokens, rank / tokens) = values(rank % tokens, rank / tokens);
    const RowMatrixD queries = tau * keys.cast<double>();
    const RowMatrixD expected = attention::softmax_attention_oracle(queries, keys.cast<double>(), known.cast<double>());
    const auto params = params_of(*instance, "bitpack", {{"bits", bits}}, tau);
    CHECK(simulator::encode(params, *instance).bits.size == bits);
    CHECK((answers_of(params, *instance, queries) - expected).cwiseAbs().maxCoeff() < 1e-12);
  }
  // More bits than entries are not sent.
  CHECK(simulator::encode(params_of(*instance, "bitpack", {{"bits", 10'000}}, tau), *instance).bits.size == 336);
}

// Kept entries decode on a certified instance, the others are fair guesses: (1 - f)/2 with f = bits / N d.
TEST_CASE("bitpack errs by (1 - f)/2", "[bitpack]") {
  constexpr Index d = 32, queries = 64;
  const auto params = instance_params(sides({1, 2, 4, 8}), d);
  for (const Index bits : {67, 336, 500}) {
    std::vector<core::TrialErrors> errors;
    for (std::uint64_t trial = 0; trial < 60; ++trial) {
      const auto instance = index_instance(params, trial);
      const double tau = tau_of(*instance);
      const RowMatrixF keys = all_keys(*instance), values = all_values(*instance);
      const auto rows = instance->queried_rows(queries);
      RowMatrixD asked(queries, d), truth(queries, d);
      for (Index q = 0; q < queries; ++q) {
        asked.row(q) = tau * keys.row(rows[q]).cast<double>();
        truth.row(q) = values.row(rows[q]).cast<double>();
      }
      const RowMatrixD answers = answers_of(params_of(*instance, "bitpack", {{"bits", bits}}, tau), *instance, asked);
      double wrong = 0;
      for (const double row : simulator::row_errors(answers, truth, 0, 1)) wrong += row;
      errors.push_back({wrong, queries});
    }
    const core::Interval interval = core::error_interval(errors, 1 - 1e-5);
    const double expected = (1 - 1.0 * bits / (21 * d)) / 2;
    CAPTURE(bits, interval.lo, interval.hi, expected);
    CHECK(interval.lo <= expected);
    CHECK(expected <= interval.hi);
    CHECK(interval.hi - interval.lo < 0.1);
  }
}

TEST_CASE("bitpack refuses keys that are not public", "[bitpack]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4}), 8), 0);
  auto params = params_of(*instance, "bitpack", Json::object(), 1);
  const auto& bitpack = schemes::Schemes::find("bitpack", "scheme");
  CHECK_NOTHROW(bitpack.check(params, "scheme"));
  params.keys_are_public = false;
  CHECK_THROWS_AS(bitpack.check(params, "scheme"), core::ConfigError);
  // So does every scheme that was told to use public ones.
  auto uniform = params_of(*instance, "uniform", {{"kept", 2}, {"keys", "public"}}, 1);
  uniform.keys_are_public = false;
  CHECK_THROWS_WITH(schemes::Schemes::find("uniform", "scheme").check(uniform, "grid.scheme"),
                    Contains("grid.scheme.keys"));
}

}  // namespace kvfrontier::tests::bitpack
