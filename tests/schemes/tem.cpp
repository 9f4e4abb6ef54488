// tem: aggregation, sampling and coverage against dense matrices and brute force.

#include <cmath>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "core/float_format.hpp"
#include "schemes/codec/pyramid_graph.hpp"

namespace kvfrontier::tests::tem {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Connected by definition: the same cell; neighbours in a map; a cell and the one of the map before that its corner
// lies in.
bool connected(const geometry::Schedule& schedule, Index a, Index b, bool grid) {
  if (a == b) return true;
  auto p = schedule.position(a), q = schedule.position(b);
  if (p.map > q.map) std::swap(p, q);
  if (p.map == q.map) return grid && std::abs(p.row - q.row) + std::abs(p.column - q.column) == 1;
  if (q.map != p.map + 1) return false;
  const double ratio = 1.0 * schedule.sides()[p.map] / schedule.sides()[q.map];
  return p.row == std::floor(q.row * ratio + 1e-9) && p.column == std::floor(q.column * ratio + 1e-9);
}

RowMatrixD adjacency(const geometry::Schedule& schedule, bool grid) {
  RowMatrixD matrix(schedule.tokens(), schedule.tokens());
  for (Index a = 0; a < matrix.rows(); ++a) {
    for (Index b = 0; b < matrix.cols(); ++b) matrix(a, b) = connected(schedule, a, b, grid) ? 1 : 0;
  }
  return matrix;
}

RowMatrixD normalised(const RowMatrixD& matrix) {
  const Eigen::VectorXd root = matrix.rowwise().sum().array().sqrt().inverse();
  return root.asDiagonal() * matrix * root.asDiagonal();
}

// The iterations as published.
RowMatrixD aggregated(const std::string& name, const RowMatrixD& a, const RowMatrixD& x, int hops, double alpha) {
  RowMatrixD z = x;
  if (name == "sgc") {
    for (int i = 0; i < hops; ++i) z = a * z;
    return z;
  }
  if (name == "appnp") {
    for (int i = 0; i < hops; ++i) z = (1 - alpha) * a * z + alpha * x;
    return z;
  }
  RowMatrixD sum = RowMatrixD::Zero(x.rows(), x.cols());
  for (int i = 0; i < hops; ++i) {
    z = a * z;
    sum += z;
  }
  return (1 - alpha) / hops * sum + alpha * x;
}

// The value rows of an fp32 message.
RowMatrixF values_of(const core::BitString& bits, Index rows, Index d) {
  core::BitReader reader(bits);
  RowMatrixF keys(rows, d), values(rows, d);
  core::get_floats(reader, core::FloatFormat::fp32, keys.data(), keys.size());
  core::get_floats(reader, core::FloatFormat::fp32, values.data(), values.size());
  return values;
}

const std::vector<geometry::Schedule> schedules{geometry::Schedule::named("doubling", 16), sides({2, 3, 5, 7}),
                                                geometry::Schedule::named("var256", 16), sides({3, 4})};

}  // namespace

TEST_CASE("the pyramid graph is the one told by positions", "[tem]") {
  for (const auto& schedule : schedules) {
    for (const bool grid : {false, true}) {
      const schemes::PyramidGraph graph(schedule, grid);
      const RowMatrixD a = adjacency(schedule, grid);
      CAPTURE(schedule.name(), grid);
      CHECK((RowMatrixD(graph.normalised_adjacency()) - normalised(a)).cwiseAbs().maxCoeff() < 1e-12);
      RowMatrixD laplacian = -a;
      laplacian.diagonal() += a.rowwise().sum();
      CHECK((RowMatrixD(graph.laplacian()) - laplacian).cwiseAbs().maxCoeff() < 1e-12);
    }
  }
}

TEST_CASE("with all nodes stored the message holds the published iterations", "[tem]") {
  const Index d = 3;
  for (const auto& schedule : schedules) {
    const auto instance =
        given_instance(schedule, gaussian_rows(schedule.tokens(), d, 1), gaussian_rows(schedule.tokens(), d, 2));
    for (const char* name : {"appnp", "sgc", "s2gc"}) {
      for (const int hops : {1, 2, 3}) {
        for (const bool grid : {false, true}) {
          CAPTURE(schedule.name(), name, hops, grid);
          const auto params = params_of(instance, "tem",
                                        {{"nodes", schedule.tokens()},
                                         {"aggregation", name},
                                         {"hops", hops},
                                         {"alpha", 0.2},
                                         {"grid", grid},
                                         {"format", "fp32"}},
                                        4);
          const RowMatrixD dense =
              aggregated(name, normalised(adjacency(schedule, grid)), all_values(instance).cast<double>(), hops, 0.2);
          const RowMatrixF sent = values_of(simulator::encode(params, instance).bits, schedule.tokens(), d);
          CHECK((sent.cast<double>() - dense).cwiseAbs().maxCoeff() < 1e-6);
        }
      }
    }
  }
}

