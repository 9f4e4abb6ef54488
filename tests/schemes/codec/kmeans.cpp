#include "schemes/codec/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "../../support/catch.hpp"
#include "../../support/game.hpp"

using namespace kvfrontier;
using namespace kvfrontier::tests;
using core::RowMatrixD;
using core::RowMatrixF;
using schemes::Clustering;
using schemes::kmeans;

namespace {

core::Stream coins_of(std::uint64_t seed) {
  return {{seed}, core::Purpose("tests/kmeans"), 0};
}

std::vector<double> drawn_weights(Index count, std::uint64_t seed) {
  core::Stream coins({seed}, core::Purpose("tests/weights"), 0);
  std::vector<double> weights(static_cast<std::size_t>(count));
  for (double& w : weights) w = 1 + static_cast<double>(coins.next64() % 5);
  return weights;
}

// Weighted squared distances to the means of the clusters of a partition, from scratch.
double cost_of(const RowMatrixF& points, const std::vector<double>& weights, const std::vector<Index>& cluster) {
  double cost = 0;
  for (const Index c : std::set<Index>(cluster.begin(), cluster.end())) {
    Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(points.cols());
    double total = 0;
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      if (cluster[i] != c) continue;
      mean += weights[i] * points.row(static_cast<Index>(i)).cast<double>();
      total += weights[i];
    }
    mean /= total;
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      if (cluster[i] == c) cost += weights[i] * (points.row(static_cast<Index>(i)).cast<double>() - mean).squaredNorm();
    }
  }
  return cost;
}

// Over all k^n assignments.
double least_cost(const RowMatrixF& points, const std::vector<double>& weights, Index k) {
  std::vector<Index> cluster(weights.size());
  double least = 1e300;
  for (;;) {
    least = std::min(least, cost_of(points, weights, cluster));
    std::size_t i = 0;
    while (i < cluster.size() && ++cluster[i] == k) cluster[i++] = 0;
    if (i == cluster.size()) return least;
  }
}

}  // namespace

TEST_CASE("k-means finds the best partition of a few points", "[kmeans]") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const RowMatrixF points = gaussian_rows(7, 2, seed);
    const auto weights = drawn_weights(7, seed);
    for (const Index k : {1, 2, 3}) {
      const double least = least_cost(points, weights, k);
      double best = 1e300, sum = 0;
      for (std::uint64_t draw = 0; draw < 30; ++draw) {
        core::Stream coins = coins_of(draw);
        const double cost = cost_of(points, weights, kmeans(points, weights, k, 20, coins).cluster);
        CHECK(cost >= least * (1 - 1e-6));
        best = std::min(best, cost);
        sum += cost / 30;
      }
      CAPTURE(seed, k, least);
      CHECK(best == Approx(least).epsilon(1e-6));
      // The mean over seeds is within 8 (ln k + 2) of the best (Arthur and Vassilvitskii), before Lloyd.
      CHECK(sum <= 8 * (std::log(static_cast<double>(k)) + 2) * least);
    }
  }
}

TEST_CASE("centres are the means of the points nearest to them", "[kmeans]") {
  const Index n = 300, d = 5, k = 17;
  const RowMatrixF points = gaussian_rows(n, d, 3);
  const auto weights = drawn_weights(n, 4);
  core::Stream coins = coins_of(1);
  const Clustering found = kmeans(points, weights, k, 1000, coins);
  REQUIRE(found.centres.rows() == k);
  RowMatrixD sums = RowMatrixD::Zero(k, d);
  Eigen::VectorXd totals = Eigen::VectorXd::Zero(k);
  for (Index i = 0; i < n; ++i) {
    const double w = weights[static_cast<std::size_t>(i)];
    const Index c = found.cluster[static_cast<std::size_t>(i)];
    sums.row(c) += w * points.row(i).cast<double>();
    totals[c] += w;
    for (Index other = 0; other < k; ++other) {
      CHECK((points.row(i) - found.centres.row(c)).norm() <= (points.row(i) - found.centres.row(other)).norm() + 1e-5);
    }
  }
  for (Index c = 0; c < k; ++c) {
    CHECK(totals[c] > 0);
    CHECK((sums.row(c) / totals[c] - found.centres.row(c).cast<double>()).cwiseAbs().maxCoeff() < 1e-6);
  }
  CHECK(schemes::cluster_weights(weights, found.cluster, k) == std::vector<double>(totals.data(), totals.data() + k));
}

