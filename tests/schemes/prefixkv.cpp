#include <algorithm>
#include <cmath>
#include <numeric>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "core/float_format.hpp"

namespace kvfrontier::tests::prefixkv {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// The rows of a message of stored fp32 keys, as tokens of the instance.
std::vector<Index> kept_tokens(const reduction::Instance& instance, const Json& options, double tau) {
  Json full = options;
  full["format"] = "fp32";
  const auto params = params_of(instance, "prefixkv", full, tau);
  core::BitReader reader(simulator::encode(params, instance).bits);
  const RowMatrixF keys = all_keys(instance);
  std::vector<Index> tokens;
  for (Index row = 0; row < std::min(full["kept"].get<Index>(), keys.rows()); ++row) {
    RowMatrixF key(1, params.d);
    core::get_floats(reader, core::FloatFormat::fp32, key.data(), params.d);
    for (Index i = 0; i < keys.rows(); ++i) {
      if (keys.row(i) == key.row(0)) tokens.push_back(i);
    }
  }
  return tokens;
}

std::vector<Index> per_map(const geometry::Schedule& schedule, const std::vector<Index>& tokens) {
  std::vector<Index> counts(schedule.map_count());
  for (const Index token : tokens) ++counts[schedule.map_of(token)];
  return counts;
}

// The policy from its description: after every map, scores of all that is held; then every common p that changes a
// length is tried, from the largest down, and what is left goes one by one.
std::vector<Index> slow_policy(const geometry::Schedule& schedule, const RowMatrixF& keys, Index budget, Index start,
                               double tau) {
  std::vector<Index> held;
  std::vector<double> score(keys.rows());
  for (int map = 0; map < schedule.map_count(); ++map) {
    const Index first = schedule.first_token(map), end = schedule.first_token(map + 1);
    for (Index i = first; i < end; ++i) held.push_back(i);
    for (Index q = first; q < end; ++q) {
      const Eigen::RowVectorXd query = tau * keys.row(q).cast<double>() / keys.row(q).cast<double>().norm();
      double total = 0;
      for (const Index i : held) total += std::exp(query.dot(keys.row(i).cast<double>()));
      for (const Index i : held) score[i] += std::exp(query.dot(keys.row(i).cast<double>())) / total;
    }
    if (std::ssize(held) <= budget) continue;
    std::vector<Index> kept;
    std::vector<std::vector<Index>> maps(map + 1);
    for (const Index i : held) {
      if (start > 0 && (i < start || i == end - 1)) {
        kept.push_back(i);
      } else {
        maps[schedule.map_of(i)].push_back(i);
      }
    }
    std::vector<std::vector<double>> cumulative(maps.size());
    std::vector<double> candidates{0};
    for (Index k = 0; k < std::ssize(maps); ++k) {
      std::stable_sort(maps[k].begin(), maps[k].end(), [&](Index a, Index b) { return score[a] > score[b]; });
      double total = 0, sum = 0;
      for (const Index i : maps[k]) total += score[i];
      for (const Index i : maps[k]) cumulative[k].push_back((sum += score[i]) / total);
      if (!cumulative[k].empty()) cumulative[k].back() = 1;
      candidates.insert(candidates.end(), cumulative[k].begin(), cumulative[k].end());
    }
    std::sort(candidates.rbegin(), candidates.rend());
    const Index room = budget - std::ssize(kept);
    std::vector<Index> lengths;
    for (const double p : candidates) {
      lengths.clear();
      for (const auto& sums : cumulative)
        lengths.push_back(p > 0 ? 1 + std::count_if(sums.begin(), sums.end(), [&](double c) { return c < p; }) -
                                      (sums.empty() ? 1 : 0)
                                : 0);
      if (std::accumulate(lengths.begin(), lengths.end(), Index{0}) <= room) break;
    }
    for (Index left = room - std::accumulate(lengths.begin(), lengths.end(), Index{0}); left > 0; --left) {
      double best = -1;
      Index at = 0;
      for (Index k = 0; k < std::ssize(maps); ++k) {
        const Index next = lengths[k];
        if (next == std::ssize(maps[k])) continue;
        const double share = cumulative[k][next] - (next > 0 ? cumulative[k][next - 1] : 0);
        if (share > best) {
          best = share;
          at = k;
        }
      }
      ++lengths[at];
    }
    for (Index k = 0; k < std::ssize(maps); ++k) kept.insert(kept.end(), maps[k].begin(), maps[k].begin() + lengths[k]);
    std::sort(kept.begin(), kept.end());
    held = kept;
  }
  return held;
}

}  // namespace

