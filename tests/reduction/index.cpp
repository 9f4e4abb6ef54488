#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "sweep/config.hpp"

using namespace kvfrontier;
using namespace kvfrontier::tests;

namespace {

std::unique_ptr<reduction::Instance> with_coins(const reduction::InstanceParams& params, std::uint64_t open,
                                                std::uint64_t alice, std::uint64_t bob) {
  return reduction::make_instance(params, {{open}, {alice}, {bob}});
}

}  // namespace

TEST_CASE("INDEX bits are a function of Alice's key and their index", "[index]") {
  const auto schedule = geometry::Schedule::named("doubling", 8);
  const auto base = with_coins(instance_params(schedule, 40), 1, 2, 3);
  const core::RowMatrixF bits = all_values(*base);
  CHECK((bits.array() == 0 || bits.array() == 1).all());
  CHECK(base->information_bits() == 21 * 40);

  // Neither the public coins, nor Bob's, nor the embedding, nor how the rows are asked for.
  CHECK(all_values(*with_coins(instance_params(schedule, 40), 8, 2, 9)) == bits);
  CHECK(all_values(*with_coins(instance_params(schedule, 40, "rademacher"), 1, 2, 3)) == bits);
  for (Index first = 0; first < 21; ++first) {
    for (Index count = 1; first + count <= 21; count += 3) {
      core::RowMatrixF block(count, 40);
      base->values(first, block);
      REQUIRE(block == bits.middleRows(first, count));
    }
  }
  // A narrower or shorter instance is a corner of this one.
  CHECK(all_values(*with_coins(instance_params(schedule, 7), 1, 2, 3)) == bits.leftCols(7));
  CHECK(all_values(*with_coins(instance_params(sides({1, 2, 5}), 40), 1, 2, 3)) == bits.topRows(5));
  // Alice's key does matter.
  CHECK(all_values(*with_coins(instance_params(schedule, 40), 1, 4, 3)) != bits);
}

TEST_CASE("INDEX bits are fair and pairwise independent", "[index]") {
  const auto instance = with_coins(instance_params(geometry::Schedule::named("doubling", 64), 33), 1, 77, 3);
  const core::RowMatrixD signs = (all_values(*instance).cast<double>().array() * 2 - 1).matrix();
  const double tokens = static_cast<double>(signs.rows());  // 1365
  // Five standard errors for each of 33 means, 528 products of columns and 3 lags along the stream: about 600 checks at
  // 6e-7 each.
  for (Index c = 0; c < 33; ++c) CHECK(std::abs(signs.col(c).mean()) < 5 / std::sqrt(tokens));
  const core::RowMatrixD products = signs.transpose() * signs / tokens;
  for (Index a = 0; a < 33; ++a) {
    for (Index b = 0; b < a; ++b) REQUIRE(std::abs(products(a, b)) < 5 / std::sqrt(tokens));
  }
  for (const Index lag : {1, 2, 32}) {
    const auto rows = signs.rows() - lag;
    const double correlation = (signs.topRows(rows).array() * signs.bottomRows(rows).array()).mean();
    CHECK(std::abs(correlation) < 5 / std::sqrt(static_cast<double>(rows * 33)));
  }
}

TEST_CASE("keys are rows of the embedding under the public coins, queried rows a function of Bob's", "[index]") {
  const auto params = instance_params(geometry::Schedule::named("doubling", 8), 16);
  const auto base = with_coins(params, 1, 2, 3);
  core::RowMatrixF expected(21, 16);
  params.keys().rows({1}, 21, 0, expected);
  CHECK(all_keys(*base) == expected);
  CHECK(all_keys(*with_coins(params, 1, 5, 6)) == expected);
  CHECK(all_keys(*with_coins(params, 5, 2, 3)) != expected);

  CHECK(base->queried_rows(50) == with_coins(params, 9, 9, 3)->queried_rows(50));
  CHECK(base->queried_rows(50) != with_coins(params, 1, 2, 4)->queried_rows(50));
  const auto few = base->queried_rows(20), many = base->queried_rows(50);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("Bob asks for uniform rows with replacement", "[index]") {
  const auto instance = with_coins(instance_params(geometry::Schedule::named("doubling", 8), 4), 1, 2, 12);
  constexpr Index count = 21'000;
  std::map<Index, int> seen;
  const auto rows = instance->queried_rows(count);
  for (const Index row : rows) {
    REQUIRE((row >= 0 && row < 21));
    ++seen[row];
  }
  double chi_square = 0;
  for (Index row = 0; row < 21; ++row) chi_square += std::pow(seen[row] - 1000.0, 2) / 1000;
  // 20 degrees of freedom: P(above 61.4) < 5e-6.
  CHECK(chi_square < 61.4);
  // With replacement: a draw equals the one before with probability 1/21.
  int repeats = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) repeats += rows[i] == rows[i - 1];
  CHECK(std::abs(repeats - 1000.0) < 5 * std::sqrt(1000.0));
}