TEST_CASE("more rounds never cost more", "[kmeans]") {
  const RowMatrixF points = gaussian_rows(200, 3, 8);
  const auto weights = drawn_weights(200, 8);
  double before = 1e300;
  for (const int rounds : {0, 1, 2, 3, 5, 8, 13, 100}) {
    core::Stream coins = coins_of(5);
    const double cost = cost_of(points, weights, kmeans(points, weights, 12, rounds, coins).cluster);
    CHECK(cost <= before * (1 + 1e-6));
    before = cost;
  }
}

TEST_CASE("as many centres as distinct points are these points", "[kmeans]") {
  RowMatrixF points(40, 3);
  const RowMatrixF distinct = gaussian_rows(4, 3, 2);
  for (Index i = 0; i < 40; ++i) points.row(i) = distinct.row(i * i % 4 + (i % 3 == 0 ? 2 : 0));
  const std::vector<double> weights(40, 1);
  for (const Index k : {4, 9}) {
    core::Stream coins = coins_of(7);
    const Clustering found = kmeans(points, weights, k, 8, coins);
    for (Index i = 0; i < 40; ++i)
      CHECK(found.centres.row(found.cluster[static_cast<std::size_t>(i)]) == points.row(i));
    CHECK(found.centres.rows() <= 4);
  }
  core::Stream coins = coins_of(7);
  const Clustering whole = kmeans(points, weights, 40, 8, coins);
  CHECK(whole.centres == points);
  CHECK(kmeans(points.topRows(0), {}, 3, 8, coins).centres.rows() == 0);
}

// Points 0, 1, 3 of weights 1, 1, 2. The first seed has law (1, 1, 2)/4. After 0 a candidate is 3 with probability
// 18/19, and 3 wins against 1 (cost 1 against 8), so of two candidates it is the second seed with 1 - 1/19^2.
TEST_CASE("seeds are drawn in proportion to weight and squared distance", "[kmeans]") {
  RowMatrixF points(3, 1);
  points << 0, 1, 3;
  const std::vector<double> weights{1, 1, 2};
  constexpr int draws = 40'000;
  std::vector<double> first(3);
  double from_zero = 0, to_one = 0;
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    core::Stream coins = coins_of(draw);
    const auto seeds = schemes::kmeans_seeds(points, weights, 2, coins);
    REQUIRE(seeds.size() == 2);
    ++first[static_cast<std::size_t>(seeds[0])];
    from_zero += seeds[0] == 0;
    to_one += seeds[0] == 0 && seeds[1] == 1;
  }
  // Five standard deviations.
  for (std::size_t i = 0; i < 3; ++i) {
    const double p = weights[i] / 4;
    CHECK(std::abs(first[i] / draws - p) < 5 * std::sqrt(p * (1 - p) / draws));
  }
  CHECK(std::abs(to_one / from_zero - 1.0 / 361) < 5 * std::sqrt(1.0 / 361 / from_zero));
}

// Jensen below, Hoeffding above.
TEST_CASE("centroids with counts bound the partition function", "[kmeans]") {
  const Index n = 200, d = 4;
  const RowMatrixF points = gaussian_rows(n, d, 9);
  const std::vector<double> ones(static_cast<std::size_t>(n), 1);
  core::Stream coins = coins_of(2);
  const Clustering found = kmeans(points, ones, 10, 20, coins);
  double delta = 0;
  for (Index i = 0; i < n; ++i) {
    const Index c = found.cluster[static_cast<std::size_t>(i)];
    delta = std::max(delta, static_cast<double>((points.row(i) - found.centres.row(c)).norm()));
  }
  const auto counts = schemes::cluster_weights(ones, found.cluster, found.centres.rows());
  for (Index row = 0; row < 20; ++row) {
    const Eigen::VectorXd query = 4 * gaussian_rows(20, d, 10).row(row).cast<double>();
    double exact = 0, estimate = 0;
    for (Index i = 0; i < n; ++i) exact += std::exp(points.row(i).cast<double>().dot(query));
    for (Index c = 0; c < found.centres.rows(); ++c) {
      estimate += counts[static_cast<std::size_t>(c)] * std::exp(found.centres.row(c).cast<double>().dot(query));
    }
    CHECK(exact >= estimate * (1 - 1e-6));
    CHECK(exact <= estimate * std::exp(delta * delta * query.squaredNorm() / 2) * (1 + 1e-6));
  }
}
