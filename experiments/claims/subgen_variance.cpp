// SubGen samples values in proportion to their squared length, which has an exact variance, and opens a cluster for
// every key of the hard instance, where its memory is that of the whole cache.

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/measuring_claim.hpp"
#include "measuring.hpp"
#include "reduction/fair_bits.hpp"
#include "subgen_cache.hpp"
#include "theory/estimators.hpp"

namespace kvfrontier::experiments::subgen_variance {

enum class Keys { hard, clustered };
enum class Mutation { none, half_the_samples, wide_radius };

}  // namespace kvfrontier::experiments::subgen_variance

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::subgen_variance::Keys> {
  static constexpr std::array names{"hard", "clustered"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::subgen_variance::Mutation> {
  static constexpr std::array names{"none", "half_the_samples", "wide_radius"};
};

namespace kvfrontier::experiments::subgen_variance {
namespace {

constexpr Index queries = 4, centres = 16;

struct Parameters {
  Keys keys = Keys::hard;
  Index side = 8, d = 16;
  double tau = 2;
  Index samples = 16, draws = 1;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("keys", &Parameters::keys,
                         "uniform on the sphere, or 16 centres there with offsets of length 0.1"),
            core::member("side", &Parameters::side, "N is its square").range(1, 1024),
            core::member("d", &Parameters::d, "width of keys and values").range(2, 4096),
            core::member("tau", &Parameters::tau, "length of the queries").range(0, 100),
            core::member("samples", &Parameters::samples, "s, sampled values; 1: only clusters are counted")
                .range(1, 100'000),
            core::member("draws", &Parameters::draws, "independent sketches in a trial").range(1, 100'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
  Index tokens() const { return side * side; }
};

// What follows from the parameters; records hold it beside them.
struct Derived {
  std::string embedding = "sphere";
  Index tokens = 0;

  static core::MemberList<Derived> members() {
    return {core::member("embedding", &Derived::embedding, "family of keys"),
            core::member("tokens", &Derived::tokens, "N")};
  }
};

struct Trial {
  double clusters = 0, variance = 0;
  static core::MemberList<Trial> members() {
    return {core::member("clusters", &Trial::clusters, "mean number of clusters").needed(),
            core::member("variance", &Trial::variance, "mean relative variance over its law").needed()};
  }
};

const geometry::Embedding& sphere() {
  return geometry::Embeddings::find("sphere", "embedding");
}

core::RowMatrixF clustered_keys(const Parameters& p, const analysis::Turn& turn) {
  const core::RowMatrixF middles = trial_keys(turn, sphere(), centres, p.d);
  const core::RowMatrixF offsets = trial_keys(turn, sphere(), p.tokens(), p.d);
  core::RowMatrixF keys(offsets.rows(), offsets.cols());
  for (Index i = 0; i < keys.rows(); ++i) keys.row(i) = (middles.row(i % centres) + 0.1f * offsets.row(i)).normalized();
  return keys;
}

double least_distance(const core::RowMatrixF& keys) {
  double least = 2;
  for (Index i = 1; i < keys.rows(); ++i) {
    const double square = (keys.topRows(i).rowwise() - keys.row(i)).rowwise().squaredNorm().minCoeff();
    least = std::min(least, std::sqrt(square));
  }
  return least;
}

using Curve = std::map<double, std::vector<double>>;  // mean square errors of the trials, by samples

// Least squares of ln of the root mean square error over ln s, without one trial.
double slope(const Curve& curve, std::size_t trials, std::size_t left_out) {
  double x_mean = 0, y_mean = 0, product = 0, square = 0;
  std::vector<std::pair<double, double>> line;
  for (const auto& [samples, errors] : curve) {
    double sum = 0;
    for (std::size_t t = 0; t < trials; ++t) sum += t == left_out ? 0 : errors[t];
    line.emplace_back(std::log(samples), 0.5 * std::log(sum));
    x_mean += line.back().first / curve.size();
    y_mean += line.back().second / curve.size();
  }
  for (const auto& [x, y] : line) {
    product += (x - x_mean) * (y - y_mean);
    square += (x - x_mean) * (x - x_mean);
  }
  return product / square;
}

const analysis::ClaimText claim{
    .name = "subgen_variance",
    .statement = "SubGen's numerator from s values has relative variance (kappa - 1)/s.",
    .note = R"(Here kappa = |V|_F^2 |a|^2/|V^T a|^2, so the error falls like s^-1/2. SubGen opens N clusters on the
      hard instance and c, whatever N is, on c clusters of keys.)",
    .source = R"(SubGen, arXiv 2402.06082 (algorithm and clusterable keys); second moment of sampling by squared
      length, derived in theory/estimators.hpp)",
    .prediction = R"(E |z - z*|^2/|z*|^2 = (kappa - 1)/s where every key is its own cluster; slope of its root in s
      -1/2; clusters/N = 1 for a radius below the least distance of keys; clusters/c = 1 for a radius between the
      width of clusters and their distance)",
    .allowance = R"(5 % for the variance and 0.02 for the slope: both laws are exact for every s, so the allowance is
      for the finite number of draws. None for the counts)",
    .refutation = R"(a variance more than 5 % off, a slope more than 0.02 from -1/2, fewer clusters than N on the
      hard instance, or another number than c on clustered keys)"};

class SubgenVariance : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  SubgenVariance() : MeasuringClaim(claim) {}

  core::Json resolve(const sweep::Combination& combination) const override {
    core::Json parameters = MeasuringClaim::resolve(combination);
    const auto p = core::from_json<Parameters>(parameters, "");
    parameters.update(core::to_json(Derived{.tokens = p.tokens()}));
    return parameters;
  }
  double operations(const Parameters& p) const override {
    const double tokens = p.tokens(), d = p.d, draws = p.draws;
    return draws * tokens * d * (2 * (p.keys == Keys::hard ? tokens : centres) + 200);
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index tokens = p.tokens(), d = p.d;
    const bool hard = p.keys == Keys::hard;
    const core::RowMatrixF keys = hard ? trial_keys(turn, sphere(), tokens, d) : clustered_keys(p, turn);
    core::RowMatrixF values(tokens, d);
    for (Index i = 0; i < tokens; ++i)
      reduction::write_fair_bits(trial_coins(turn, sphere(), tokens, d, "alice"), i, values.row(i).data(), d);
    // Below the distance of any two keys, or between the width of a cluster, at most 0.2, and the distance of centres.
    double radius = hard ? 0.99 * least_distance(keys) : 0.5;
    if (p.mutation == Mutation::wide_radius) radius *= 3;
    const Index samples = p.mutation == Mutation::half_the_samples && p.samples > 1 ? p.samples / 2 : p.samples;

    core::RowMatrixD asked(queries, d);
    const auto rows = drawn_rows(trial_coins(turn, sphere(), tokens, d, "bob"), tokens, queries);
    for (Index q = 0; q < queries; ++q) asked.row(q) = p.tau * keys.row(rows[q]).cast<double>();
    const core::RowMatrixD weights = (asked * keys.transpose().cast<double>()).array().exp();
    const core::RowMatrixD sums = weights * values.cast<double>();

    double opened = 0, variance = 0;
    for (Index draw = 0; draw < p.draws; ++draw) {
      const SubgenCache cache(keys, values, radius, tokens, samples, draw_of(turn, draw).coins("subgen_variance"));
      opened += cache.clusters();
      if (p.samples == 1) continue;
      const core::RowMatrixD answers = cache.attend(asked);
      for (Index q = 0; q < queries; ++q) {
        const Eigen::RowVectorXd exact = sums.row(q) / weights.row(q).sum();
        const double law = theory::value_sampling_variance(p.samples, values.cast<double>().squaredNorm(),
                                                           weights.row(q).squaredNorm(), sums.row(q).squaredNorm());
        variance += (answers.row(q) - exact).squaredNorm() / exact.squaredNorm() / law / queries;
      }
    }
    return Trial{opened / p.draws, variance / p.draws};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    core::Json grids = core::Json::array();
    grids.push_back({{"tau", {0.5, 2.0}}, {"samples", {16, 64, 256}}, {"draws", quick ? 150 : 600}});
    grids.push_back({{"side", {8, 16, 32}}, {"d", 64}, {"samples", 1}});
    grids.push_back({{"keys", "clustered"},
                     {"side", quick ? core::Json{8, 16, 32, 64} : core::Json{8, 16, 32, 64, 128}},
                     {"d", 64},
                     {"samples", 1}});
    return {{"grid", grids}, {"stop", analysis::trials(8, quick ? 64 : 128)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    std::map<double, Curve> curves;  // by tau
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const Parameters& p = point.parameters;
      core::Json at = point.at(&Parameters::keys, &Parameters::d);
      at.update({{"tokens", p.tokens()}});
      if (p.samples > 1) {
        const double samples = p.samples;
        at.update({{"tau", p.tau}, {"samples", samples}, {"quantity", "s variance / (kappa - 1)"}});
        const auto variance = point.values(&Trial::variance);
        checks.mean(at, variance, 1, analysis::within_relative(1, 0.05));
        auto& errors = curves[p.tau][samples];
        for (const double v : variance) errors.push_back(v / samples);
        continue;
      }
      const bool hard = p.keys == Keys::hard;
      const double expected = hard ? p.tokens() : centres;
      const auto opened = point.values(&Trial::clusters);
      std::vector<double> ratios;
      for (const double m : opened) ratios.push_back(m / expected);
      at.update({{"clusters", core::mean_of(opened)}, {"quantity", hard ? "clusters / N" : "clusters / c"}});
      checks.mean(at, ratios, 1, analysis::within_absolute(1, 1e-9));
    }
    for (const auto& [tau, curve] : curves) {
      std::size_t trials = 1'000'000;
      for (const auto& [samples, errors] : curve) trials = std::min(trials, errors.size());
      if (curve.size() < 2) continue;
      const auto without = [&, &curve = curve](std::size_t left_out) { return slope(curve, trials, left_out); };
      checks.mean({{"tau", tau}, {"quantity", "slope of the error in s"}}, jackknife(trials, without), -0.5,
                  analysis::within_absolute(-0.5, 0.02));
    }
  }
};

const core::Registration<sweep::Experiment, SubgenVariance> registration;

}  // namespace
}  // namespace kvfrontier::experiments::subgen_variance