TEST_CASE("prefixkv keeps what the slow policy keeps", "[prefixkv]") {
  for (const auto& schedule : {sides({1, 2, 4, 8}), sides({1, 2, 4, 8, 16}), sides({2, 3, 4})}) {
    const RowMatrixF keys = gaussian_rows(schedule.tokens(), 5, 11);
    const auto instance = given_instance(schedule, keys, gaussian_rows(schedule.tokens(), 5, 12));
    for (const double tau : {0.5, 3.0, 10.0}) {
      for (const Index budget : {2, 5, 10, 20, 60}) {
        for (const Index start : {0, 1}) {
          CAPTURE(schedule.tokens(), tau, budget, start);
          CHECK(kept_tokens(instance, {{"kept", budget}, {"start", start}}, tau) ==
                slow_policy(schedule, keys, budget, start, tau));
        }
      }
    }
  }
}

// A map of one heavy token beside maps of equal ones: it keeps that one, the others share the rest.
TEST_CASE("prefixkv gives a map as many tokens as its attention is spread over", "[prefixkv]") {
  const Index d = 32;
  const auto schedule = sides({4, 5, 6});  // 16 and 25 tokens
  RowMatrixF keys = RowMatrixF::Zero(41, d);
  // The first map: orthogonal tokens, each asks itself. The second: token 16 is what all its tokens ask for.
  for (Index i = 0; i < 16; ++i) keys(i, i) = 1;
  for (Index i = 16; i < 41; ++i) {
    keys(i, 20) = i == 16 ? 1.0f : 0.9f;
    keys(i, 21) = i == 16 ? 0.0f : 1e-3f * i;
  }
  const auto instance = given_instance(schedule, keys, gaussian_rows(41, d, 1));
  for (const Index budget : {3, 8, 16}) {
    const auto counts = per_map(schedule, kept_tokens(instance, {{"kept", budget}, {"start", 0}}, 300));
    CHECK(counts == std::vector<Index>{budget - 1, 1});
  }
}

TEST_CASE("prefixkv protects its first tokens and the last", "[prefixkv]") {
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(21, 5, 3), gaussian_rows(21, 5, 4));
  for (const Index start : {1, 3, 6}) {
    const auto tokens = kept_tokens(instance, {{"kept", 8}, {"start", start}}, 3);
    for (Index i = 0; i < start; ++i) CHECK(std::count(tokens.begin(), tokens.end(), i) == 1);
    CHECK(tokens.back() == 20);
  }
  CHECK(kept_tokens(instance, {{"kept", 1}, {"start", 4}}, 3) == std::vector<Index>{20});
  CHECK(kept_tokens(instance, {{"kept", 30}, {"start", 4}}, 3).size() == 21);
}

// Offline, how many tokens of each map stay is a function of the public coins.
TEST_CASE("prefixkv's offline ratios do not depend on the stream", "[prefixkv]") {
  const auto schedule = sides({1, 2, 4, 8});
  for (const Index budget : {4, 9, 15}) {
    const Json offline{{"kept", budget}, {"ratios", "offline"}};
    std::vector<std::vector<Index>> counts;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      RowMatrixF keys = gaussian_rows(21, 5, 30 + seed);
      if (seed == 3) keys.bottomRows(16).rowwise() += Eigen::RowVectorXf::Constant(5, 3);
      const auto instance = given_instance(schedule, keys, gaussian_rows(21, 5, 4));
      const auto tokens = kept_tokens(instance, offline, 3);
      CHECK(std::ssize(tokens) == budget);
      counts.push_back(per_map(schedule, tokens));
      CHECK(counts.back() == counts.front());
    }
  }
}

TEST_CASE("Bob finds prefixkv's tokens from public keys", "[prefixkv]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16}), 12), 3);
  const RowMatrixD queries = 6 * all_keys(*instance).cast<double>();
  for (const std::string ratios : {"online", "offline"}) {
    for (const std::string proxy : {"k2k", "random"}) {
      Json options{{"kept", 20}, {"ratios", ratios}, {"proxy", proxy}, {"format", "fp32"}};
      const RowMatrixD stored = answers_of(params_of(*instance, "prefixkv", options, 6), *instance, queries);
      options["keys"] = "public";
      CHECK(answers_of(params_of(*instance, "prefixkv", options, 6), *instance, queries) == stored);
    }
  }
}

}  // namespace kvfrontier::tests::prefixkv