TEST_CASE("stored tokens weigh as many tokens as they cover", "[tem]") {
  const auto schedule = geometry::Schedule::named("doubling", 16);
  const Index tokens = schedule.tokens(), d = 4, nodes = 9;
  const RowMatrixD a = adjacency(schedule, true);
  for (const int hops : {0, 1, 2}) {
    for (const char* split : {"proportional", "equal"}) {
      for (std::uint64_t trial = 0; trial < 5; ++trial) {
        CAPTURE(hops, split, trial);
        const auto instance = given_instance(schedule, gaussian_rows(tokens, d, 1), gaussian_rows(tokens, d, 2), trial);
        const auto params =
            params_of(instance, "tem", {{"nodes", nodes}, {"hops", hops}, {"split", split}, {"format", "fp32"}}, 4);
        const RowMatrixF sent = values_of(simulator::encode(params, instance).bits, nodes, d);
        const RowMatrixD dense = aggregated("appnp", normalised(a), all_values(instance).cast<double>(), hops, 0.05);
        // Which tokens were stored: rows are told apart by their entries.
        std::vector<Index> stored;
        for (Index row = 0; row < nodes; ++row) {
          Index nearest;
          const double square =
              (dense.rowwise() - sent.row(row).cast<double>()).rowwise().squaredNorm().minCoeff(&nearest);
          REQUIRE(square < 1e-10);
          stored.push_back(nearest);
        }
        REQUIRE(std::is_sorted(stored.begin(), stored.end()));
        RowMatrixD near = RowMatrixD::Identity(tokens, tokens);
        for (int hop = 0; hop < hops; ++hop) near = near * a;
        Eigen::VectorXd weights = Eigen::VectorXd::Zero(nodes);
        double uncovered = 0;
        for (Index token = 0; token < tokens; ++token) {
          double covering = 0;
          for (const Index node : stored) covering += near(node, token) > 0;
          uncovered += covering == 0;
          for (Index row = 0; row < nodes; ++row) weights[row] += near(stored[row], token) > 0 ? 1 / covering : 0;
        }
        // At query 0 the answer is the weighted mean. Uncovered tokens belong to some nearest node.
        const RowMatrixD answer = answers_of(params, instance, RowMatrixD::Zero(1, d));
        if (uncovered == 0) {
          const Eigen::RowVectorXd mean = weights.transpose() * sent.cast<double>() / weights.sum();
          CHECK((answer - mean).cwiseAbs().maxCoeff() < 1e-6);
        } else {
          std::vector<Index> owner(tokens);
          const auto nearest = schemes::PyramidGraph(schedule, true).nearest(stored);
          for (Index token = 0; token < tokens; ++token) {
            double covering = 0;
            for (const Index node : stored) covering += near(node, token) > 0;
            if (covering > 0) continue;
            // As near as any other stored node.
            const auto distance = [&](Index node) {
              RowMatrixD reach = RowMatrixD::Identity(tokens, tokens).row(token);
              for (int hop = 0;; ++hop) {
                if (reach(0, node) > 0) return hop;
                reach = (reach * a).eval();
              }
            };
            int least = 1000;
            for (const Index node : stored) least = std::min(least, distance(node));
            const Index chosen = nearest[token];
            CHECK(distance(chosen) == least);
            weights[std::find(stored.begin(), stored.end(), chosen) - stored.begin()] += 1;
          }
          const Eigen::RowVectorXd mean = weights.transpose() * sent.cast<double>() / weights.sum();
          CHECK((answer - mean).cwiseAbs().maxCoeff() < 1e-6);
        }
        CHECK(weights.sum() == Approx(tokens));
      }
    }
  }
}

TEST_CASE("all nodes without hops are the cache, and inversion recovers it from averages", "[tem]") {
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, 5, 1), gaussian_rows(21, 5, 2));
  const RowMatrixD queries = 4 * gaussian_rows(30, 5, 3).cast<double>();
  const RowMatrixD exact = attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>().eval(),
                                                               all_values(instance).cast<double>().eval());
  const auto off = [&](const Json& options) {
    return (answers_of(params_of(instance, "tem", options, 4), instance, queries) - exact).cwiseAbs().maxCoeff();
  };
  CHECK(off({{"nodes", 21}, {"hops", 0}, {"format", "fp32"}}) < 1e-12);
  // Half of every row is its own, so the smallest eigenvalue is at least 1/4: errors of rounding grow by at most 4, the
  // ridge weighs 1e-9 against 1/16.
  Json inverted = {{"nodes", 21},      {"hops", 1},     {"aggregation", "s2gc"}, {"alpha", 0.625},
                   {"format", "fp32"}, {"ridge", 1e-9}, {"decoder", "invert"}};
  CHECK(off(inverted) < 1e-5);
  inverted["penalty"] = "laplacian";
  CHECK(off(inverted) < 1e-5);
  inverted["decoder"] = "average";
  CHECK(off(inverted) > 0.01);
}

TEST_CASE("tokens are sampled in proportion to their degree", "[tem]") {
  // One map of 3 x 3: degrees with themselves 3 (corners), 4 (sides), 5 (centre); one draw, so shares are degrees / 33.
  const auto schedule = sides({3, 4});
  RowMatrixF values = RowMatrixF::Zero(9, 1);
  for (Index i = 0; i < 9; ++i) values(i, 0) = i;
  std::vector<int> drawn(9, 0);
  constexpr int trials = 6600;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    const auto instance = given_instance(schedule, gaussian_rows(9, 1, 1), values, trial);
    const auto params = params_of(instance, "tem", {{"nodes", 1}, {"hops", 0}, {"format", "fp32"}}, 1);
    const int token = values_of(simulator::encode(params, instance).bits, 1, 1)(0, 0);
    ++drawn[token];
  }
  const int degrees[] = {3, 4, 3, 4, 5, 4, 3, 4, 3};
  for (int i = 0; i < 9; ++i) {
    const double expected = trials * degrees[i] / 33.0;
    // Five deviations of a binomial count.
    CHECK(std::abs(drawn[i] - expected) < 5 * std::sqrt(expected));
  }
}

}  // namespace kvfrontier::tests::tem
