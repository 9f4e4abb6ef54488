#include <cmath>

#include "../support/catch.hpp"
#include "../support/three_settings.hpp"

namespace kvfrontier::tests::loma {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

RowMatrixD exact_answers(const reduction::Instance& instance, const RowMatrixD& queries) {
  return attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>(),
                                             all_values(instance).cast<double>());
}

Json options_of(Index slots, Index ratio, const std::string& proxy = "random", const std::string& keys = "stored") {
  return {{"slots", slots}, {"ratio", ratio}, {"proxy", proxy}, {"format", "fp32"}, {"keys", keys}};
}

}  // namespace

TEST_CASE("loma at ratio 1 sends the tokens", "[loma]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), 6), 1);
  const RowMatrixD queries = 4 * all_keys(*instance).cast<double>();
  const auto params = params_of(*instance, "loma", options_of(3, 1), 4);
  const auto exact = params_of(*instance, "exact", {{"format", "fp32"}}, 4);
  CHECK(simulator::encode(params, *instance).bits == simulator::encode(exact, *instance).bits);
  CHECK(answers_of(params, *instance, queries) == answers_of(exact, *instance, queries));
}

// Slots are then the distinct keys with their multiplicities, at any query, also far beyond the fitted norm.
TEST_CASE("loma is exact for chunks of few distinct keys with equal values", "[loma]") {
  const Index d = 6, tokens = 84;  // and one token of tail
  const RowMatrixF distinct = gaussian_rows(4, d, 2), their_values = gaussian_rows(4, d, 3);
  RowMatrixF keys(tokens + 1, d), values(tokens + 1, d);
  for (Index i = 0; i <= tokens; ++i) {
    const Index which = i % 7 < 3 ? 0 : i % 7 - 3;
    keys.row(i) = distinct.row(which);
    values.row(i) = their_values.row(which);
  }
  const auto instance = given_instance(sides({1, 2, 4, 8, 16}), keys, values);
  for (const std::string proxy : {"random", "k2k"}) {
    for (const Index slots : {4, 6}) {
      const auto params = params_of(instance, "loma", options_of(slots, slots == 4 ? 7 : 2, proxy), 3);
      for (const double norm : {1.0, 3.0, 12.0}) {
        const RowMatrixD queries = norm * gaussian_rows(20, d, 4).cast<double>();
        CHECK((answers_of(params, instance, queries) - exact_answers(instance, queries)).cwiseAbs().maxCoeff() < 2e-4);
      }
    }
  }
}

// Values depend smoothly on keys of low dimension: at the norm it was fitted for, the fit is better than the means of
// its own clusters, which is what k-means with as many slots in all would send for the same chunks.
TEST_CASE("loma's fit beats the means of its clusters at the fitted norm", "[loma]") {
  const Index d = 8, tokens = 64;
  RowMatrixF keys = RowMatrixF::Zero(tokens, d), values(tokens, d);
  keys.leftCols(2) = 2 * gaussian_rows(tokens, 2, 5);
  for (Index i = 0; i < tokens; ++i) {
    for (Index c = 0; c < d; ++c) values(i, c) = std::sin(keys(i, 0) * (1 + c % 3) + keys(i, 1) * c);
  }
  const auto instance = given_instance(sides({8, 9}), keys, values);
  const double tau = 2;
  RowMatrixD queries = gaussian_rows(200, d, 6).cast<double>();
  for (Index i = 0; i < queries.rows(); ++i) queries.row(i) *= tau / queries.row(i).norm();
  const RowMatrixD exact = exact_answers(instance, queries);
  const auto error = [&](const std::string& scheme, const Json& options) {
    return (answers_of(params_of(instance, scheme, options, tau), instance, queries) - exact).norm() / exact.norm();
  };
  const double fitted = error("loma", options_of(8, 8)),
               means = error("kmeans", {{"slots", 8}, {"block", 256}, {"format", "fp32"}});
  CAPTURE(fitted, means);
  CHECK(fitted < means / 2);
}

TEST_CASE("loma has the size of its slots and its tail", "[loma]") {
  const Index d = 7;
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16}), d), 1);  // 85 tokens
  for (const auto& [slots, ratio] : std::vector<std::pair<Index, Index>>{{8, 2}, {4, 21}, {1, 85}, {8, 11}, {5, 1}}) {
    const Index chunks = ratio > 1 ? 85 / (slots * ratio) : 0, tail = 85 - chunks * slots * ratio;
    Json options = options_of(slots, ratio);
    options["format"] = "fp16";
    const auto stored = simulator::encode(params_of(*instance, "loma", options, 4), *instance);
    CHECK(stored.bits.size == 16 * (chunks * slots * (2 * d + 1) + tail * 2 * d));
    options["keys"] = "public";
    const auto open = simulator::encode(params_of(*instance, "loma", options, 4), *instance);
    CHECK(open.bits.size == 16 * (chunks * slots * d + tail * d));
  }
}

TEST_CASE("public slots are fitted by Bob as by Alice", "[loma]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16}), 12), 3);
  const RowMatrixD queries = 6 * all_keys(*instance).cast<double>();
  for (const std::string proxy : {"random", "k2k"}) {
    const auto stored = params_of(*instance, "loma", options_of(4, 5, proxy), 6),
               open = params_of(*instance, "loma", options_of(4, 5, proxy, "public"), 6);
    CHECK(answers_of(stored, *instance, queries) == answers_of(open, *instance, queries));
  }
}

TEST_CASE("lossless loma answers as the exact cache and codes what can be coded", "[loma]") {
  for (const std::string format : {"fp16", "fp32", "bf16"}) {
    for (const std::string keys : {"stored", "public"}) {
      const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16, 32}), 20), 2);
      const RowMatrixD queries = 6 * all_keys(*instance).cast<double>();
      const auto exact = params_of(*instance, "exact", {{"format", format}, {"keys", keys}}, 6);
      for (const Index frame : {1, 7, 100, 1024}) {
        const auto params =
            params_of(*instance, "loma_lossless", {{"frame", frame}, {"format", format}, {"keys", keys}}, 6);
        CHECK(answers_of(params, *instance, queries) == answers_of(exact, *instance, queries));
      }
      // 341 x 20 fair bits: less than them no coder needs, and 16 times as many are the exact cache's.
      const auto message = simulator::encode(
          params_of(*instance, "loma_lossless", {{"format", format}, {"keys", "public"}}, 6), *instance);
      CHECK(message.bits.size >= 341 * 20);
      CHECK(message.bits.size < 4 * 341 * 20);
    }
  }
  // Noise does not compress: at most the rows and a length.
  RowMatrixF noise = gaussian_rows(85, 3, 1);
  const auto instance = given_instance(sides({1, 2, 4, 8, 16}), noise, gaussian_rows(85, 3, 2));
  const auto message = simulator::encode(params_of(instance, "loma_lossless", {{"frame", 1}}, 1), instance);
  CHECK(message.bits.size <= 85 * (6 * 16 + 4));
}

}  // namespace kvfrontier::tests::loma
