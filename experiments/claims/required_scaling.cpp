// How large must tau be? tau* of the coherence suffices, tau_necessary is needed, and a typical row needs the tau at
// which the mean leak meets the threshold.

#include <algorithm>
#include <limits>
#include <optional>

#include "attention/all_pairs.hpp"
#include "measuring.hpp"

namespace kvfrontier::experiments::required_scaling {

enum class Mutation { none, wrong_tau, duplicated_key };

}  // namespace kvfrontier::experiments::required_scaling

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::required_scaling::Mutation> {
  static constexpr std::array names{"none", "wrong_tau", "duplicated_key"};
};

namespace kvfrontier::experiments::required_scaling {
namespace {

using core::Json;

struct Parameters {
  KeyFamily embedding = KeyFamily::sphere;
  Index tokens = 512, d = 64;
  double eta = 0;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {family_member(&Parameters::embedding), core::member("tokens", &Parameters::tokens, "N").range(3, 50'000),
            core::member("d", &Parameters::d, "dimension").range(2, 65536),
            core::member("eta", &Parameters::eta, "multiplicative tolerance").range(0, 0.999),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

// Empty for keys that no scaling is certified to separate.
struct Trial {
  std::optional<double> median, worst, star;
  static core::MemberList<Trial> members() {
    return {{core::member("median", &Trial::median, "the tau that the median row needs").needed(),
             core::member("worst", &Trial::worst, "the tau that the worst row needs").needed(),
             core::member("star", &Trial::star, "tau* of the measured coherence").needed()},
            core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "required_scaling",
    .statement = R"(The median row needs tau_typ, where E S(tau_typ) = (1-eta)/(1+eta); the worst row needs between
      L (N-1)/N and tau* = L/(1 - mu+).)",
    .note = "L = ln(N-1) + 2 artanh eta.",
    .source = "typical case and sufficiency of the scaling behind Thm 4.5 and 4.6 of arXiv 2503.14881",
    .prediction = "Rademacher tau_typ = -(d/2) ln(2 e^{-L/d} - 1); sphere (N-1) e^{-tau} M_d(tau) = (1-eta)/(1+eta)",
    .allowance = R"(2 % for the median row: S has relative variance M(2 tau)/((N-1) M(tau)^2), below .1 here, and its
      median lies below its mean by about half of that, which moves tau by less than 1 %. None for the bounds on the
      worst row)",
    .refutation = R"(a median need more than 2 % away from tau_typ, or a trial whose worst row needs more than tau* or
      less than L (N-1)/N)"};

class RequiredScaling : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  RequiredScaling() : MeasuringClaim(claim) {}

  double operations(const Parameters& p) const override { return 1.0 * p.tokens * p.tokens * (2 * p.d + 100); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const double threshold = theory::leak_threshold(p.eta);
    core::RowMatrixF stored = trial_keys(turn, keys_of(p.embedding), p.tokens, p.d);
    const auto largest = attention::largest_products(stored);
    const double mu_plus =
        *std::max_element(largest.begin(), largest.end()) + attention::product_rounding_bound(stored);
    if (mu_plus >= 1) return {sweep::Status::uncertified, {}};
    // The certificate of the honest keys, and nearly a copy of one of them behind its back.
    if (p.mutation == Mutation::duplicated_key) stored.row(1) = 0.99 * stored.row(0) + 0.01 * stored.row(2);
    const core::RowMatrixD keys = stored.cast<double>();
    std::vector<double> needs;
    double worst = 0;
    for (Index i = 0; i < keys.rows(); ++i) {
      const auto margins = row_margins(keys, i);
      const bool sampled = i % 8 == 0;
      if (!sampled && leak_of(margins, worst) < threshold) continue;
      const auto need = theory::tau_required(margins, p.eta);
      worst = std::max(worst, need.value_or(1e6));
      if (sampled) needs.push_back(need.value_or(1e6));
    }
    const auto median = needs.begin() + std::ssize(needs) / 2;
    std::nth_element(needs.begin(), median, needs.end());
    const double factor = p.mutation == Mutation::wrong_tau ? 0.8 : 1;
    return Trial{factor * *median, factor * worst, theory::tau_star(p.tokens, mu_plus, p.eta)};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid",
             {{"embedding", {"sphere", "rademacher"}},
              {"d", quick ? Json{48, 64, 128} : Json{48, 64, 96, 128, 256}},
              {"eta", {0, 0.9}}}},
            {"tokens", quick ? 512 : 1024},
            {"stop", analysis::trials(8, quick ? 20 : 80)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      const double typical = *theory::tau_typical(
          [&](double tau) { return *keys_of(p.embedding).mean_leak(p.tokens, p.d, tau); }, p.eta, 1e4);
      const auto place = [&](const char* quantity) {
        return analysis::with(point.at(&P::embedding, &P::tokens, &P::d, &P::eta), "quantity", quantity);
      };
      checks.mean(place("median need"), point.values(&Trial::median), typical,
                  analysis::within_relative(typical, 0.02));
      double highest = 0, lowest = std::numeric_limits<double>::infinity();
      for (const Trial& trial : point.trials) {
        highest = std::max(highest, *trial.worst / *trial.star);
        lowest = std::min(lowest, *trial.worst / theory::tau_necessary(p.tokens, p.eta));
      }
      Json at = place("largest worst need / tau*");
      at.update(
          {{"worst", core::mean_of(point.values(&Trial::worst))}, {"star", core::mean_of(point.values(&Trial::star))}});
      checks.exact(at, highest, 1, analysis::at_most(1));
      checks.exact(place("least worst need / necessary tau"), lowest, 1, analysis::at_least(1));
    }
  }
};

const core::Registration<sweep::Experiment, RequiredScaling> registration;

}  // namespace
}  // namespace kvfrontier::experiments::required_scaling
