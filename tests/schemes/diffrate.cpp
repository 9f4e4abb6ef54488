// diffrate: one run of pruning and merging against the algorithm told slowly.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numeric>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "core/float_format.hpp"

namespace kvfrontier::tests::diffrate {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

RowMatrixD exact(const RowMatrixD& queries, const reduction::Instance& instance) {
  return attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>().eval(),
                                             all_values(instance).cast<double>().eval());
}

struct Sized {
  RowMatrixD keys, values;
  Eigen::VectorXd sizes;
};

// All tokens at once: rank by the mean attention of the tokens' own keys at norm tau, drop the last `pruned`, merge the
// next `merged` into the most similar of those that stay; rows in the order of the stream.
Sized told_slowly(const reduction::Instance& instance, double tau, Index pruned, Index merged, bool official) {
  const RowMatrixD keys = all_keys(instance).cast<double>(), values = all_values(instance).cast<double>();
  const Index tokens = keys.rows();
  std::vector<double> importance(tokens, 0);
  for (Index q = 0; q < tokens; ++q) {
    double sum = 0;
    std::vector<double> weights;
    for (Index t = 0; t < tokens; ++t)
      weights.push_back(std::exp(tau / keys.row(q).norm() * keys.row(q).dot(keys.row(t))));
    for (const double weight : weights) sum += weight;
    for (Index t = 0; t < tokens; ++t) importance[t] += weights[t] / sum;
  }
  std::vector<Index> order(tokens);
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return importance[a] > importance[b]; });
  const Index kept = tokens - pruned - merged;
  std::map<Index, std::vector<std::pair<Index, double>>> members;
  for (Index i = 0; i < kept; ++i) members[order[i]] = {{order[i], 1}};
  for (Index i = kept; i < kept + merged; ++i) {
    const Index source = order[i];
    Index best = -1;
    double most = -2;
    for (Index j = 0; j < kept; ++j) {
      const Index target = order[j];
      const double cosine = keys.row(source).dot(keys.row(target)) / keys.row(source).norm() / keys.row(target).norm();
      if (cosine > most) {
        most = cosine;
        best = target;
      }
    }
    members[best].emplace_back(source, most);
  }
  Sized result{RowMatrixD::Zero(kept, keys.cols()), RowMatrixD::Zero(kept, values.cols()), Eigen::VectorXd::Zero(kept)};
  Index row = 0;
  for (const auto& [target, list] : members) {
    const double size = std::ssize(list);
    for (const auto& [token, cosine] : list) {
      result.keys.row(row) += keys.row(token) / size;
      result.values.row(row) += values.row(token) / size;
      result.sizes[row] += official ? cosine : 1;
    }
    result.sizes[row] = std::max(1.0, result.sizes[row]);
    ++row;
  }
  return result;
}

Json options(Index kept, double prune_share) {
  return {{"kept", kept}, {"rates", "uniform"}, {"prune_share", prune_share}, {"run", 64}, {"format", "fp32"}};
}

}  // namespace

TEST_CASE("a run of diffrate is what is told slowly", "[diffrate]") {
  const Index d = 6;
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, d, 4), gaussian_rows(21, d, 5));
  for (const bool official : {false, true}) {
    for (const double share : {0.0, 0.5, 1.0}) {
      for (const Index kept : {1, 9, 20}) {
        CAPTURE(official, share, kept);
        Json given = options(kept, share);
        given["official"] = official;
        const auto params = params_of(instance, "diffrate", given, 3);
        const auto message = simulator::encode(params, instance);
        core::BitReader reader(message.bits);
        RowMatrixF keys(kept, d), values(kept, d);
        Eigen::VectorXf sizes(kept);
        core::get_floats(reader, core::FloatFormat::fp32, keys.data(), keys.size());
        core::get_floats(reader, core::FloatFormat::fp32, sizes.data(), sizes.size());
        core::get_floats(reader, core::FloatFormat::fp32, values.data(), values.size());
        const Index surplus = 21 - kept, pruned = std::llround(share * surplus);
        const Sized slow = told_slowly(instance, 3, pruned, surplus - pruned, official);
        // Means of at most 21 single-precision rows of size about 1.
        CHECK((keys.cast<double>() - slow.keys).cwiseAbs().maxCoeff() < 1e-6);
        CHECK((values.cast<double>() - slow.values).cwiseAbs().maxCoeff() < 1e-6);
        CHECK((sizes.cast<double>() - slow.sizes).cwiseAbs().maxCoeff() < 1e-5);
      }
    }
  }
}

TEST_CASE("duplicates merge without loss, thanks to their sizes", "[diffrate]") {
  RowMatrixF keys(21, 2), values(21, 2);
  for (Index i = 0; i < 21; ++i) {
    const bool lone = i == 7;
    keys.row(i) << (lone ? 0.0f : 1.0f), (lone ? 1.0f : 0.0f);
    values.row(i) << (lone ? 3.0f : -1.0f), (lone ? 0.0f : 2.0f);
  }
  const auto instance = given_instance(sides({1, 2, 4, 8}), keys, values);
  const RowMatrixD queries = 2 * gaussian_rows(20, 2, 3).cast<double>();
  for (const bool official : {false, true}) {
    Json given = options(2, 0);
    given["official"] = official;
    // Random queries spread over twenty copies, and none of those is worth as much as the lone row.
    given["proxy"] = "random";
    const RowMatrixD answers = answers_of(params_of(instance, "diffrate", given, 2), instance, queries);
    const RowMatrixD truth = exact(queries, instance);
    CHECK((answers - truth).cwiseAbs().maxCoeff() < 1e-5);
    RowMatrixD two_keys(2, 2), two_values(2, 2);
    two_keys << 1, 0, 0, 1;
    two_values << -1, 2, 3, 0;
    const RowMatrixD unsized = attention::softmax_attention_oracle(queries, two_keys, two_values);
    CHECK((unsized - truth).cwiseAbs().maxCoeff() > 0.5);
  }
}

TEST_CASE("all rows kept are exact, whatever the rates", "[diffrate]") {
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, 5, 1), gaussian_rows(21, 5, 2));
  const RowMatrixD queries = 3 * gaussian_rows(20, 5, 3).cast<double>();
  for (const char* rates : {"searched", "uniform"}) {
    Json given = options(21, 0.5);
    given["rates"] = rates;
    given["run"] = 4;
    const RowMatrixD answers = answers_of(params_of(instance, "diffrate", given, 3), instance, queries);
    CHECK((answers - exact(queries, instance)).cwiseAbs().maxCoeff() < 1e-12);
  }
}

TEST_CASE("searched rates are no worse than uniform ones on instances like the calibration", "[diffrate]") {
  double searched = 0, uniform = 0;
  for (std::uint64_t trial = 0; trial < 20; ++trial) {
    const auto instance = index_instance(instance_params(geometry::Schedule::named("doubling", 16), 16), trial);
    const RowMatrixD queries = 8 * all_keys(*instance).cast<double>(), truth = exact(queries, *instance);
    for (const char* rates : {"searched", "uniform"}) {
      const auto params =
          params_of(*instance, "diffrate", {{"kept", 40}, {"rates", rates}, {"run", 16}, {"format", "fp32"}}, 8);
      (rates == std::string("searched") ? searched : uniform) +=
          (answers_of(params, *instance, queries) - truth).squaredNorm();
    }
  }
  CHECK(searched < uniform);
}

}  // namespace kvfrontier::tests::diffrate
