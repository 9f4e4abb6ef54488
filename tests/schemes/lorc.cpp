// lorc: planted ranks, given weights, the rule of progressive ranks.

#include <Eigen/SVD>
#include <cmath>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "schemes/codec/rank_schedule.hpp"

namespace kvfrontier::tests::lorc {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

RowMatrixD exact(const RowMatrixD& queries, const reduction::Instance& instance) {
  return attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>().eval(),
                                             all_values(instance).cast<double>().eval());
}

reduction::InstanceParams projected(Index d, const Json& options) {
  auto params = instance_params(geometry::Schedule::named("doubling", 16), d);
  params.family = "projected";
  params.options = reduction::InstanceFamilies::find("projected", "").options().resolve(options, "");
  return params;
}

schemes::PublicParams given_weights(const reduction::Instance& instance, const std::string& scheme, Json options) {
  options["mode"] = "given_weights";
  auto params = params_of(instance, scheme, options, 4);
  const auto& family = reduction::InstanceFamilies::find("projected", "");
  params.keys_are_public = family.keys_are_public();
  params.projection = family.projection(instance.params());
  return params;
}

}  // namespace

TEST_CASE("rows of a planted rank come back at that rank and not below", "[lorc]") {
  const auto schedule = geometry::Schedule::named("doubling", 16);
  const Index tokens = schedule.tokens(), d = 10;
  const auto instance = given_instance(schedule, gaussian_rows(tokens, 3, 1) * gaussian_rows(3, d, 2),
                                       gaussian_rows(tokens, 3, 3) * gaussian_rows(3, d, 4));
  const RowMatrixD queries = 2 * gaussian_rows(20, d, 5).cast<double>(), truth = exact(queries, instance);
  for (const char* mode : {"data_basis", "shared_basis"}) {
    const auto off = [&](Index rank) {
      const Json options = {{"mode", mode}, {"rank", rank}, {"ranks", "uniform"}, {"format", "fp32"}};
      return (answers_of(params_of(instance, "lorc", options, 2), instance, queries) - truth).cwiseAbs().maxCoeff();
    };
    CAPTURE(mode);
    // Single-precision products of rows of size about 1.
    CHECK(off(3) < 1e-5);
    CHECK(off(10) < 1e-5);
    CHECK(off(2) > 1e-3);
  }
}

TEST_CASE("given weights: codes of the weights' rank are exact, and decay pays", "[lorc]") {
  for (const Index width : {4, 8, 12}) {
    const auto instance = index_instance(projected(8, {{"width", width}, {"decay", 0.6}}), 0);
    const RowMatrixD queries = 4 * gaussian_rows(20, 8, 5).cast<double>(), truth = exact(queries, *instance);
    const auto off = [&](Index rank) {
      const auto params = given_weights(*instance, "lorc", {{"rank", rank}, {"ranks", "uniform"}, {"format", "fp32"}});
      return (answers_of(params, *instance, queries) - truth).norm() / truth.norm();
    };
    CAPTURE(width);
    CHECK(off(8) < 1e-5);
    CHECK(off(1) > off(2));
    CHECK(off(2) > off(3));
    CHECK(off(3) > 1e-3);
    const auto params = given_weights(*instance, "lorc", {{"rank", 8}, {"ranks", "uniform"}});
    CHECK(simulator::encode(params, *instance).bits.size == 85 * std::min<Index>(width, 8) * 2 * 16);
  }
}

TEST_CASE("equal condition numbers in three maps give ranks on a line", "[lorc]") {
  CHECK(schemes::progressive_ranks({1, 1, 1}, 16, 8) == std::vector<Index>{16, 12, 8});
  CHECK(schemes::progressive_ranks({0.3, 0.3, 0.3}, 16, 8) == std::vector<Index>{16, 12, 8});
  CHECK(schemes::progressive_ranks({5}, 7, 2) == std::vector<Index>{7});
  CHECK(schemes::progressive_ranks({0, 0, 0}, 7, 2) == std::vector<Index>{7, 7, 7});
  // Cumulative logs 6, 2, 1: shares 0, 4/5, 1 of the way from 11 to 1.
  CHECK(schemes::progressive_ranks({4, 1, 1}, 11, 1) == std::vector<Index>{11, 3, 1});
}

TEST_CASE("condition numbers of random matrices lie near the Marchenko-Pastur edges", "[lorc]") {
  CHECK(schemes::random_log_condition(9, 9) == Approx(std::log(1e6)));
  CHECK(schemes::random_log_condition(4, 1) == Approx(std::log(3.0)));
  CHECK(schemes::random_log_condition(1, 4) == Approx(std::log(3.0)));
  const RowMatrixD rows = gaussian_rows(400, 100, 3).cast<double>();
  const auto values = Eigen::JacobiSVD<Eigen::MatrixXd>(rows).singularValues();
  // (20 + 10)/(20 - 10); fluctuations at the edges are of order 100^(-2/3).
  CHECK(values[0] / values[99] == Approx(3).epsilon(0.1));
}

