// F25. Finite precision costs scaling: logits that are off by up to e multiply the leak by at most e^{2e} (the own
// logit down, all others up), so a row decodes while S e^{2e} < (1-eta)/(1+eta), and with these worst signs not beyond.
//
// A stored float has relative error u (2^-24, 2^-11, 2^-8 for fp32, fp16, bf16), so for unit keys rounding either the
// logits or the keys moves a logit by at most u tau: sum_l |k_il| |k_jl| <= 1. Worst signs then shrink every gap by 2u.

#include <algorithm>

#include "analysis/claim.hpp"
#include "core/float_format.hpp"
#include "measuring.hpp"

namespace kvfrontier::experiments::precision {
namespace {

using analysis::CheckList;
using core::Json;

constexpr double ratios[] = {0.95, 0.998, 1.002, 1.05};

double unit_roundoff(const std::string& format) {
  return std::ldexp(1.0, format == "fp32" ? -24 : format == "fp16" ? -11 : -8);
}

class Precision : public analysis::Claim {
 public:
  std::string name() const override { return "precision"; }
  std::string statement() const override {
    return "logit errors up to e leave a row decodable while S e^{2e} < (1-eta)/(1+eta); rounded keys or logits have e "
           "<= u tau";
  }
  std::string source() const override {
    return "finite precision of the reduction of arXiv 2503.14881; perturbation of the softmax";
  }
  std::string prediction() const override {
    return "worst-case signs: decoding steps from 0 to 1 at S e^{2 u tau} = (1-eta)/(1+eta); real rounding: |e| <= u "
           "tau, no failure while S e^{2|e|} is below";
  }
  std::string allowance() const override {
    return "3 % of the rows: the step is sharp, and this is the room that an interval without any exception needs; it "
           "is asked within .2 % of its tau, while bf16 moves it by 1 %. Errors: "
           "1 % of u tau for subnormal fp16 entries and the product of two roundings. None for failures";
  }
  std::string refutation() const override {
    return "decoding beyond the bound under worst-case signs, a failure below it, or rounding errors above u tau";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("format", "fp16", core::float_format_names(), "stored float"),
        Option::choice("embedding", "sphere", {"sphere", "rademacher"}, "family of keys"),
        Option::integer("tokens", 512, 2, 50'000, "N"),
        Option::integer("d", 64, 2, 65536, "dimension"),
        Option::real("eta", 0.0, 0, 0.999, "multiplicative tolerance"),
        Option::integer("rows", 32, 1, 65536, "rows asked for in a trial"),
        analysis::sabotage_option({"wrong_tau", "ignored_error", "coarser_format"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"format", "embedding", "tokens", "d", "eta", "rows", "sabotage"})
      parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const std::string sabotage = parameters.at("sabotage");
    const double eta = parameters.at("eta"), u = unit_roundoff(parameters.at("format"));
    const std::string coarse = parameters.at("format") == "fp32" ? "fp16" : "bf16";
    const auto format =
        core::float_format(sabotage == "coarser_format" ? coarse : parameters.at("format").get<std::string>());
    const core::RowMatrixF stored = trial_keys(parameters, trial);
    const core::RowMatrixD keys = stored.cast<double>();
    core::RowMatrixD rounded(keys.rows(), keys.cols());
    for (Index j = 0; j < keys.rows(); ++j) {
      for (Index l = 0; l < keys.cols(); ++l) rounded(j, l) = core::stored(format, stored(j, l));
    }
    std::vector<int> decoded(std::size(ratios), 0);
    int key_failures = 0, logit_failures = 0, key_decoded = 0, logit_decoded = 0;
    double key_error = 0, logit_error = 0, shift = 0;
    const auto rows = drawn_rows(trial_key(parameters, trial, "bob"), keys.rows(), parameters.at("rows"));
    for (const Index i : rows) {
      const auto query = keys.middleRows(i, 1);
      auto gaps = row_gaps(keys, i);
      const double exact_need = *theory::tau_required(gaps, eta);
      auto shrunk = gaps;
      if (sabotage != "ignored_error") {
        for (double& gap : shrunk) gap -= 2 * u;
      }
      const auto need = theory::tau_required(shrunk, eta);
      if (!need) return {"uncertified", Json::object()};
      shift += *need / exact_need;
      for (std::size_t r = 0; r < std::size(ratios); ++r) {
        const double tau = (sabotage == "wrong_tau" ? 0.8 : 1) * ratios[r] * *need;
        decoded[r] += worst_case_decodes(keys, query, i, tau, eta, u * tau);
      }
      // Real rounding, a little above the exact need.
      const double tau = 1.01 * exact_need, leak = leak_of(gaps, tau), bound = theory::leak_threshold(eta);
      const Eigen::VectorXd exact = tau * (keys * query.transpose()), from_keys = tau * (rounded * query.transpose());
      Eigen::VectorXd from_logits(exact.size());
      for (Index j = 0; j < exact.size(); ++j) from_logits[j] = core::stored(format, static_cast<float>(exact[j]));
      const auto judge_rounding = [&](const Eigen::VectorXd& logits, double& largest, int& failures, int& successes) {
        const double error = (logits - exact).cwiseAbs().maxCoeff();
        largest = std::max(largest, error / (u * tau));
        double rounded_leak = 0;
        for (Index j = 0; j < logits.size(); ++j) rounded_leak += j == i ? 0 : std::exp(logits[j] - logits[i]);
        const bool reads = rounded_leak < bound;
        successes += reads;
        failures += !reads && leak * std::exp(2 * error) < bound;
      };
      judge_rounding(from_keys, key_error, key_failures, key_decoded);
      judge_rounding(from_logits, logit_error, logit_failures, logit_decoded);
    }
    const double count = static_cast<double>(rows.size());
    return {"ok",
            {{"decoded", decoded},
             {"failures", key_failures + logit_failures},
             {"key_error", key_error},
             {"logit_error", logit_error},
             {"shift", shift / count},
             {"key_decoded", key_decoded / count},
             {"logit_decoded", logit_decoded / count}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"format", {"fp32", "fp16", "bf16"}}, {"eta", {0, 0.5}}}},
            {"tokens", quick ? 512 : 1024},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 28 : 96}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    for (const auto& point : points) {
      std::vector<double> decoded(std::size(ratios), 0);
      std::int64_t draws = 0;
      double failures = 0, error = 0;
      for (const auto& row : point.rows) {
        if (row.result.status != "ok") continue;
        const Json& data = row.result.data;
        for (std::size_t r = 0; r < std::size(ratios); ++r) decoded[r] += data.at("decoded").at(r).get<double>();
        failures += data.at("failures").get<double>();
        error = std::max({error, data.at("key_error").get<double>(), data.at("logit_error").get<double>()});
        draws += point.parameters.at("rows").get<std::int64_t>();
      }
      if (draws == 0) continue;
      const auto place = [&](const char* quantity) {
        Json at = point.at({"format", "eta"});
        at["quantity"] = quantity;
        at["shift"] = core::mean_of(point.values("shift"));
        return at;
      };
      for (std::size_t r = 0; r < std::size(ratios); ++r) {
        const double step = ratios[r] > 1 ? 1 : 0;
        Json at = place("decoded share, worst-case signs");
        at["tau_over_required"] = ratios[r];
        checks.proportion(at, decoded[r], draws, step, analysis::within_absolute(step, 0.03));
      }
      checks.exact(place("failures below the bound"), failures, 0, analysis::at_most(0));
      checks.exact(place("largest rounding error / (u tau)"), error, 1, analysis::at_most(1.01));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, Precision> registration;

}  // namespace
}  // namespace kvfrontier::experiments::precision