TEST_CASE("mixtures are midpoints of two keys, random queries have norm tau", "[index]") {
  const auto instance = with_coins(instance_params(geometry::Schedule::named("doubling", 4), 12), 1, 2, 3);
  const core::RowMatrixD keys = all_keys(*instance).cast<double>(), mixtures = instance->mixture_queries(10, 6);
  for (Index q = 0; q < 10; ++q) {
    double nearest = 1;
    for (Index i = 0; i < 5; ++i) {
      for (Index j = 0; j < 5; ++j)
        nearest = std::min(nearest, (mixtures.row(q) - 3 * (keys.row(i) + keys.row(j))).norm());
    }
    CHECK(nearest < 1e-5);  // the sum of two floats is rounded once
  }
  const core::RowMatrixD random = instance->random_queries(10, 6);
  for (Index q = 0; q < 10; ++q) CHECK(random.row(q).norm() == Approx(6).epsilon(1e-12));
  CHECK(instance->random_queries(0, 6).rows() == 0);
}

TEST_CASE("the three keys of a trial depend on the instance and on nothing else", "[index]") {
  const auto params = instance_params(geometry::Schedule::named("doubling", 8), 16);
  const auto coins = reduction::TrialCoins::derive(7, params, 3);
  CHECK(coins.open == reduction::TrialCoins::derive(7, params, 3).open);
  std::set<std::uint64_t> all;
  std::size_t count = 0;
  const auto gather = [&](const reduction::TrialCoins& c) {
    for (const core::Coins coins : {c.open, c.alice, c.bob}) {
      all.insert(coins.value);
      ++count;
    }
  };
  gather(coins);
  gather(reduction::TrialCoins::derive(8, params, 3));
  gather(reduction::TrialCoins::derive(7, params, 4));
  auto other = params;
  other.d = 17;
  gather(reduction::TrialCoins::derive(7, other, 3));
  other = params;
  other.embedding = "srht";
  gather(reduction::TrialCoins::derive(7, other, 3));
  other = params;
  other.schedule = geometry::Schedule::named("doubling", 16);
  gather(reduction::TrialCoins::derive(7, other, 3));
  CHECK(all.size() == count);
  // The sides are the instance; how the user called them is not.
  other = params;
  other.schedule = sides({1, 2, 4, 8});
  CHECK(reduction::TrialCoins::derive(7, other, 3).open == coins.open);
}

// Through the experiment itself: what crosses the game in every combination of scheme, rate, tolerance and scaling.
TEST_CASE("scheme, rate, tau, eta and stopping do not change keys, bits or queried rows", "[index][frontier]") {
  const auto plan = sweep::make_plan(core::Json::parse(R"({
    "experiment": "index_frontier", "seed": 5,
    "grid": {"n": 4, "d": 24, "eta": [0, 0.5], "tau": ["certified", 9.5], "rate": [24, 48],
             "scheme": ["exact", "uniform", {"name": "h2o", "keys": "public"}, {"name": "kivi", "bits": 2}, "bitpack"]},
    "queries": 12, "stop": {"min_trials": 1, "max_trials": 2}})"));
  REQUIRE(plan.points.size() == 2 * 2 * (1 + 2 + 2 + 1 + 2));
  std::set<std::uint64_t> keys;
  std::set<double> scalings;
  std::optional<core::RowMatrixD> directions;
  for (const sweep::Point& point : plan.points) {
    CAPTURE(point.parameters.dump());
    sweep::GamePolicy policy;
    policy.bob.isolation = simulator::Isolation::never;
    std::optional<simulator::Transcript> game;
    policy.on_game = [&](const simulator::Transcript& played) { game = played; };
    const auto result = plan.experiment->measure(point.parameters, 1, policy);
    REQUIRE(result.status == sweep::Status::ok);
    REQUIRE(game);
    keys.insert(game->params.coins.value);
    scalings.insert(game->params.tau);
    const core::RowMatrixD here = game->queries.topRows(12) / game->params.tau;
    if (!directions) directions = here;
    CHECK((here - *directions).cwiseAbs().maxCoeff() < 1e-15);
  }
  CHECK(keys.size() == 1);
  CHECK(scalings.size() == 3);  // certified at two tolerances, and 9.5
}