TEST_CASE("the hidden row stored once: exact at half floats, one row and not two", "[shared_x]") {
  for (const bool normalised : {false, true}) {
    const auto instance = index_instance(projected(8, {{"width", 12}, {"decay", 0.8}}), 0);
    const RowMatrixD queries = 4 * gaussian_rows(20, 8, 5).cast<double>(), truth = exact(queries, *instance);
    const auto params = given_weights(*instance, "shared_x", {{"bits", 16}, {"normalised", normalised}});
    CAPTURE(normalised);
    // Half floats of relative error 2^-11 in every entry of x.
    CHECK((answers_of(params, *instance, queries) - truth).norm() / truth.norm() < 4.0 / 2048);
    CHECK(simulator::encode(params, *instance).bits.size == 85 * (12 * 16 + (normalised ? 16 : 0)));
  }
}

TEST_CASE("the step function of shared_x has its published error on Gaussian hidden rows", "[shared_x]") {
  // With D = d = 1 keys and values are the hidden number itself, and a query of 0 averages the values: seen one by one
  // with N = 1.
  constexpr int trials = 4000;
  for (const auto& [bits, mse] : {std::pair{1, 0.36338}, {2, 0.11748}, {3, 0.03454}, {4, 0.00950}}) {
    std::vector<double> squares;
    for (std::uint64_t trial = 0; trial < trials; ++trial) {
      auto family = projected(1, {{"width", 1}});
      family.schedule = geometry::Schedule::named("one_step", 3);
      const auto instance = index_instance(family, trial);
      const auto params = given_weights(*instance, "shared_x", {{"bits", bits}});
      squares.push_back(
          (answers_of(params, *instance, RowMatrixD::Zero(1, 1)) - all_values(*instance).cast<double>()).squaredNorm());
    }
    double mean = 0, square = 0;
    for (const double x : squares) mean += x / trials;
    for (const double x : squares) square += (x - mean) * (x - mean) / trials;
    CAPTURE(bits, mean);
    // Five standard errors.
    CHECK(std::abs(mean - mse) < 5 * std::sqrt(square / trials));
  }
}

TEST_CASE("keys and values of a joint rank share their codes", "[shared_x]") {
  const auto schedule = sides({10, 11});
  const RowMatrixF hidden = gaussian_rows(100, 4, 1);
  const auto instance = given_instance(schedule, hidden * gaussian_rows(4, 16, 2), hidden * gaussian_rows(4, 16, 3));
  const RowMatrixD queries = gaussian_rows(20, 16, 5).cast<double>(), truth = exact(queries, instance);
  const auto params = params_of(instance, "shared_x", {{"bits", 16}, {"rank", 4}}, 1);
  CHECK(simulator::encode(params, instance).bits.size == 100 * 4 * 16 + 4 * 32 * 16);
  CHECK((answers_of(params, instance, queries) - truth).norm() / truth.norm() < 8.0 / 2048);
}

TEST_CASE("the budget of shared_x buys rank", "[shared_x]") {
  const Index d = 6;
  const auto instance = given_instance(sides({10, 11}), gaussian_rows(100, d, 1), gaussian_rows(100, d, 2));
  const auto& scheme = schemes::Schemes::find("shared_x", "scheme");
  const auto params = params_of(instance, "shared_x", Json::object(), 1);
  const auto length = [&](int bits, Index rank) {
    return *scheme.message_bits(params_of(instance, "shared_x", {{"bits", bits}, {"rank", rank}}, 1));
  };
  // 4 bits an entry of X and 16 one of A: both grow with the rank.
  CHECK(length(4, 3) == 100 * 3 * 4 + 3 * 12 * 16);
  CHECK(length(4, 0) == length(4, d));
  for (Index rank = 1; rank < 2 * d; ++rank) {
    for (const core::Bits budget : {length(4, rank), length(4, rank + 1) - 1}) {
      const Json options = scheme.fit(params, budget).options.value().to_json();
      CAPTURE(rank, budget, options.dump());
      CHECK(options["bits"] == 4);
      CHECK(options["rank"] == rank);
    }
  }
  CHECK(scheme.fit(params, length(16, 2 * d)).options.value().to_json()["bits"] == 16);

  // Rank below that of [K|V] is missed, rank above it changes nothing.
  const RowMatrixF hidden = gaussian_rows(100, 4, 1);
  const auto low = given_instance(sides({10, 11}), hidden * gaussian_rows(4, d, 2), hidden * gaussian_rows(4, d, 3));
  const RowMatrixD queries = gaussian_rows(20, d, 5).cast<double>(), truth = exact(queries, low);
  const auto error = [&](Index rank) {
    const auto sized = params_of(low, "shared_x", {{"bits", 16}, {"rank", rank}}, 1);
    return (answers_of(sized, low, queries) - truth).norm() / truth.norm();
  };
  CHECK(error(2) > 0.05);
  CHECK(error(4) < 8.0 / 2048);
  CHECK(error(5) < 8.0 / 2048);
}

}  // namespace kvfrontier::tests::lorc
