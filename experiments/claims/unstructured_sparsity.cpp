// Sparse attention does not help. On the hard instance every query already puts nearly all its weight on one token, so
// that keeping only the k largest weights of each query changes neither error nor memory.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/measuring_claim.hpp"
#include "drawn_instance.hpp"
#include "measuring.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::unstructured_sparsity {

enum class Mutation { none, leaking_support, wrong_tau };

}  // namespace kvfrontier::experiments::unstructured_sparsity

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::unstructured_sparsity::Mutation> {
  static constexpr std::array names{"none", "leaking_support", "wrong_tau"};
};

namespace kvfrontier::experiments::unstructured_sparsity {
namespace {

struct Parameters {
  std::string schedule = "doubling";
  int n = 16;
  Index d = 32, k = 1;
  double share = 0.5, eta = 0.5;
  Index rows = 128;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {schedule_member(&Parameters::schedule),
            n_member(&Parameters::n),
            d_member(&Parameters::d),
            core::member("k", &Parameters::k, "weights kept for each query; 0 = all").range(0, 1'000'000),
            core::member("share", &Parameters::share,
                         "f, share of the bits of every row that is sent; the others are read as 1/2")
                .range(0, 1),
            core::member("eta", &Parameters::eta, "tolerance of the certificate").range(0, 0.999999),
            core::member("rows", &Parameters::rows, "rows asked for in a trial").range(1, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
  reduction::InstanceParams instance() const { return index_params(schedule, n, d); }
};

// Empty for an instance without a certified scaling.
struct Trial {
  std::optional<double> error;
  std::optional<core::Bits> message_bits;
  std::optional<double> least_top_weight;

  static core::MemberList<Trial> members() {
    return {{core::member("error", &Trial::error, "mean share of wrong bits of a row").needed(),
             core::member("message_bits", &Trial::message_bits, "bits sent").unit("bits").needed(),
             core::member("least_top_weight", &Trial::least_top_weight, "least over the queries of the largest weight")
                 .needed()},
            core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "unstructured_sparsity",
    .statement = "Attention limited to the k largest weights of each query needs the same bits on the hard instance.",
    .note = "Its rows are already nearly 1-sparse, and the error at a share f of the bits is (1 - f)/2 for every k.",
    .source = R"(impossibility for unstructured sparsity, arXiv 2502.15955: the union of the supports of all queries
      is the whole cache)",
    .prediction = R"(error = (1 - f)/2 for k = 1, 4, 16 and all; largest weight of a certified row > (1 + eta)/2;
      floor / bits <= 1)",
    .allowance = R"(0.01: the law is exact up to sampling, since entries that are not sent are independent of every
      answer; as wide as what a leak of one entry in fifty would change)",
    .refutation = R"(an error off the line by more than 0.01 for some k, a row whose largest weight is below (1 +
      eta)/2, or an error below the floor)"};

class UnstructuredSparsity : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  UnstructuredSparsity() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination&) const override { p.n = resolved_n(p.schedule, p.n); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto params = p.instance();
    const DrawnInstance drawn(params, turn.seed, turn.trial, p.eta);
    if (!drawn.tau) return {sweep::Status::uncertified, {}};
    // At a third of the scaling rows are no longer sparse.
    const double tau = *drawn.tau * (p.mutation == Mutation::wrong_tau ? 1.0 / 3 : 1.0);
    const Index sent = std::lround(p.share * params.d);
    core::RowMatrixD known = drawn.values;
    known.rightCols(params.d - sent).setConstant(0.5);
    const Index kept = p.k == 0 ? params.tokens() : std::min(p.k, params.tokens());

    const auto asked = drawn.instance->queried_rows(p.rows);
    double wrong = 0, least_top = 1;
    std::vector<Index> order(params.tokens());
    for (const Index i : asked) {
      Eigen::VectorXd weights = tau * (drawn.keys * drawn.keys.row(i).transpose());
      weights = (weights.array() - weights.maxCoeff()).exp();
      weights /= weights.sum();
      least_top = std::min(least_top, weights.maxCoeff());
      std::iota(order.begin(), order.end(), Index{0});
      std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                        [&](Index a, Index b) { return weights[a] > weights[b]; });
      Eigen::RowVectorXd answer = Eigen::RowVectorXd::Zero(params.d);
      double mass = 0;
      for (Index j = 0; j < kept; ++j) {
        answer += weights[order[j]] * known.row(order[j]);
        mass += weights[order[j]];
      }
      answer /= mass;
      // A support that depends on the bits tells some of them: here every tenth entry.
      if (p.mutation == Mutation::leaking_support) {
        for (Index c = 0; c < params.d; c += 10) answer[c] = drawn.values(i, c);
        for (Index c = params.d - 1; c >= sent; c -= 10) answer[c] = drawn.values(i, c);
      }
      wrong += wrong_bits(answer, drawn.values.row(i)) / params.d;
    }
    return Trial{wrong / asked.size(), sent * params.tokens(), least_top};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"k", {1, 4, 16, 0}}, {"share", {0.25, 0.5, 0.75}}}},
            {"n", quick ? 16 : 32},
            {"stop", analysis::trials(8, quick ? 128 : 160)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      const auto at = [&point](const char* quantity) {
        return analysis::with(point.at(&P::k, &P::share), "quantity", quantity);
      };
      const auto errors = point.values(&Trial::error);
      const double line = theory::eviction_error(p.share);
      checks.mean(at("error"), errors, line, analysis::within_absolute(line, 0.01));
      const double least = (1 + p.eta) / 2;
      checks.mean(at("largest weight"), point.values(&Trial::least_top_weight), least, analysis::at_least(least));
      const double bits = *point.trials.front().message_bits, entries = 1.0 * p.instance().tokens() * p.d;
      const auto floor = [=](double error) { return theory::entropy_floor_bits(entries, error) / bits; };
      checks.estimate(at("floor / bits"), floor(core::mean_of(errors)), 1, analysis::at_most(1), [=](double level) {
        const auto error = core::student_interval(errors, level);
        return core::Interval{floor(error.hi), floor(error.lo)};
      });
    }
  }
};

const core::Registration<sweep::Experiment, UnstructuredSparsity> registration;

}  // namespace
}  // namespace kvfrontier::experiments::unstructured_sparsity
