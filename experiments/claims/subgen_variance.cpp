// F15. SubGen samples values in proportion to their squared length, which has an exact variance, and opens a cluster
// for every key of the hard instance, where its memory is that of the whole cache.

#include <cmath>

#include "analysis/claim.hpp"
#include "attention/attention.hpp"
#include "measuring.hpp"
#include "reduction/fair_bits.hpp"
#include "subgen_cache.hpp"
#include "theory/estimators.hpp"

namespace kvfrontier::experiments::subgen_variance {
namespace {

using analysis::CheckList;
using core::Json;

constexpr Index queries = 4;

class SubgenVariance : public analysis::Claim {
 public:
  std::string name() const override { return "subgen_variance"; }
  std::string statement() const override {
    return "SubGen's numerator from s values has relative variance (kappa - 1)/s, kappa = |V|_F^2 |a|^2/|V^T a|^2, so "
           "its error falls like s^-1/2; it opens N clusters on the hard instance and c, whatever N is, on c clusters "
           "of keys";
  }
  std::string source() const override {
    return "SubGen, arXiv 2402.06082 (algorithm and clusterable keys); second moment of sampling by squared length, "
           "derived in theory/estimators.hpp";
  }
  std::string prediction() const override {
    return "E |z - z*|^2/|z*|^2 = (kappa - 1)/s where every key is its own cluster; slope of its root in s -1/2; "
           "clusters/N = 1 for a radius below the least distance of keys; clusters/c = 1 for a radius between the "
           "width of clusters and their distance";
  }
  std::string allowance() const override {
    return "5 % for the variance and 0.02 for the slope: both laws are exact for every s, so the allowance is for the "
           "finite number of draws. None for the counts";
  }
  std::string refutation() const override {
    return "a variance more than 5 % off, a slope more than 0.02 from -1/2, fewer clusters than N on the hard "
           "instance, or another number than c on clustered keys";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("keys", "hard", {"hard", "clustered"},
                       "uniform on the sphere, or 16 centres there with offsets of length 0.1"),
        Option::integer("side", 8, 1, 1024, "N is its square"),
        Option::integer("d", 16, 2, 4096, "width of keys and values"),
        Option::real("tau", 2, 0, 100, "length of the queries"),
        Option::integer("samples", 16, 1, 100'000, "s, sampled values; 1: only clusters are counted"),
        Option::integer("draws", 1, 1, 100'000, "independent sketches in a trial"),
        analysis::sabotage_option({"half_the_samples", "wide_radius"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"keys", "side", "d", "tau", "samples", "draws", "sabotage"})
      parameters[name] = combination.value(name);
    parameters["embedding"] = "sphere";
    const Index side = parameters["side"];
    parameters["tokens"] = side * side;
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens"), d = parameters.at("d"), draws = parameters.at("draws");
    return draws * tokens * d * (2 * (parameters.at("keys") == "hard" ? tokens : clusters) + 200);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d"), draws = parameters.at("draws");
    const bool hard = parameters.at("keys") == "hard";
    const std::string sabotage = parameters.at("sabotage");
    const core::RowMatrixF keys = hard ? trial_keys(parameters, trial) : clustered_keys(parameters, trial);
    core::RowMatrixF values(tokens, d);
    for (Index i = 0; i < tokens; ++i)
      reduction::write_fair_bits(trial_key(parameters, trial, "alice"), i, values.row(i).data(), d);
    // Below the distance of any two keys, and between the width of a cluster, at most 0.2, and the distance of centres.
    double radius = hard ? 0.99 * least_distance(keys) : 0.5;
    if (sabotage == "wide_radius") radius *= 3;
    const Index wanted = parameters.at("samples");
    const Index samples = sabotage == "half_the_samples" && wanted > 1 ? wanted / 2 : wanted;

    const double tau = parameters.at("tau");
    core::RowMatrixD asked(queries, d);
    const auto rows = drawn_rows(trial_key(parameters, trial, "bob"), tokens, queries);
    for (Index q = 0; q < queries; ++q) asked.row(q) = tau * keys.row(rows[static_cast<std::size_t>(q)]).cast<double>();
    const core::RowMatrixD weights = (asked * keys.transpose().cast<double>()).array().exp();
    const core::RowMatrixD sums = weights * values.cast<double>();

    double opened = 0, variance = 0;
    for (Index draw = 0; draw < draws; ++draw) {
      const auto coins = core::derive_key(parameters.at("seed"), "subgen_variance",
                                          trial * 1'000'000 + static_cast<std::uint64_t>(draw), "public");
      const SubgenCache cache(keys, values, radius, tokens, samples, coins);
      opened += cache.clusters();
      if (wanted == 1) continue;
      const core::RowMatrixD answers = cache.attend(asked);
      for (Index q = 0; q < queries; ++q) {
        const Eigen::RowVectorXd exact = sums.row(q) / weights.row(q).sum();
        const double law =
            theory::value_sampling_variance(static_cast<double>(wanted), values.cast<double>().squaredNorm(),
                                            weights.row(q).squaredNorm(), sums.row(q).squaredNorm());
        variance += (answers.row(q) - exact).squaredNorm() / exact.squaredNorm() / law / queries;
      }
    }
    const double count = static_cast<double>(draws);
    return {"ok", {{"clusters", opened / count}, {"variance", variance / count}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grids = Json::array();
    grids.push_back({{"tau", {0.5, 2.0}}, {"samples", {16, 64, 256}}, {"draws", quick ? 150 : 600}});
    grids.push_back({{"side", {8, 16, 32}}, {"d", 64}, {"samples", 1}});
    grids.push_back({{"keys", "clustered"},
                     {"side", quick ? Json{8, 16, 32, 64} : Json{8, 16, 32, 64, 128}},
                     {"d", 64},
                     {"samples", 1}});
    return {{"grid", grids}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 64 : 128}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    std::map<double, std::map<double, std::vector<double>>> curves;  // tau, samples
    for (const auto& point : points) {
      const auto opened = point.values("clusters"), variance = point.values("variance");
      if (opened.empty()) continue;
      const double samples = point.parameter("samples");
      Json at = point.at({"keys", "tokens", "d"});
      if (samples > 1) {
        at["tau"] = point.parameter("tau");
        at["samples"] = samples;
        at["quantity"] = "s variance / (kappa - 1)";
        checks.mean(at, variance, 1, analysis::within_relative(1, 0.05));
        auto& errors = curves[point.parameter("tau")][samples];
        for (const double v : variance) errors.push_back(v / samples);
        continue;
      }
      const bool hard = point.parameters.at("keys") == "hard";
      const double expected = hard ? point.parameter("tokens") : clusters;
      std::vector<double> ratios;
      for (const double m : opened) ratios.push_back(m / expected);
      at["clusters"] = core::mean_of(opened);
      at["quantity"] = hard ? "clusters / N" : "clusters / c";
      checks.mean(at, ratios, 1, analysis::within_absolute(1, 1e-9));
    }
    for (const auto& [tau, curve] : curves) {
      std::size_t trials = 1'000'000;
      for (const auto& [samples, errors] : curve) trials = std::min(trials, errors.size());
      if (curve.size() < 2) continue;
      checks.mean(
          {{"tau", tau}, {"quantity", "slope of the error in s"}},
          jackknife(trials, [&, &curve = curve](std::size_t left_out) { return slope(curve, trials, left_out); }), -0.5,
          analysis::within_absolute(-0.5, 0.02));
    }
    return checks.finish();
  }

 private:
  static constexpr double clusters = 16;

  static core::RowMatrixF clustered_keys(const Json& parameters, std::uint64_t trial) {
    Json centre = parameters;
    centre["tokens"] = static_cast<Index>(clusters);
    const core::RowMatrixF centres = trial_keys(centre, trial), offsets = trial_keys(parameters, trial);
    core::RowMatrixF keys(offsets.rows(), offsets.cols());
    for (Index i = 0; i < keys.rows(); ++i)
      keys.row(i) = (centres.row(i % centres.rows()) + 0.1f * offsets.row(i)).normalized();
    return keys;
  }
  static double least_distance(const core::RowMatrixF& keys) {
    double least = 2;
    for (Index i = 1; i < keys.rows(); ++i) {
      const double square = (keys.topRows(i).rowwise() - keys.row(i)).rowwise().squaredNorm().minCoeff();
      least = std::min(least, std::sqrt(square));
    }
    return least;
  }
  // Least squares of ln of the root mean square error over ln s, without one trial.
  static double slope(const std::map<double, std::vector<double>>& curve, std::size_t trials, std::size_t left_out) {
    double x_mean = 0, y_mean = 0, product = 0, square = 0;
    std::vector<std::pair<double, double>> line;
    for (const auto& [samples, errors] : curve) {
      double sum = 0;
      for (std::size_t t = 0; t < trials; ++t) sum += t == left_out ? 0 : errors[t];
      line.emplace_back(std::log(samples), 0.5 * std::log(sum));
      x_mean += line.back().first / static_cast<double>(curve.size());
      y_mean += line.back().second / static_cast<double>(curve.size());
    }
    for (const auto& [x, y] : line) {
      product += (x - x_mean) * (y - y_mean);
      square += (x - x_mean) * (x - x_mean);
    }
    return product / square;
  }
};

const core::Registration<sweep::Experiment, SubgenVariance> registration;

}  // namespace
}  // namespace kvfrontier::experiments::subgen_variance
