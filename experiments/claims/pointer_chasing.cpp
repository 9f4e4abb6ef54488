// Following T pointers through a table of which s of n entries are kept: a kept set that does not know the pointers
// succeeds with probability prod (s-i)/(n-i), one that knows them (but not the start) with s/n and never more.

#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "analysis/measuring_claim.hpp"
#include "theory/estimators.hpp"

namespace kvfrontier::experiments::pointer_chasing {

enum class Cache { oblivious, adaptive };
enum class Mutation { none, sees_start };

}  // namespace kvfrontier::experiments::pointer_chasing

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::pointer_chasing::Cache> {
  static constexpr std::array names{"oblivious", "adaptive"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::pointer_chasing::Mutation> {
  static constexpr std::array names{"none", "sees_start"};
};

namespace kvfrontier::experiments::pointer_chasing {
namespace {

using core::Index;
using core::Json;

// The instance: a random permutation of n entries in cycles of this length, so that up to so many hops are distinct.
constexpr Index cycle = 12;

struct Parameters {
  Cache cache = Cache::oblivious;
  Index entries = 240, kept = 120, hops = 2, draws = 1000;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("cache", &Parameters::cache,
                         "what the choice of the kept entries may depend on: oblivious: nothing; adaptive: the "
                         "pointers"),
            core::member("entries", &Parameters::entries, "n, a multiple of 12").range(12, 120'000),
            core::member("kept", &Parameters::kept, "s, a multiple of 12, at most n").range(0, 120'000),
            core::member("hops", &Parameters::hops, "T").range(1, cycle),
            core::member("draws", &Parameters::draws, "tables drawn in a trial").range(1, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  double success = 0;
  static core::MemberList<Trial> members() {
    return {core::member("success", &Trial::success, "share of the starts whose chain is known").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "pointer_chasing",
    .statement = R"(Chasing T distinct pointers with s of n entries kept succeeds with probability prod_{i<T}
      (s-i)/(n-i) if the kept set is oblivious, and with s/n if it adapts to the pointers.)",
    .source = R"(pointer chasing with an evicted cache, arXiv 2604.17935; hypergeometric in place of (s/n)^T because
      the hops of one chain are distinct)",
    .prediction = R"(oblivious: prod_{i<T} (s-i)/(n-i); adaptive (whole cycles kept): s/n for every T up to the cycle
      length)",
    .allowance = R"(3 % of the probability plus 0.001: both laws are exact for a uniform start, so the allowance is for
      the finite number of draws)",
    .refutation = R"(a success probability outside that allowance; an adaptive one above s/n would need to know the
      start)"};

std::vector<Index> shuffled(core::Stream& stream, Index n) {
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    boost::random::uniform_int_distribution<std::size_t> rest(i, order.size() - 1);
    std::swap(order[i], order[rest(stream)]);
  }
  return order;
}

class PointerChasing : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  PointerChasing() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    for (const auto place : {&Parameters::entries, &Parameters::kept}) {
      const Index value = p.*place;
      if (value % cycle != 0 || value > p.entries)
        throw core::ConfigError(combination.path(place), std::to_string(value),
                                "a multiple of 12, kept at most entries");
    }
  }
  double operations(const Parameters& p) const override { return 1.0 * p.draws * p.entries * (60 + 4 * p.hops); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index n = p.entries;
    const std::string identity = Json{{"entries", n}}.dump();
    const auto public_coins = turn.coins(identity), alice_coins = turn.coins(identity, "alice");
    const bool adaptive = p.cache == Cache::adaptive, sees_start = p.mutation == Mutation::sees_start;
    std::int64_t reached = 0;
    for (Index draw = 0; draw < p.draws; ++draw) {
      core::Stream pointers(alice_coins, core::Purpose("pointer_chasing/pointers"), draw);
      core::Stream coins(public_coins, core::Purpose("pointer_chasing/kept"), draw);
      // order[i] for i in one block of `cycle` is one cycle.
      const auto order = shuffled(pointers, n);
      std::vector<Index> next(n);
      for (Index i = 0; i < n; ++i) next[order[i]] = order[i % cycle + 1 < cycle ? i + 1 : i + 1 - cycle];
      std::vector<char> kept(n, 0);
      const auto anyhow = shuffled(coins, n);
      for (Index i = 0; i < p.kept; ++i) kept[adaptive ? order[i] : anyhow[i]] = 1;

      for (Index start = 0; start < n; ++start) {
        Index at = start;
        bool known = sees_start && start % 4 == 0;
        if (!known) {
          known = true;
          for (Index hop = 0; hop < p.hops && known; ++hop) {
            known = kept[at] != 0;
            at = next[at];
          }
        }
        reached += known;
      }
    }
    return Trial{1.0 * reached / (n * p.draws)};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"cache", {"oblivious", "adaptive"}}, {"kept", {60, 120, 180}}, {"hops", {1, 2, 4, 8}}}},
            {"entries", 240},
            {"draws", quick ? 300 : 3000},
            {"stop", analysis::trials(8, 24)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const P& p = point.parameters;
      const double law =
          p.cache == Cache::adaptive ? 1.0 * p.kept / p.entries : theory::oblivious_chase(p.entries, p.kept, p.hops);
      checks.mean(point.at(&P::cache, &P::entries, &P::kept, &P::hops), point.values(&Trial::success), law,
                  analysis::within_absolute(law, 0.03 * law + 0.001));
    }
  }
};

const core::Registration<sweep::Experiment, PointerChasing> registration;

}  // namespace
}  // namespace kvfrontier::experiments::pointer_chasing
