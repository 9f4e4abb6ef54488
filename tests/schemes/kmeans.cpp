#include <cmath>

#include "../support/catch.hpp"
#include "../support/three_settings.hpp"
#include "schemes/codec/kmeans.hpp"

namespace kvfrontier::tests::kmeans {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

RowMatrixD exact_answers(const reduction::Instance& instance, const RowMatrixD& queries) {
  return attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>(),
                                             all_values(instance).cast<double>());
}

}  // namespace

TEST_CASE("a stream of one block is clustered as a whole", "[kmeans]") {
  const Index d = 5, tokens = 30, k = 6;
  const RowMatrixF keys = gaussian_rows(tokens, d, 1), values = gaussian_rows(tokens, d, 2);
  const auto instance = given_instance(sides({1, 2, 3, 4, 5}), keys, values);
  core::Stream coins(instance.coins().open, core::Purpose("kmeans/seeds"), 0);
  const std::vector<double> ones(tokens, 1);
  const auto found = schemes::kmeans(keys, ones, k, 8, coins);
  RowMatrixD means = RowMatrixD::Zero(k, d);
  std::vector<double> counts(k);
  for (Index i = 0; i < tokens; ++i) {
    const Index c = found.cluster[static_cast<std::size_t>(i)];
    means.row(c) += values.row(i).cast<double>();
    ++counts[static_cast<std::size_t>(c)];
  }
  std::vector<double> log_counts;
  for (Index c = 0; c < k; ++c) {
    means.row(c) /= counts[static_cast<std::size_t>(c)];
    log_counts.push_back(std::log(counts[static_cast<std::size_t>(c)]));
  }
  const RowMatrixD queries = 3 * gaussian_rows(20, d, 3).cast<double>();
  const RowMatrixD expected =
      attention::softmax_attention_oracle(queries, found.centres.cast<double>(), means, log_counts.data());
  const auto params = params_of(instance, "kmeans", {{"slots", k}, {"format", "fp32"}}, 3);
  CHECK((answers_of(params, instance, queries) - expected).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("the slots of a stream keep its number of tokens and its sums", "[kmeans]") {
  const Index d = 6, tokens = 85;
  const RowMatrixF keys = gaussian_rows(tokens, d, 4), values = gaussian_rows(tokens, d, 5);
  const auto instance = given_instance(sides({1, 2, 4, 8, 16}), keys, values);
  for (const Index slots : {1, 2, 7, 40, 85, 200}) {
    for (const Index block : {1, 5, 256}) {
      const auto params = params_of(instance, "kmeans", {{"slots", slots}, {"block", block}, {"format", "fp32"}}, 1);
      // The query 0 answers with the mean of all values, whatever the clusters are.
      const RowMatrixD answer = answers_of(params, instance, RowMatrixD::Zero(1, d));
      CHECK((answer - values.cast<double>().colwise().mean()).cwiseAbs().maxCoeff() < 1e-6);
      if (slots < tokens) continue;
      const RowMatrixD queries = 5 * keys.cast<double>();
      CHECK((answers_of(params, instance, queries) - exact_answers(instance, queries)).cwiseAbs().maxCoeff() < 1e-12);
    }
  }
}

// Three tokens of one key and one of another: without the counts the weights would be 1:1.
TEST_CASE("slots weigh as many tokens as they stand for", "[kmeans]") {
  const Index d = 4, tokens = 84;
  const RowMatrixF two_keys = gaussian_rows(2, d, 6), two_values = gaussian_rows(2, d, 7);
  RowMatrixF keys(tokens + 1, d), values(tokens + 1, d);
  for (Index i = 0; i <= tokens; ++i) {
    keys.row(i) = two_keys.row(i % 4 == 3);
    values.row(i) = two_values.row(i % 4 == 3);
  }
  const auto instance = given_instance(sides({1, 2, 4, 8, 16}), keys, values);
  const RowMatrixD queries = 2 * gaussian_rows(10, d, 8).cast<double>();
  for (const Index slots : {2, 5}) {
    for (const Index block : {3, 256}) {
      const auto params = params_of(instance, "kmeans", {{"slots", slots}, {"block", block}, {"format", "fp32"}}, 2);
      CHECK((answers_of(params, instance, queries) - exact_answers(instance, queries)).cwiseAbs().maxCoeff() < 1e-6);
    }
  }
}

TEST_CASE("public keys are clustered by Bob as by Alice", "[kmeans]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16}), 12), 3);
  const RowMatrixD queries = 6 * all_keys(*instance).cast<double>();
  for (const Index slots : {1, 9, 84}) {
    for (const Index block : {4, 256}) {
      Json options{{"slots", slots}, {"block", block}, {"format", "fp32"}, {"keys", "stored"}};
      const auto stored = params_of(*instance, "kmeans", options, 6);
      options["keys"] = "public";
      const auto open = params_of(*instance, "kmeans", options, 6);
      CHECK(answers_of(stored, *instance, queries) == answers_of(open, *instance, queries));
      CHECK(simulator::encode(open, *instance).bits.size == slots * 12 * 32);
      CHECK(simulator::encode(stored, *instance).bits.size == slots * (24 * 32 + 7));
    }
  }
}

// The floor of c clusters is c d bits. Slots hold 2 d half floats and a count each, whatever N is, so the message is
// within 32 + ceil(log2(N + 1))/d of the floor, and no bit is wrong.
TEST_CASE("k-means answers a clustered cache near its floor", "[kmeans]") {
  const Index d = 64, clusters = 16;
  for (const int n : {16, 32, 64}) {
    auto family = instance_params(geometry::Schedule::named("doubling", n), d);
    family.family = "clustered";
    family.options = reduction::InstanceFamilies::find("clustered", "instance")
                         .options()
                         .resolve({{"clusters", clusters}, {"radius", 0.1}}, "instance");
    for (std::uint64_t trial = 0; trial < 10; ++trial) {
      const auto instance = index_instance(family, trial);
      const auto params = params_of(*instance, "kmeans", {{"slots", clusters}}, 16);
      const auto message = simulator::encode(params, *instance);
      CHECK(1.0 * message.bits.size / (clusters * d) < 32.25);
      const RowMatrixD queries = 16 * all_keys(*instance).topRows(2 * clusters).cast<double>();
      const RowMatrixD answers = answers_of(params, *instance, queries);
      const RowMatrixF truth = all_values(*instance).topRows(2 * clusters);
      CHECK(((answers.array() > 0.5) == (truth.array() > 0.5f)).all());
    }
  }
}

TEST_CASE("k-means is as good on three streams as was measured elsewhere", "[kmeans][three_settings]") {
  const Json options{{"slots", 110}};
  const auto orthogonal = compare(Tokens::near_orthogonal, "kmeans", options);
  CHECK(orthogonal.bits_per_token == Approx(222).epsilon(0.01));
  CHECK(orthogonal.relative_error > 0.98 / 1.5);
  CHECK(orthogonal.relative_error < 0.98 * 1.5);
  CHECK(compare(Tokens::clustered, "kmeans", options).relative_error < 0.01);
  const double low = compare(Tokens::low_dimensional, "kmeans", options).relative_error;
  CAPTURE(low);
  CHECK(low > 0.44 / 1.5);
  CHECK(low < 0.44 * 1.5);
}

}  // namespace kvfrontier::tests::kmeans
