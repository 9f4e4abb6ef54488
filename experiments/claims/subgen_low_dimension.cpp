// Keys of low dimension: fixing the norm of the queries and a bound on the error of the denominator fixes the radius.
// Then SubGen's clusters grow with N only until they cover the keys' sphere: the d min(N, e^D) law.
//
// A new key opens a cluster unless it is within delta of an older representative. So representatives are more than
// delta apart at every N, m cap(delta/2) <= 1. Before the sphere fills, the mean number of keys that join a cluster is
// at most that of pairs within delta, N (N-1)/2 cap(delta); twice that leaves a margin, m/N >= 1 - cap(delta) (N-1).
// The share of the sphere that is still uncovered only falls, and is the chance that the next key opens a cluster:
// after N keys it is, in the mean, at most the growth (m(N) - m(N/4))/(3N/4), so m cap(delta) is at least one minus
// that. Every key is within 2 delta of the key that represents it, so the denominator is off by at most exp(2 delta
// |q|).

#include <algorithm>
#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "measuring.hpp"
#include "subgen_cache.hpp"
#include "theory/dimension.hpp"

namespace kvfrontier::experiments::subgen_low_dimension {

enum class Mutation { none, cap_on_clusters, full_dimension };

}  // namespace kvfrontier::experiments::subgen_low_dimension

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::subgen_low_dimension::Mutation> {
  static constexpr std::array names{"none", "cap_on_clusters", "full_dimension"};
};

namespace kvfrontier::experiments::subgen_low_dimension {
namespace {

constexpr Index width = 16;   // d, whatever the dimension of the keys is
constexpr Index queries = 2;  // each with a sketch of its own

struct Parameters {
  Index dimension = 3, side = 16;
  double delta = 0.3, norm = 1;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("dimension", &Parameters::dimension,
                         "D, dimension of the subspace that the keys lie in; the width is at least 16")
                .range(2, 4096),
            core::member("side", &Parameters::side, "N is its square; even").range(2, 1024),
            core::member("delta", &Parameters::delta, "radius of a cluster").range(1e-3, 2),
            core::member("norm", &Parameters::norm, "|q|").range(0, 100),
            analysis::mutation_member(&Parameters::mutation)};
  }
  Index tokens() const { return side * side; }
};

// What follows from the parameters; records hold it beside them.
struct Derived {
  std::string embedding = "sphere";
  Index tokens = 0, d = 0;

  static core::MemberList<Derived> members() {
    return {core::member("embedding", &Derived::embedding, "family of keys"),
            core::member("tokens", &Derived::tokens, "N"), core::member("d", &Derived::d, "D again")};
  }
};

struct Trial {
  double clusters = 0, earlier = 0, log_error = 0;
  static core::MemberList<Trial> members() {
    return {core::member("clusters", &Trial::clusters, "mean of m(N), clusters of all keys").needed(),
            core::member("earlier", &Trial::earlier, "mean of m(N/4), clusters of the first quarter").needed(),
            core::member("log_error", &Trial::log_error, "largest |ln T'/T|, T the denominator").needed()};
  }
};

const geometry::Embedding& sphere() {
  return geometry::Embeddings::find("sphere", "embedding");
}

// Uniform on the unit sphere of the first D coordinates: the sketch sees only distances and products.
core::RowMatrixF embedded_keys(const Parameters& p, const analysis::Turn& turn) {
  const Index drawn = p.mutation == Mutation::full_dimension ? std::max(p.dimension, width) : p.dimension;
  const core::RowMatrixF rows = trial_keys(turn, sphere(), p.tokens(), drawn);
  core::RowMatrixF keys = core::RowMatrixF::Zero(rows.rows(), std::max(rows.cols(), width));
  keys.leftCols(rows.cols()) = rows;
  return keys;
}

const analysis::ClaimText claim{
    .name = "subgen_low_dimension",
    .statement = "For unit keys in D dimensions SubGen's memory follows min(N, covering number).",
    .note = R"(The norm of the queries and the bound on the error of the denominator are fixed. At first every key
      opens a cluster; then the number of clusters stays between 1/cap(delta) and 1/cap(delta/2) for ever.)",
    .source = R"(covering numbers behind SubGen (arXiv 2402.06082) and the d min(n, e^d) bound of arXiv 2502.15955;
      bounds derived in the file of this claim)",
    .prediction = R"(m = (message - samples)/(bits of a cluster); m cap(delta/2) <= 1; m/N >= 1 - cap(delta) (N-1); m
      cap(delta) + (m(N) - m(N/4))/(3N/4) >= 1; |ln T'/T| <= 2 delta |q|; D = 128: m = N)",
    .allowance = R"(1 % for m = N in 128 dimensions: pairs closer than delta are rare but possible. 1e-5 for the
      denominator: answers are in single precision. None for the other bounds)",
    .refutation = R"(more clusters than a packing of the keys' own sphere, fewer than cover it, fewer than keys while
      it is empty, or a denominator off by more than exp(2 delta |q|))"};

