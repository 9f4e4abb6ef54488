// Finite precision costs scaling: logits that are off by up to e multiply the leak by at most e^{2e} (the own logit
// down, all others up), so a row decodes while S e^{2e} < (1-eta)/(1+eta), and with these worst signs not beyond.
//
// A stored float has relative error u (2^-24, 2^-11, 2^-8 for fp32, fp16, bf16), so for unit keys rounding either the
// logits or the keys moves a logit by at most u tau: sum_l |k_il| |k_jl| <= 1. Worst signs then shrink every margin by 2u.

#include <algorithm>
#include <optional>

#include "core/float_format.hpp"
#include "measuring.hpp"

namespace kvfrontier::experiments::precision {

enum class Mutation { none, wrong_tau, ignored_error, coarser_format };

}  // namespace kvfrontier::experiments::precision

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::precision::Mutation> {
  static constexpr std::array names{"none", "wrong_tau", "ignored_error", "coarser_format"};
};

namespace kvfrontier::experiments::precision {
namespace {

using core::FloatFormat;
using core::Json;

constexpr double ratios[] = {0.95, 0.998, 1.002, 1.05};

double unit_roundoff(FloatFormat format) {
  return std::ldexp(1.0, format == FloatFormat::fp32 ? -24 : format == FloatFormat::fp16 ? -11 : -8);
}

struct Parameters {
  FloatFormat format = FloatFormat::fp16;
  KeyFamily embedding = KeyFamily::sphere;
  Index tokens = 512, d = 64;
  double eta = 0;
  Index rows = 32;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("format", &Parameters::format, "stored float"),
            family_member(&Parameters::embedding),
            core::member("tokens", &Parameters::tokens, "N").range(2, 50'000),
            core::member("d", &Parameters::d, "dimension").range(2, 65536),
            core::member("eta", &Parameters::eta, "multiplicative tolerance").range(0, 0.999),
            core::member("rows", &Parameters::rows, "rows asked for in a trial").range(1, 65536),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

// Empty where the worst signs leave no scaling that decodes.
struct Trial {
  std::vector<int> decoded;
  std::optional<int> failures;
  std::optional<double> key_error, logit_error, shift, key_decoded, logit_decoded;

  static core::MemberList<Trial> members() {
    return {
        {core::member("decoded", &Trial::decoded,
                      "rows that decode under worst-case signs, at .95, .998, 1.002 and 1.05 of the tau they need")
             .needed(),
         core::member("failures", &Trial::failures, "rows that rounding spoils although S e^{2|e|} is below the bound")
             .needed(),
         core::member("key_error", &Trial::key_error, "largest logit error from rounded keys, over u tau").needed(),
         core::member("logit_error", &Trial::logit_error, "largest error of a rounded logit, over u tau").needed(),
         core::member("shift", &Trial::shift, "mean of the tau needed under worst-case signs over the exact one")
             .needed(),
         core::member("key_decoded", &Trial::key_decoded, "share of rows that decode with rounded keys").needed(),
         core::member("logit_decoded", &Trial::logit_decoded, "share of rows that decode with rounded logits")
             .needed()},
        core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "precision",
    .statement = R"(Logit errors up to e leave a row decodable while S e^{2e} < (1-eta)/(1+eta); for rounded keys or
      logits, e <= u tau.)",
    .source = "finite precision of the reduction of arXiv 2503.14881; perturbation of the softmax",
    .prediction = R"(worst-case signs: decoding steps from 0 to 1 at S e^{2 u tau} = (1-eta)/(1+eta); real rounding:
      |e| <= u tau, no failure while S e^{2|e|} is below)",
    .allowance = R"(3 % of the rows: the step is sharp, and an interval without any exception needs this room; the step
      is tested within .2 % of its tau, while bf16 moves it by 1 %. Errors: 1 % of u tau for subnormal fp16 entries and
      the product of two roundings. None for failures)",
    .refutation = R"(decoding beyond the bound under worst-case signs, a failure below it, or rounding errors above u
      tau)"};

class Precision : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  Precision() : MeasuringClaim(claim) {}

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const double eta = p.eta, u = unit_roundoff(p.format);
    const FloatFormat coarse = p.format == FloatFormat::fp32 ? FloatFormat::fp16 : FloatFormat::bf16;
    const FloatFormat format = p.mutation == Mutation::coarser_format ? coarse : p.format;
    const geometry::Embedding& family = keys_of(p.embedding);
    const core::RowMatrixF stored = trial_keys(turn, family, p.tokens, p.d);
    const core::RowMatrixD keys = stored.cast<double>();
    core::RowMatrixD rounded(keys.rows(), keys.cols());
    for (Index j = 0; j < keys.rows(); ++j) {
      for (Index l = 0; l < keys.cols(); ++l) rounded(j, l) = core::stored(format, stored(j, l));
    }
    std::vector<int> decoded(std::size(ratios), 0);
    int key_failures = 0, logit_failures = 0, key_decoded = 0, logit_decoded = 0;
    double key_error = 0, logit_error = 0, shift = 0;
    const auto rows = drawn_rows(trial_coins(turn, family, p.tokens, p.d, "bob"), keys.rows(), p.rows);
    for (const Index i : rows) {
      const auto query = keys.middleRows(i, 1);
      auto margins = row_margins(keys, i);
      const auto exact = theory::tau_required(margins, eta);
      auto shrunk = margins;
      if (p.mutation != Mutation::ignored_error) {
        for (double& margin : shrunk) margin -= 2 * u;
      }
      const auto need = theory::tau_required(shrunk, eta);
      if (!exact || !need) return {sweep::Status::uncertified, {}};
      const double exact_need = *exact;
      shift += *need / exact_need;
      for (std::size_t r = 0; r < std::size(ratios); ++r) {
        const double tau = (p.mutation == Mutation::wrong_tau ? 0.8 : 1) * ratios[r] * *need;
        decoded[r] += worst_case_decodes(keys, query, i, tau, eta, u * tau);
      }
      // Real rounding, a little above the exact need.
      const double tau = 1.01 * exact_need, leak = leak_of(margins, tau), bound = theory::leak_threshold(eta);
      const Eigen::VectorXd exact_logits = tau * (keys * query.transpose()),
                            from_keys = tau * (rounded * query.transpose());
      Eigen::VectorXd from_logits(exact_logits.size());
      for (Index j = 0; j < from_logits.size(); ++j) from_logits[j] = core::stored(format, exact_logits[j]);
      const auto judge_rounding = [&](const Eigen::VectorXd& logits, double& largest, int& failures, int& successes) {
        const double error = (logits - exact_logits).cwiseAbs().maxCoeff();
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
    const double count = std::ssize(rows);
    return Trial{decoded,
                 key_failures + logit_failures,
                 key_error,
                 logit_error,
                 shift / count,
                 key_decoded / count,
                 logit_decoded / count};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"format", {"fp32", "fp16", "bf16"}}, {"eta", {0, 0.5}}}},
            {"tokens", quick ? 512 : 1024},
            {"stop", analysis::trials(8, quick ? 28 : 96)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      std::vector<double> decoded(std::size(ratios), 0);
      std::int64_t draws = 0;
      double failures = 0, error = 0;
      for (const Trial& trial : point.trials) {
        for (std::size_t r = 0; r < std::size(ratios); ++r) decoded[r] += trial.decoded.at(r);
        failures += *trial.failures;
        error = std::max({error, *trial.key_error, *trial.logit_error});
        draws += point.parameters.rows;
      }
      const auto place = [&](const char* quantity) {
        return analysis::with(analysis::with(point.at(&P::format, &P::eta), "quantity", quantity), "shift",
                              core::mean_of(point.values(&Trial::shift)));
      };
      for (std::size_t r = 0; r < std::size(ratios); ++r) {
        const double step = ratios[r] > 1 ? 1 : 0;
        checks.proportion(analysis::with(place("decoded share, worst-case signs"), "tau_over_required", ratios[r]),
                          decoded[r], draws, step, analysis::within_absolute(step, 0.03));
      }
      checks.exact(place("failures below the bound"), failures, 0, analysis::at_most(0));
      checks.exact(place("largest rounding error / (u tau)"), error, 1, analysis::at_most(1.01));
    }
  }
};

const core::Registration<sweep::Experiment, Precision> registration;

}  // namespace
}  // namespace kvfrontier::experiments::precision
