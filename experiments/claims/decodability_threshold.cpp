// F2. The worst values are ones in the queried row and zeros elsewhere, and the complement: they decode exactly while
// the leak S < (1 - eta)/(1 + eta), and always above the certified scaling tau*.
//
// With ones the exact output is 1/(1 + S) and a (1 +- eta) approximation may return (1 - eta)/(1 + S), which exceeds
// the threshold (1 - eta^2)/2 iff S < (1 - eta)/(1 + eta). The complement gives (1 + eta) S/(1 + S) and the same
// condition.

#include <algorithm>

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "measuring.hpp"

namespace kvfrontier::experiments::decodability_threshold {
namespace {

using analysis::CheckList;
using core::Json;

constexpr double ratios[] = {0.8, 0.9, 0.98, 1.02, 1.1, 1.25};

class DecodabilityThreshold : public analysis::Claim {
 public:
  std::string name() const override { return "decodability_threshold"; }
  std::string statement() const override {
    return "a row decodes for every value matrix iff S < (1-eta)/(1+eta), and always for tau > tau* = [ln(N-1) + 2 "
           "artanh eta]/(1 - mu+)";
  }
  std::string source() const override {
    return "decoding step of the INDEX reduction, Thm 4.5 and 4.6 of arXiv 2503.14881";
  }
  std::string prediction() const override {
    return "worst-case decoding steps from 0 to 1 at the tau_i with S_i(tau_i) = (1-eta)/(1+eta); no failure above "
           "tau*";
  }
  std::string allowance() const override {
    return "3 % of the rows: the step is sharp, and this is the room that an interval without any exception needs; the "
           "step is asked within 2 % of tau_i. "
           "None for failures above tau* (1 + 1e-3)";
  }
  std::string refutation() const override {
    return "more than 3 % of rows that decode below 0.98 tau_i or fail above 1.02 tau_i, or a single failure above "
           "tau*";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("embedding", "sphere", {"sphere", "rademacher"}, "family of keys"),
        Option::integer("tokens", 512, 2, 50'000, "N"),
        Option::integer("d", 64, 2, 65536, "dimension"),
        Option::real("eta", 0.0, 0, 0.999, "multiplicative tolerance"),
        Option::integer("rows", 32, 1, 65536, "rows asked for in a trial"),
        analysis::sabotage_option({"leaking_decoder", "wrong_tau"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"embedding", "tokens", "d", "eta", "rows", "sabotage"})
      parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens");
    const double eta = parameters.at("eta");
    const bool wrong = parameters.at("sabotage") == "wrong_tau",
               leaking = parameters.at("sabotage") == "leaking_decoder";
    const core::RowMatrixF stored = trial_keys(parameters, trial);
    const core::RowMatrixD keys = stored.cast<double>();
    const auto largest = attention::largest_products(stored);
    const double mu_plus =
        *std::max_element(largest.begin(), largest.end()) + attention::product_rounding_bound(stored);
    if (mu_plus >= 1) return {"uncertified", Json::object()};
    const double tau_star = theory::tau_star(tokens, mu_plus, eta);
    std::vector<int> decoded(std::size(ratios), 0);
    int failures = 0;
    double nearest = INFINITY;
    const auto rows = drawn_rows(trial_key(parameters, trial, "bob"), tokens, parameters.at("rows"));
    for (const Index i : rows) {
      const double tau = *theory::tau_required(row_gaps(keys, i), eta);
      const auto decodes = [&](double scaling) {
        return leaking || worst_case_decodes(keys, keys.middleRows(i, 1), i, wrong ? 0.8 * scaling : scaling, eta);
      };
      for (std::size_t r = 0; r < std::size(ratios); ++r) decoded[r] += decodes(ratios[r] * tau);
      failures += !decodes(1.001 * tau_star);
      nearest = std::min(nearest, tau_star / tau);
    }
    return {"ok", {{"decoded", decoded}, {"failures", failures}, {"star_over_required", nearest}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"embedding", {"sphere", "rademacher"}}, {"eta", {0, 0.3, 0.9}}}},
            {"tokens", quick ? 512 : 2048},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 24 : 64}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    for (const auto& point : points) {
      std::vector<double> decoded(std::size(ratios), 0);
      std::int64_t draws = 0;
      double failures = 0, nearest = INFINITY;
      for (const auto& row : point.rows) {
        if (row.result.status != "ok") continue;
        for (std::size_t r = 0; r < std::size(ratios); ++r)
          decoded[r] += row.result.data.at("decoded").at(r).get<double>();
        failures += row.result.data.at("failures").get<double>();
        nearest = std::min(nearest, row.result.data.at("star_over_required").get<double>());
        draws += point.parameters.at("rows").get<std::int64_t>();
      }
      const auto place = [&](const char* quantity) {
        Json at = point.at({"embedding", "eta"});
        at["quantity"] = quantity;
        return at;
      };
      for (std::size_t r = 0; r < std::size(ratios); ++r) {
        const double step = ratios[r] > 1 ? 1 : 0;
        Json at = place("decoded share");
        at["tau_over_required"] = ratios[r];
        checks.proportion(at, decoded[r], draws, step, analysis::within_absolute(step, 0.03));
      }
      if (draws == 0) continue;
      checks.exact(place("failures above tau*"), failures, 0, analysis::at_most(0));
      checks.exact(place("least tau* / required tau"), nearest, 1, analysis::at_least(1));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, DecodabilityThreshold> registration;

}  // namespace
}  // namespace kvfrontier::experiments::decodability_threshold
