// How much of its attention does a query for row i pay to row i? The claim of docs/tutorial_experiment.md.

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"

namespace kvfrontier::experiments::own_share {
namespace {

using core::Json;

class OwnShare : public analysis::Claim {
 public:
  std::string name() const override { return "own_share"; }
  std::string statement() const override {
    return "the query tau k_i pays row i at least a share 1/(1 + E S) of its attention on average, S the leak";
  }
  std::string source() const override { return "Jensen: the share is 1/(1 + S_i), convex in S_i"; }
  std::string prediction() const override { return "E 1/(1 + S_i) >= 1/(1 + E S(tau))"; }
  std::string allowance() const override {
    return "0.1 %: the law is exact; float exponentials and the finite number of draws";
  }
  std::string refutation() const override { return "a mean share below 1/(1 + E S) at any (d, tau)"; }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("embedding", "sphere", {"sphere", "rademacher"}, "family of keys"),
        Option::integer("tokens", 256, 2, 50'000, "N"), Option::integer("d", 64, 1, 65536, "dimension"),
        Option::real("tau", 6.0, 0, 1e4, "query scaling"), analysis::sabotage_option({"wrong_tau"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const auto& name : options().names()) parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const core::Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const double tau = parameters.at("tau").get<double>() * (parameters.at("sabotage") == "wrong_tau" ? 0.8 : 1.0);
    // What the draw depends on, and nothing else: points that differ in tau alone meet the same keys.
    const std::string identity = Json{{"embedding", parameters.at("embedding")}, {"tokens", tokens}, {"d", d}}.dump();
    const auto key = core::derive_key(parameters.at("seed"), identity, trial, "public");
    core::RowMatrixF keys(tokens, d);
    geometry::Embeddings::find(parameters.at("embedding"), "embedding").rows(key, tokens, 0, keys);
    double share = 0;
    for (const double leak : attention::leaks(keys, tau)) share += 1 / (1 + leak);
    return {"ok", {{"own_share", share / static_cast<double>(tokens)}}};
  }

  Json config(analysis::Size size) const override {
    const int trials = size == analysis::Size::quick ? 400 : 4000;
    return {{"grid", {{"embedding", {"sphere", "rademacher"}}, {"d", {32, 64}}, {"tau", {4, 6, 8}}}},
            {"stop", {{"min_trials", 8}, {"max_trials", trials}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    analysis::CheckList checks;
    for (const auto& point : rows) {
      const auto& embedding = geometry::Embeddings::find(point.parameters.at("embedding"), "embedding");
      const double least = 1 / (1 + *embedding.mean_leak(point.parameters.at("tokens"), point.parameters.at("d"),
                                                         point.parameter("tau")));
      checks.mean(point.at({"embedding", "d", "tau"}), point.values("own_share"), least,
                  analysis::at_least(0.999 * least));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, OwnShare> registration;

}  // namespace
}  // namespace kvfrontier::experiments::own_share
