// Keys of low dimension: at a fixed norm of queries and a fixed bound on the error of the denominator, which fix the
// radius, SubGen's clusters grow with N only until they cover the keys' sphere: the d min(N, e^D) law.
//
// A new key opens a cluster unless it is within delta of an older representative. So representatives are more than
// delta apart at every N, m cap(delta/2) <= 1. Before the sphere fills, the mean number of keys that join a cluster is
// at most that of pairs within delta, N (N-1)/2 cap(delta); twice that leaves a margin, m/N >= 1 - cap(delta) (N-1).
// The share of the sphere that is still uncovered only falls, and is the chance that the next key opens a cluster:
// after N keys it is, in the mean, at most the growth (m(N) - m(N/4))/(3N/4), so m cap(delta) is at least one minus
// that. Every key is within 2 delta of the one that stands for it, so the denominator is off by at most exp(2 delta
// |q|).

#include <cmath>

#include "analysis/claim.hpp"
#include "measuring.hpp"
#include "subgen_cache.hpp"
#include "theory/dimension.hpp"

namespace kvfrontier::experiments::subgen_low_dimension {
namespace {

using analysis::CheckList;
using core::Json;

constexpr Index width = 16;   // d, whatever the dimension of the keys is
constexpr Index queries = 2;  // a sketch each

class SubgenLowDimension : public analysis::Claim {
 public:
  std::string name() const override { return "subgen_low_dimension"; }
  std::string statement() const override {
    return "for unit keys in D dimensions, queries of fixed norm and a fixed bound on the denominator's error, "
           "SubGen's "
           "memory follows min(N, covering number): one cluster a key first, then between 1/cap(delta) and "
           "1/cap(delta/2) for ever";
  }
  std::string source() const override {
    return "covering numbers behind SubGen (arXiv 2402.06082) and the d min(n, e^d) bound of arXiv 2502.15955; bounds "
           "derived in this file";
  }
  std::string prediction() const override {
    return "m = (message - samples)/(bits of a cluster); m cap(delta/2) <= 1; m/N >= 1 - cap(delta) (N-1); m "
           "cap(delta) + (m(N) - m(N/4))/(3N/4) >= 1; |ln T'/T| <= 2 delta "
           "|q|; D = 128: m = N";
  }
  std::string allowance() const override {
    return "1 % for m = N in 128 dimensions: pairs nearer than delta are rare but possible. 1e-5 for the denominator: "
           "answers in single precision. None for the other bounds";
  }
  std::string refutation() const override {
    return "more clusters than a packing of the keys' own sphere, fewer than cover it, fewer than keys while it is "
           "empty, or a denominator off by more than exp(2 delta |q|)";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::integer("dimension", 3, 2, 4096,
                        "D, dimension of the subspace that the keys lie in; the width is at least 16"),
        Option::integer("side", 16, 2, 1024, "N is its square; even"),
        Option::real("delta", 0.3, 1e-3, 2, "radius of a cluster"), Option::real("norm", 1, 0, 100, "|q|"),
        analysis::sabotage_option({"cap_on_clusters", "full_dimension"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"dimension", "side", "delta", "norm", "sabotage"})
      parameters[name] = combination.value(name);
    const Index side = parameters["side"];
    if (side % 2 != 0) throw core::ConfigError(combination.path("side"), std::to_string(side), "an even number");
    parameters["embedding"] = "sphere";
    parameters["tokens"] = side * side;
    parameters["d"] = parameters["dimension"];
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens");
    return tokens * 2 * (queries + 1) * static_cast<double>(width) * std::min(tokens, 1000.0);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens");
    const std::string sabotage = parameters.at("sabotage");
    const Index most = sabotage == "cap_on_clusters" ? 8 : tokens;
    const double delta = parameters.at("delta"), norm = parameters.at("norm");
    // Short streams vary most and cost least.
    const Index draws = std::max<Index>(1, 2048 / tokens);
    double worst = 0, clusters = 0, earlier = 0;
    for (Index draw = 0; draw < draws; ++draw) {
      const std::uint64_t number = trial * 1'000'000 + static_cast<std::uint64_t>(draw);
      const core::RowMatrixF keys = embedded_keys(parameters, number);
      const core::RandomKey key = trial_key(parameters, number, "sketch");
      for (Index q = 0; q < queries; ++q) {
        const Eigen::RowVectorXd query = norm * keys.row(q).cast<double>();
        // Values proportional to the weights leave the numerator without variance: it is the sum of their squares, so
        // the answer tells the denominator.
        core::RowMatrixF values = core::RowMatrixF::Zero(tokens, keys.cols());
        values.col(0) = (keys.cast<double>() * query.transpose()).array().exp().cast<float>();
        const SubgenCache cache(keys, values, delta, most, 1, key);
        if (q == 0) clusters += cache.clusters();
        const Eigen::ArrayXd weights = values.col(0).cast<double>();
        const double estimate = weights.square().sum() / cache.attend(query)(0, 0);
        worst = std::max(worst, std::abs(std::log(estimate / weights.sum())));
      }
      const core::RowMatrixF ones = core::RowMatrixF::Ones(tokens / 4, keys.cols());
      earlier += SubgenCache(keys.topRows(tokens / 4), ones, delta, most, 1, key).clusters();
    }
    const double count = static_cast<double>(draws);
    return {"ok", {{"clusters", clusters / count}, {"earlier", earlier / count}, {"log_error", worst}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grids = Json::array();
    const auto add = [&](int dimension, double delta, Json sides) {
      grids.push_back({{"dimension", dimension}, {"delta", delta}, {"side", std::move(sides)}});
    };
    add(2, 0.1, {4, 8, 16, 32, 128});
    add(3, 0.3, quick ? Json{4, 8, 16, 32, 64} : Json{4, 8, 16, 32, 64, 128});
    add(4, 0.6, quick ? Json{4, 8, 16, 32, 64} : Json{4, 8, 16, 32, 64, 128});
    add(128, 1.0, {4, 16, 32});
    return {{"grid", grids}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 32 : 100}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    for (const auto& point : points) {
      const auto clusters = point.values("clusters"), earlier = point.values("earlier");
      if (clusters.empty()) continue;
      const Index dimension = point.parameters.at("dimension");
      const double tokens = point.parameter("tokens"), delta = point.parameter("delta"),
                   cap = theory::cap_share(dimension, delta), half = theory::cap_share(dimension, delta / 2);
      const auto place = [&](const char* quantity) {
        Json at = point.at({"dimension", "delta", "tokens"});
        at["quantity"] = quantity;
        at["clusters"] = core::mean_of(clusters);
        return at;
      };
      const auto times = [&](double factor) {
        std::vector<double> list;
        for (const double m : clusters) list.push_back(m * factor);
        return list;
      };
      if (dimension > 16) {
        checks.mean(place("m / N"), times(1 / tokens), 1, analysis::within_absolute(1, 0.01));
        continue;
      }
      checks.mean(place("m cap(delta/2)"), times(half), 1, analysis::at_most(1));
      std::vector<double> covered;
      for (std::size_t t = 0; t < clusters.size(); ++t)
        covered.push_back(clusters[t] * cap + (clusters[t] - earlier[t]) / (0.75 * tokens));
      checks.mean(place("m cap(delta) + uncovered share"), covered, 1, analysis::at_least(1));
      if (const double least = 1 - cap * (tokens - 1); least > 0)
        checks.mean(place("m / N"), times(1 / tokens), least, analysis::at_least(least));
      const double bound = 2 * delta * point.parameter("norm");
      checks.mean(place("|ln T'/T|"), point.values("log_error"), bound, analysis::at_most(bound + 1e-5));
    }
    return checks.finish();
  }

 private:
  // Uniform on the unit sphere of the first D coordinates: the sketch sees only distances and products.
  static core::RowMatrixF embedded_keys(const Json& parameters, std::uint64_t trial) {
    Json drawn = parameters;
    if (parameters.at("sabotage") == "full_dimension") drawn["d"] = std::max(parameters.at("d").get<Index>(), width);
    const core::RowMatrixF rows = trial_keys(drawn, trial);
    core::RowMatrixF keys = core::RowMatrixF::Zero(rows.rows(), std::max(rows.cols(), width));
    keys.leftCols(rows.cols()) = rows;
    return keys;
  }
};

const core::Registration<sweep::Experiment, SubgenLowDimension> registration;

}  // namespace
}  // namespace kvfrontier::experiments::subgen_low_dimension
