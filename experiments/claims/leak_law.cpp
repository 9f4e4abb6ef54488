// F1. The mean leak S_i(tau) = sum_{j != i} e^{-tau (1 - <k_i, k_j>)} of random keys follows its closed form.

#include <cmath>

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"

namespace kvfrontier::experiments::leak_law {
namespace {

using analysis::CheckList;
using core::Json;

class LeakLaw : public analysis::Claim {
 public:
  std::string name() const override { return "leak_law"; }
  std::string statement() const override {
    return "random keys leak (N-1) E e^{-tau (1 - <k, k'>)} on average: (N-1) ((1 + e^{-2 tau/d})/2)^d for Rademacher, "
           "(N-1) e^{-tau} M_d(tau) for sphere keys";
  }
  std::string source() const override {
    return "moment generating function of one inner product; the typical case behind Thm 4.5 of arXiv 2503.14881";
  }
  std::string prediction() const override {
    return "E S = (N-1) ((1 + e^{-2 tau/d})/2)^d (Rademacher), (N-1) e^{-tau} 0F1(d/2; tau^2/4) (sphere)";
  }
  std::string allowance() const override {
    return "2 %: the law is exact, and float products and exponentials err by less than 1e-4; the rest is for the "
           "finite number of draws. Only tau <= sqrt(d ln N), "
           "beyond which rare rows carry the mean";
  }
  std::string refutation() const override {
    return "a mean leak more than 2 % away from the closed form at any (d, tau)";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("embedding", "sphere", {"sphere", "rademacher"}, "family of keys"),
        Option::integer("tokens", 1024, 2, 50'000, "N"), Option::integer("d", 64, 1, 65536, "dimension"),
        Option::real("tau", 6.0, 0, 1e4, "query scaling"), analysis::sabotage_option({"wrong_tau"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"embedding", "tokens", "d", "tau", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens");
    return tokens * tokens * (parameters.at("d").get<double>() + 16);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const core::Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const double tau = parameters.at("tau").get<double>() * (parameters.at("sabotage") == "wrong_tau" ? 0.8 : 1.0);
    // Neither tau nor the sabotage picks the keys: points are compared on common draws.
    const std::string identity = Json{{"embedding", parameters.at("embedding")}, {"tokens", tokens}, {"d", d}}.dump();
    const auto key = core::derive_key(parameters.at("seed"), identity, trial, "public");
    core::RowMatrixF keys(tokens, d);
    geometry::Embeddings::find(parameters.at("embedding"), "embedding").rows(key, tokens, 0, keys);
    const auto leaks = attention::leaks(keys, tau);
    return {"ok", {{"mean_leak", core::mean_of(leaks)}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json d = quick ? Json{32, 64, 128} : Json{32, 64, 128, 256};
    return {{"grid", {{"embedding", {"sphere", "rademacher"}}, {"d", d}, {"tau", {4, 6, 8}}}},
            {"tokens", quick ? 1024 : 4096},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 48 : 200}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto& embedding = geometry::Embeddings::find(point.parameters.at("embedding"), "embedding");
      const double law =
          *embedding.mean_leak(point.parameters.at("tokens"), point.parameters.at("d"), point.parameter("tau"));
      checks.mean(point.at({"embedding", "tokens", "d", "tau"}), point.values("mean_leak"), law,
                  analysis::within_relative(law, 0.02));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, LeakLaw> registration;

}  // namespace
}  // namespace kvfrontier::experiments::leak_law
