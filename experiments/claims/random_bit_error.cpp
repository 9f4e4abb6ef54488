// F3. Random bits decode at about half of the worst-case scaling: the trap in reading a bound off average inputs.
//
// For fair bits z - 1/2 = sum_j p_j (X_j - 1/2): signal p_i/2, noise of variance (1/4) sum_{j != i} p_j^2, and p_j/p_i
// = e^{-tau (1 - <k_i, k_j>)}, so signal/noise is 1/sqrt(S_i(2 tau)) and the error Q(1/sqrt(S_i(2 tau))) for Gaussian
// noise. A share of about e^{-tau^2/d} of the noise is common to all rows of one value column, so columns, and safest
// trials, are the units; the law is compared with the rows that were measured, which removes the spread of S over keys.

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "measuring.hpp"
#include "theory/search.hpp"

namespace kvfrontier::experiments::random_bit_error {
namespace {

using analysis::CheckList;
using core::Json;

constexpr Index chunk = 512;  // value columns at a time

double gaussian_tail(double x) {
  return std::erfc(x / std::sqrt(2.0)) / 2;
}

class RandomBitError : public analysis::Claim {
 public:
  std::string name() const override { return "random_bit_error"; }
  std::string statement() const override {
    return "random bits are read with error mean_i Q(1/sqrt(S_i(2 tau))): at about half the scaling that worst-case "
           "values need";
  }
  std::string source() const override {
    return "average-case INDEX on the instances of arXiv 2503.14881; central limit theorem for the leak";
  }
  std::string prediction() const override {
    return "bit error / mean_i Q(1/sqrt(S_i(2 tau))) = 1 over the measured rows; where it is 1 %, no row has S(tau) < "
           "1";
  }
  std::string allowance() const override {
    return "9 %: the noise is a weighted sum of fair signs and not Gaussian, its few largest weights bend the tail. "
           "Asked only at errors in [2e-3, .4]";
  }
  std::string refutation() const override {
    return "a bit error more than 9 % away from the law, or most rows worst-case decodable where random bits err by 1 "
           "%";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("embedding", "sphere", {"sphere", "rademacher"}, "family of keys"),
        Option::integer("tokens", 1024, 2, 50'000, "N"),
        Option::integer("d", 64, 2, 65536, "dimension"),
        Option::real("target", 0.1, 1e-6, 0.45, "bit error at which tau is set: Q(1/sqrt(E S(2 tau)))"),
        Option::integer("rows", 16, 1, 65536, "rows asked for in a trial"),
        Option::integer("columns", 8192, chunk, 1 << 24, "random value columns in a trial"),
        analysis::sabotage_option({"wrong_tau", "wrong_constant"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"embedding", "tokens", "d", "target", "rows", "columns", "sabotage"})
      parameters[name] = combination.value(name);
    return parameters;
  }
  double operations(const Json& parameters) const override {
    return parameters.at("tokens").get<double>() * parameters.at("columns").get<double>() *
           (2 * parameters.at("rows").get<double>() + 4);
  }

  static double scaling(const Json& parameters) {
    const auto& embedding = geometry::Embeddings::find(parameters.at("embedding"), "embedding");
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const double target = parameters.at("target");
    return theory::least_true(0.0, 1e3, [&](double tau) {
      return gaussian_tail(1 / std::sqrt(*embedding.mean_leak(tokens, d, 2 * tau))) <= target;
    });
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), columns = parameters.at("columns");
    const std::string sabotage = parameters.at("sabotage");
    const double tau = scaling(parameters);
    const core::RowMatrixF keys = trial_keys(parameters, trial);
    const core::RowMatrixD exact_keys = keys.cast<double>();
    const auto rows = drawn_rows(trial_key(parameters, trial, "bob"), tokens, parameters.at("rows"));
    core::RowMatrixF queries(static_cast<Index>(rows.size()), keys.cols());
    double predicted = 0, decodable = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const auto gaps = row_gaps(exact_keys, rows[r]);
      predicted += gaussian_tail(1 / std::sqrt(leak_of(gaps, sabotage == "wrong_constant" ? tau : 2 * tau)));
      decodable += leak_of(gaps, tau) < 1;
      queries.row(static_cast<Index>(r)) =
          static_cast<float>(sabotage == "wrong_tau" ? 0.8 * tau : tau) * keys.row(rows[r]);
    }
    const core::RandomKey alice = trial_key(parameters, trial, "alice");
    std::int64_t errors = 0, bits = 0;
    core::RowMatrixF values(tokens, chunk);
    for (Index first = 0; first + chunk <= columns; first += chunk) {
      for (Index j = 0; j < tokens; ++j) {
        core::Stream stream(alice, core::Purpose("random bits"),
                            static_cast<std::uint64_t>(first / chunk * tokens + j));
        for (Index c = 0; c < chunk; c += 32) {
          const std::uint32_t word = stream();
          for (Index b = 0; b < 32; ++b) values(j, c + b) = static_cast<float>(word >> b & 1u);
        }
      }
      const core::RowMatrixF answers = attention::softmax_attention<float>(queries, keys, values);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto answer = answers.row(static_cast<Index>(r)).array();
        errors += ((answer > 0.5f) != (values.row(rows[r]).array() > 0.5f)).count();
        bits += chunk;
      }
    }
    const double count = static_cast<double>(rows.size());
    return {"ok",
            {{"error", static_cast<double>(errors) / static_cast<double>(bits)},
             {"predicted", predicted / count},
             {"errors", errors},
             {"decodable", decodable / count}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json targets = {0.3, 0.1, 0.03, 0.01};
    if (!quick) targets.push_back(0.003);
    return {{"grid", {{"embedding", quick ? Json{"sphere"} : Json{"sphere", "rademacher"}}, {"target", targets}}},
            {"columns", quick ? 8192 : 16384},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 24 : 96}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    for (const auto& point : points) {
      const auto errors = point.values("error"), predicted = point.values("predicted");
      const double law = core::mean_of(predicted), tau = scaling(point.parameters);
      std::vector<double> ratios;
      for (std::size_t t = 0; t < errors.size(); ++t) ratios.push_back(1 + (errors[t] - predicted[t]) / law);
      Json at = point.at({"embedding", "tokens", "d", "target"});
      at["tau"] = tau;
      at["error"] = core::mean_of(errors);
      at["law"] = law;
      at["quantity"] = "error / law";
      checks.mean(at, ratios, 1, analysis::within_relative(1, 0.09));
      if (point.parameter("target") <= 0.01) {
        at["quantity"] = "worst-case decodable rows";
        checks.mean(at, point.values("decodable"), 0, analysis::at_most(0.5));
      }
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, RandomBitError> registration;

}  // namespace
}  // namespace kvfrontier::experiments::random_bit_error
