// Eviction schemes that do not look at values all lie on one line, (1 - f)/2. A score that reads values does worse:
// rows with many ones make a cache that answers 1 for everybody, and the evicted rows are those with few.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/measuring_claim.hpp"
#include "drawn_instance.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::eviction_line {

enum class Rule { uniform, recent, heavy_keys, most_ones, fewest_ones };
enum class Mutation { none, peeks_at_values, one_in_ten_leaks };

}  // namespace kvfrontier::experiments::eviction_line

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::eviction_line::Rule> {
  static constexpr std::array names{"uniform", "recent", "heavy_keys", "most_ones", "fewest_ones"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::eviction_line::Mutation> {
  static constexpr std::array names{"none", "peeks_at_values", "one_in_ten_leaks"};
};

namespace kvfrontier::experiments::eviction_line {
namespace {

using core::Index;
using core::Json;

struct Parameters {
  std::string schedule = "doubling";
  int n = 32;
  Index d = 16;
  Rule rule = Rule::uniform;
  double share = 0.25;
  Index draws = 4;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {schedule_member(&Parameters::schedule),
            n_member(&Parameters::n),
            d_member(&Parameters::d),
            core::member("rule", &Parameters::rule,
                         "which rows are kept: a random set, the newest, or those whose keys get most attention from "
                         "all keys; or by their number of ones"),
            core::member("share", &Parameters::share, "f, share of rows that are kept").range(0, 1),
            core::member("draws", &Parameters::draws, "instances per trial").range(1, 1e5),
            analysis::mutation_member(&Parameters::mutation)};
  }
  bool reads_values() const { return rule == Rule::most_ones || rule == Rule::fewest_ones; }
};

// Empty where the instance has no certified scaling.
struct Trial {
  std::optional<double> error, model, kept_share;
  static core::MemberList<Trial> members() {
    return {{core::member("error", &Trial::error, "bit error over all entries").needed(),
             core::member("model", &Trial::model, "the law for value-reading rules on the same draws").needed(),
             core::member("kept_share", &Trial::kept_share, "share of rows that are kept, in whole rows").needed()},
            core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "eviction_line",
    .statement = R"(Keeping a share f of the rows by a rule that ignores values has bit error (1 - f)/2, and keeping the
      rows with the most ones has more.)",
    .note = "At f = 1/4 it is about .389 at d = 16 and .383 at d = 64 instead of .375.",
    .source = R"(given the keys, a dropped row is independent of the kept ones; otherwise a majority of ones in the kept
      rows meets a minority in the dropped rows)",
    .prediction = R"((1 - f)/2; for value-reading rules (1 - f) (q (1 - x) + (1 - q) x), x = share of ones in dropped
      rows, q = Phi((y - 1/2)/sqrt(y (1 - y) sum_j p_j^2)), y = share in kept rows)",
    .allowance = R"(0.005 on the line: it is exact up to sampling, and reading values changes more than that. 0.005 for
      value-reading rules: q treats a sum of few weighted bits as Gaussian, which is wrong by at most 0.04 where one
      weight dominates, and (1 - f)(1 - 2x) < 0.1 of this counts)",
    .refutation = "a rule that ignores values off the line by 0.005, or a value-reading rule on the line or below it"};

double normal_below(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

// The largest scores are kept. `received` is the attention that each token gets, for heavy_keys only.
double score(Rule rule, Index token, double tie, double ones, const core::RowMatrixD& received) {
  switch (rule) {
    case Rule::uniform:
      return tie;
    case Rule::recent:
      return token;
    case Rule::heavy_keys:
      return received.col(token).sum();
    case Rule::most_ones:
      return ones + tie / 2;
    case Rule::fewest_ones:
      return tie / 2 - ones;
  }
  return 0;
}

// Turns every row into the softmax of itself.
void normalise(core::RowMatrixD& weights) {
  for (Index i = 0; i < weights.rows(); ++i) {
    weights.row(i) = (weights.row(i).array() - weights.row(i).maxCoeff()).exp();
    weights.row(i) /= weights.row(i).sum();
  }
}

// Tokens in the order in which they are kept.
std::vector<Index> ranking(const DrawnInstance& drawn, Rule rule) {
  const Index tokens = drawn.keys.rows();
  core::Stream stream(drawn.instance->coins().open, core::Purpose("eviction/uniform"), 0);
  core::RowMatrixD received;
  if (rule == Rule::heavy_keys) {
    received = *drawn.tau / 4 * (drawn.keys * drawn.keys.transpose());
    normalise(received);
  }
  std::vector<double> scores(tokens);
  for (Index j = 0; j < tokens; ++j) {
    const double tie = stream() / 4294967296.0, ones = drawn.values.row(j).sum();
    scores[j] = score(rule, j, tie, ones, received);
  }
  std::vector<Index> order(tokens);
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return scores[a] > scores[b]; });
  return order;
}

