// F24. Following T pointers through a table of which s of n entries are kept: a kept set that does not know the
// pointers succeeds with probability prod (s-i)/(n-i), one that knows them (but not the start) with s/n and never more.

#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "analysis/claim.hpp"
#include "core/rng.hpp"
#include "theory/estimators.hpp"

namespace kvfrontier::experiments::pointer_chasing {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

// The instance: a random permutation of n entries in cycles of this length, so that up to so many hops are distinct.
constexpr Index cycle = 12;

class PointerChasing : public analysis::Claim {
 public:
  std::string name() const override { return "pointer_chasing"; }
  std::string statement() const override {
    return "chasing T distinct pointers with s of n entries kept succeeds with probability prod_{i<T} (s-i)/(n-i) if "
           "the kept set is oblivious, s/n if it adapts to the pointers";
  }
  std::string source() const override {
    return "pointer chasing with an evicted cache, arXiv 2604.17935; hypergeometric in place of (s/n)^T because the "
           "hops of one chain are distinct";
  }
  std::string prediction() const override {
    return "oblivious: prod_{i<T} (s-i)/(n-i); adaptive (whole cycles kept): s/n for every T up to the cycle length";
  }
  std::string allowance() const override {
    return "3 % of the probability plus 0.001: both laws are exact for a uniform start, so the allowance is for the "
           "finite number of draws";
  }
  std::string refutation() const override {
    return "a success probability outside that allowance; an adaptive one above s/n would need to know the start";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("cache", "oblivious", {"oblivious", "adaptive"},
                       "what the choice of the kept entries may look at: nothing, the pointers"),
        Option::integer("entries", 240, 12, 120'000, "n, a multiple of 12"),
        Option::integer("kept", 120, 0, 120'000, "s, a multiple of 12, at most n"),
        Option::integer("hops", 2, 1, cycle, "T"),
        Option::integer("draws", 1000, 1, 1'000'000, "tables drawn in a trial"),
        analysis::sabotage_option({"sees_start"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"cache", "entries", "kept", "hops", "draws", "sabotage"})
      parameters[name] = combination.value(name);
    for (const char* name : {"entries", "kept"}) {
      const Index value = parameters[name], most = parameters["entries"];
      if (value % cycle != 0 || value > most)
        throw core::ConfigError(combination.path(name), std::to_string(value),
                                "a multiple of 12, kept at most entries");
    }
    return parameters;
  }
  double operations(const Json& parameters) const override {
    return parameters.at("draws").get<double>() * parameters.at("entries").get<double>() *
           (60 + 4 * parameters.at("hops").get<double>());
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index n = parameters.at("entries"), s = parameters.at("kept"), hops = parameters.at("hops"),
                draws = parameters.at("draws");
    const auto key = core::derive_key(parameters.at("seed"), Json{{"entries", n}}.dump(), trial, "public");
    const auto alice = core::derive_key(parameters.at("seed"), Json{{"entries", n}}.dump(), trial, "alice");
    const bool adaptive = parameters.at("cache") == "adaptive", sees_start = parameters.at("sabotage") == "sees_start";
    std::int64_t reached = 0;
    for (Index draw = 0; draw < draws; ++draw) {
      core::Stream pointers(alice, core::Purpose("pointer_chasing/pointers"), static_cast<std::uint64_t>(draw));
      core::Stream coins(key, core::Purpose("pointer_chasing/kept"), static_cast<std::uint64_t>(draw));
      // order[i] for i in one block of `cycle` is one cycle.
      const auto order = shuffled(pointers, n);
      std::vector<Index> next(order.size());
      for (std::size_t i = 0; i < order.size(); ++i) {
        next[static_cast<std::size_t>(order[i])] = order[i % cycle + 1 < cycle ? i + 1 : i + 1 - cycle];
      }
      std::vector<char> kept(order.size(), 0);
      const auto anyhow = shuffled(coins, n);
      for (Index i = 0; i < s; ++i)
        kept[static_cast<std::size_t>(adaptive ? order[static_cast<std::size_t>(i)]
                                               : anyhow[static_cast<std::size_t>(i)])] = 1;

      for (std::size_t start = 0; start < order.size(); ++start) {
        std::size_t at = start;
        bool known = sees_start && start % 4 == 0;
        if (!known) {
          known = true;
          for (Index hop = 0; hop < hops && known; ++hop) {
            known = kept[at] != 0;
            at = static_cast<std::size_t>(next[at]);
          }
        }
        reached += known;
      }
    }
    return {"ok", {{"success", static_cast<double>(reached) / static_cast<double>(n * draws)}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"cache", {"oblivious", "adaptive"}}, {"kept", {60, 120, 180}}, {"hops", {1, 2, 4, 8}}}},
            {"entries", 240},
            {"draws", quick ? 300 : 3000},
            {"stop", {{"min_trials", 8}, {"max_trials", 24}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const Index n = point.parameters.at("entries"), s = point.parameters.at("kept"),
                  hops = point.parameters.at("hops");
      const double law = point.parameters.at("cache") == "adaptive" ? static_cast<double>(s) / static_cast<double>(n)
                                                                    : theory::oblivious_chase(n, s, hops);
      checks.mean(point.at({"cache", "entries", "kept", "hops"}), point.values("success"), law,
                  analysis::within_absolute(law, 0.03 * law + 0.001));
    }
    return checks.finish();
  }

 private:
  static std::vector<Index> shuffled(core::Stream& stream, Index n) {
    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
      boost::random::uniform_int_distribution<std::size_t> rest(i, order.size() - 1);
      std::swap(order[i], order[rest(stream)]);
    }
    return order;
  }
};

const core::Registration<sweep::Experiment, PointerChasing> registration;

}  // namespace
}  // namespace kvfrontier::experiments::pointer_chasing
