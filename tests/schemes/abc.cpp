// abc: each member of the family against its control vectors written out.

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "core/float_format.hpp"

namespace kvfrontier::tests::abc {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

const std::vector<std::string> members{"mlp_rand", "window", "cluster", "random", "linformer_jl", "linformer_avg"};

Json options(const std::string& member, Index slots) {
  return {{"member", member}, {"slots", slots}, {"format", "fp32"}, {"block", 4}};
}

RowMatrixD exact(const RowMatrixD& queries, const reduction::Instance& instance) {
  return attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>().eval(),
                                             all_values(instance).cast<double>().eval());
}

// Keys and values of an fp32 message without a count.
std::pair<RowMatrixF, RowMatrixF> slots_of(const core::BitString& bits, Index slots, Index d) {
  core::BitReader reader(bits);
  RowMatrixF keys(slots, d), values(slots, d);
  core::get_floats(reader, core::FloatFormat::fp32, keys.data(), static_cast<std::size_t>(keys.size()));
  core::get_floats(reader, core::FloatFormat::fp32, values.data(), static_cast<std::size_t>(values.size()));
  return {keys, values};
}

}  // namespace

TEST_CASE("the window of abc is streaming_llm without sinks, bit for bit", "[abc]") {
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, 5, 1), gaussian_rows(21, 5, 2));
  for (const Index window : {1, 4, 20, 21}) {
    for (const char* keys : {"stored", "public"}) {
      CAPTURE(window, keys);
      const auto abc = simulator::encode(
          params_of(instance, "abc", {{"member", "window"}, {"slots", window}, {"keys", keys}}, 4), instance);
      const auto streaming = simulator::encode(
          params_of(instance, "streaming_llm", {{"sinks", 0}, {"window", window}, {"keys", keys}}, 4), instance);
      CHECK(abc.bits == streaming.bits);
      CHECK(abc.ledger == streaming.ledger);
    }
  }
}

TEST_CASE("a slot for every token is exact attention in windows and clusters", "[abc]") {
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, 6, 1), gaussian_rows(21, 6, 2));
  const RowMatrixD queries = 5 * gaussian_rows(30, 6, 3).cast<double>();
  for (const char* member : {"window", "cluster"}) {
    CAPTURE(member);
    const RowMatrixD answers = answers_of(params_of(instance, "abc", options(member, 21), 5), instance, queries);
    CHECK((answers - exact(queries, instance)).cwiseAbs().maxCoeff() < 1e-12);
  }
}

TEST_CASE("equal values come back from every member but signed columns", "[abc]") {
  RowMatrixF values(21, 4);
  values.rowwise() = Eigen::RowVector4f(0.5f, -2, 0, 1);
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, 4, 1), values);
  const RowMatrixD queries = 3 * gaussian_rows(20, 4, 3).cast<double>();
  for (const auto& member : members) {
    CAPTURE(member);
    const RowMatrixD answers = answers_of(params_of(instance, "abc", options(member, 5), 3), instance, queries);
    const double off = (answers.rowwise() - values.row(0).cast<double>()).cwiseAbs().maxCoeff();
    // One rounding of each stored mean to single precision.
    if (member == "linformer_jl") {
      CHECK(off > 0.1);
    } else {
      CHECK(off < 1e-6);
    }
  }
}

TEST_CASE("the running slots of mlp_rand are the batch softmax over tokens", "[abc]") {
  const Index d = 7, slots = 6;
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, d, 1), gaussian_rows(21, d, 2));
  for (const bool official : {false, true}) {
    for (const double temperature : {0.0, 1.0, 60.0}) {
      CAPTURE(official, temperature);
      Json given = options("mlp_rand", slots);
      given["temperature"] = temperature;
      given["official"] = official;
      const auto params = params_of(instance, "abc", given, 4);
      const auto [keys, values] = slots_of(simulator::encode(params, instance).bits, slots, d);
      for (Index j = 0; j < slots; ++j) {
        core::Stream stream(params.coins, core::Purpose("abc/control"), static_cast<std::uint64_t>(j));
        boost::random::normal_distribution<double> normal(0, temperature);
        Eigen::VectorXd row(d);
        for (Index c = 0; c < d; ++c) row[c] = normal(stream);
        Eigen::VectorXd scores = all_keys(instance).cast<double>() * row;
        if (official) scores = scores.cwiseMax(-32).cwiseMin(32);
        const Eigen::VectorXd weights = (scores.array() - scores.maxCoeff()).exp();
        const Eigen::RowVectorXd key = weights.transpose() * all_keys(instance).cast<double>() / weights.sum();
        const Eigen::RowVectorXd value = weights.transpose() * all_values(instance).cast<double>() / weights.sum();
        // One rounding of each stored mean to single precision.
        CHECK((keys.row(j).cast<double>() - key).cwiseAbs().maxCoeff() < 1e-6);
        CHECK((values.row(j).cast<double>() - value).cwiseAbs().maxCoeff() < 1e-6);
      }
    }
  }
}

TEST_CASE("random slots hold the means of their tokens, and empty ones are not asked", "[abc]") {
  const Index d = 3, slots = 15;
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, d, 1), gaussian_rows(21, d, 2));
  const auto params = params_of(instance, "abc", options("random", slots), 4);
  std::map<Index, std::vector<Index>> tokens;
  for (Index token = 0; token < 21; ++token) {
    core::Stream stream(params.coins, core::Purpose("abc/slot"), static_cast<std::uint64_t>(token));
    tokens[boost::random::uniform_int_distribution<Index>(0, slots - 1)(stream)].push_back(token);
  }
  REQUIRE(tokens.size() < slots);
  // At query 0 all slots count alike.
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(d);
  for (const auto& [slot, list] : tokens) {
    Eigen::RowVectorXd of_slot = Eigen::RowVectorXd::Zero(d);
    for (const Index token : list) of_slot += all_values(instance).row(token).cast<double>();
    mean += of_slot / static_cast<double>(list.size()) / static_cast<double>(tokens.size());
  }
  CHECK((answers_of(params, instance, RowMatrixD::Zero(1, d)) - mean).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("clusters of three and one token weigh alike in abc, and three to one in kmeans", "[abc]") {
  RowMatrixF keys = RowMatrixF::Zero(4, 2), values = RowMatrixF::Zero(4, 1);
  keys.col(0) << 1, 0, 1, 1;
  keys.col(1) << 0, 1, 0, 0;
  RowMatrixF wide(4, 2);
  wide << 1, 0, 0, 1, 1, 0, 1, 0;
  const auto instance = given_instance(sides({2, 3}), keys, wide);
  const RowMatrixD query = RowMatrixD::Zero(1, 2);
  const RowMatrixD abc = answers_of(params_of(instance, "abc", options("cluster", 2), 1), instance, query);
  const RowMatrixD kmeans =
      answers_of(params_of(instance, "kmeans", {{"slots", 2}, {"format", "fp32"}}, 1), instance, query);
  CHECK(abc(0, 0) == Approx(0.5));
  CHECK(kmeans(0, 0) == Approx(0.75));
}

}  // namespace kvfrontier::tests::abc