class SubgenLowDimension : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  SubgenLowDimension() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.side % 2 != 0)
      throw core::ConfigError(combination.path(&Parameters::side), std::to_string(p.side), "an even number");
  }
  core::Json resolve(const sweep::Combination& combination) const override {
    core::Json parameters = MeasuringClaim::resolve(combination);
    const auto p = core::from_json<Parameters>(parameters, "");
    parameters.update(core::to_json(Derived{.tokens = p.tokens(), .d = p.dimension}));
    return parameters;
  }
  double operations(const Parameters& p) const override {
    const double tokens = p.tokens();
    return tokens * 2 * (queries + 1) * width * std::min(tokens, 1000.0);
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index tokens = p.tokens(), most = p.mutation == Mutation::cap_on_clusters ? 8 : tokens;
    // Short streams vary most and cost least.
    const Index draws = std::max<Index>(1, 2048 / tokens);
    double worst = 0, clusters = 0, earlier = 0;
    for (Index draw = 0; draw < draws; ++draw) {
      const analysis::Turn draw_turn = draw_of(turn, draw);
      const core::RowMatrixF keys = embedded_keys(p, draw_turn);
      const core::Coins coins = trial_coins(draw_turn, sphere(), tokens, p.dimension, "sketch");
      for (Index q = 0; q < queries; ++q) {
        const Eigen::RowVectorXd query = p.norm * keys.row(q).cast<double>();
        // Values proportional to the weights leave the numerator without variance: it is the sum of their squares, so
        // the answer tells the denominator.
        core::RowMatrixF values = core::RowMatrixF::Zero(tokens, keys.cols());
        values.col(0) = (keys.cast<double>() * query.transpose()).array().exp().cast<float>();
        const SubgenCache cache(keys, values, p.delta, most, 1, coins);
        if (q == 0) clusters += cache.clusters();
        const Eigen::ArrayXd weights = values.col(0).cast<double>();
        const double estimate = weights.square().sum() / cache.attend(query)(0, 0);
        worst = std::max(worst, std::abs(std::log(estimate / weights.sum())));
      }
      const core::RowMatrixF ones = core::RowMatrixF::Ones(tokens / 4, keys.cols());
      earlier += SubgenCache(keys.topRows(tokens / 4), ones, p.delta, most, 1, coins).clusters();
    }
    return Trial{clusters / draws, earlier / draws, worst};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    core::Json grids = core::Json::array();
    const auto add = [&](int dimension, double delta, core::Json sides) {
      grids.push_back({{"dimension", dimension}, {"delta", delta}, {"side", std::move(sides)}});
    };
    add(2, 0.1, {4, 8, 16, 32, 128});
    add(3, 0.3, quick ? core::Json{4, 8, 16, 32, 64} : core::Json{4, 8, 16, 32, 64, 128});
    add(4, 0.6, quick ? core::Json{4, 8, 16, 32, 64} : core::Json{4, 8, 16, 32, 64, 128});
    add(128, 1.0, {4, 16, 32});
    return {{"grid", grids}, {"stop", analysis::trials(8, quick ? 32 : 100)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const Parameters& p = point.parameters;
      const auto clusters = point.values(&Trial::clusters);
      const double tokens = p.tokens(), cap = theory::cap_share(p.dimension, p.delta),
                   half = theory::cap_share(p.dimension, p.delta / 2);
      const auto place = [&](const char* quantity) {
        core::Json at = point.at(&Parameters::dimension, &Parameters::delta);
        at.update({{"tokens", p.tokens()}, {"quantity", quantity}, {"clusters", core::mean_of(clusters)}});
        return at;
      };
      const auto times = [&](double factor) {
        std::vector<double> list;
        for (const double m : clusters) list.push_back(m * factor);
        return list;
      };
      if (p.dimension > 16) {
        checks.mean(place("m / N"), times(1 / tokens), 1, analysis::within_absolute(1, 0.01));
        continue;
      }
      checks.mean(place("m cap(delta/2)"), times(half), 1, analysis::at_most(1));
      std::vector<double> covered;
      for (const Trial& trial : point.trials)
        covered.push_back(trial.clusters * cap + (trial.clusters - trial.earlier) / (0.75 * tokens));
      checks.mean(place("m cap(delta) + uncovered share"), covered, 1, analysis::at_least(1));
      if (const double least = 1 - cap * (tokens - 1); least > 0)
        checks.mean(place("m / N"), times(1 / tokens), least, analysis::at_least(least));
      const double bound = 2 * p.delta * p.norm;
      checks.mean(place("|ln T'/T|"), point.values(&Trial::log_error), bound, analysis::at_most(bound + 1e-5));
    }
  }
};

const core::Registration<sweep::Experiment, SubgenLowDimension> registration;

}  // namespace
}  // namespace kvfrontier::experiments::subgen_low_dimension