class EvictionLine : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  EvictionLine() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination&) const override { p.n = resolved_n(p.schedule, p.n); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto params = index_params(p.schedule, p.n, p.d);
    const Index tokens = params.tokens(), kept = std::lround(p.share * tokens), dropped = tokens - kept;
    const Rule rule = p.mutation == Mutation::peeks_at_values ? Rule::most_ones : p.rule;
    double error = 0, model = 0;
    for (Index draw = 0; draw < p.draws; ++draw) {
      const DrawnInstance drawn(params, turn.seed, turn.trial * p.draws + draw, 0.5);
      if (!drawn.tau) return {sweep::Status::uncertified, {}};
      const auto order = ranking(drawn, rule);
      core::RowMatrixD keys(kept, p.d), values(kept, p.d), queries(tokens, p.d), truth(tokens, p.d);
      for (Index row = 0; row < tokens; ++row) {
        queries.row(row) = *drawn.tau * drawn.keys.row(order[row]);
        truth.row(row) = drawn.values.row(order[row]);
        if (row >= kept) continue;
        keys.row(row) = drawn.keys.row(order[row]);
        values.row(row) = drawn.values.row(order[row]);
      }
      core::RowMatrixD weights = queries * keys.transpose();
      normalise(weights);
      const core::RowMatrixD answers = weights * values;
      auto wrong = ((answers.array() > 0.5) != (truth.array() > 0.5)).cast<double>().eval();
      if (p.mutation == Mutation::one_in_ten_leaks) {
        for (Index c = 0; c < p.d; c += 10) wrong.col(c).setZero();
      }
      error += wrong.mean();
      // The law, from this draw's weights and ones.
      const double y = values.mean(), x = truth.bottomRows(dropped).mean();
      double q = 0;
      for (Index i = kept; i < tokens; ++i)
        q += normal_below((y - 0.5) / std::sqrt(y * (1 - y) * weights.row(i).squaredNorm()));
      q /= dropped;
      model += 1.0 * dropped / tokens * (q * (1 - x) + (1 - q) * x);
    }
    return Trial{error / p.draws, model / p.draws, 1.0 * kept / tokens};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid{{{"rule", {"uniform", "recent", "heavy_keys"}}, {"share", {0.25, 0.5}}, {"d", 16}},
              {{"rule", "most_ones"}, {"share", 0.25}, {"d", {16, 64}}},
              {{"rule", "fewest_ones"}, {"share", 0.25}, {"d", 16}}};
    if (!quick) {
      grid.push_back({{"rule", {"uniform", "recent", "heavy_keys"}}, {"share", {0.125, 0.75}}, {"d", 16}});
      grid.push_back({{"rule", "most_ones"}, {"share", {0.125, 0.5}}, {"d", {16, 32}}});
    }
    return {{"grid", grid}, {"stop", analysis::trials(8, quick ? 48 : 120)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const auto errors = point.values(&Trial::error), models = point.values(&Trial::model);
      if (errors.empty()) continue;
      const double line = theory::eviction_error(point.values(&Trial::kept_share).front());
      const auto place = [&](const char* quantity) {
        return analysis::with(point.at(&P::rule, &P::d, &P::share), "quantity", quantity);
      };
      if (!point.parameters.reads_values()) {
        checks.mean(place("error"), errors, line, analysis::within_absolute(line, 0.005));
        continue;
      }
      // Paired: the model is that of the same draws.
      const double model = core::mean_of(models);
      std::vector<double> misses, excesses;
      for (Index i = 0; i < std::ssize(errors); ++i) {
        misses.push_back(errors[i] - models[i] + model);
        excesses.push_back(errors[i] - line);
      }
      checks.mean(place("error"), misses, model, analysis::within_absolute(model, 0.005));
      checks.mean(place("error above (1 - f)/2"), excesses, model - line, analysis::at_least(0.001));
    }
  }
};

const core::Registration<sweep::Experiment, EvictionLine> registration;

}  // namespace
}  // namespace kvfrontier::experiments::eviction_line
