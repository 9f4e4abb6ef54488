// F19. QJL estimates an inner product from the signs of m Gaussian projections of the key: unbiased, with an exact
// variance.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numbers>

#include "analysis/claim.hpp"
#include "core/rng.hpp"
#include "theory/estimators.hpp"

namespace kvfrontier::experiments::qjl_variance {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

constexpr double failure = 0.01;    // delta of the two lengths
constexpr double tolerance = 0.25;  // eps of the two lengths

class QjlVariance : public analysis::Claim {
 public:
  std::string name() const override { return "qjl_variance"; }
  std::string statement() const override {
    return "sqrt(pi/2)/m |k| <S q, sign(S k)> is unbiased for <q,k> with variance [(pi/2)|q|^2|k|^2 - <q,k>^2]/m, and "
           "m >= (pi/eps^2) ln(2/delta) keeps |error| <= eps |q||k|";
  }
  std::string source() const override {
    return "QJL, arXiv 2406.03482; variance bound of Lemma 4 of arXiv 2504.19874 made exact; length by a sub-Gaussian "
           "tail";
  }
  std::string prediction() const override {
    return "mean <q,k>; variance [(pi/2)|q|^2|k|^2 - <q,k>^2]/m; P(|error| > eps) <= delta at m = (pi/eps^2) "
           "ln(2/delta), but > delta at m = (4/3)(1+eps)/eps^2 ln(2/delta) for q "
           "orthogonal to k";
  }
  std::string allowance() const override {
    return "mean: 0.01 |q||k|; variance: 3 %. Both laws are exact for every m, so the allowance is for the finite "
           "number of draws. Failure shares: none, they are one-sided";
  }
  std::string refutation() const override {
    return "a bias above 0.01 |q||k|, a variance more than 3 % off, more than delta failures at the safe length, or no "
           "more than delta at the shorter one";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("length", "given", {"given", "safe", "printed"},
                       "rows of S: m, or the length for eps = 0.25, delta = 0.01 by one of the two formulas"),
        Option::integer("m", 32, 1, 65536, "rows of S, where length is given"),
        Option::integer("d", 16, 2, 4096, "dimension"),
        Option::real("cosine", 0.5, -1, 1, "<q,k>/(|q||k|)"),
        Option::integer("draws", 1000, 1, 1'000'000, "independent S in a trial"),
        analysis::sabotage_option({"missing_constant", "repeated_rows"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"length", "d", "cosine", "draws", "sabotage"}) parameters[name] = combination.value(name);
    const std::string length = parameters["length"];
    const double printed = 4.0 / 3 * (1 + tolerance) / (tolerance * tolerance) * std::log(2 / failure);
    parameters["m"] = length == "given"  ? combination.value("m")
                      : length == "safe" ? Json(static_cast<Index>(std::ceil(theory::qjl_length(tolerance, failure))))
                                         : Json(static_cast<Index>(std::ceil(printed)));
    return parameters;
  }
  double operations(const Json& parameters) const override {
    return parameters.at("draws").get<double>() * parameters.at("m").get<double>() * parameters.at("d").get<double>() *
           30;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index m = parameters.at("m"), d = parameters.at("d"), draws = parameters.at("draws");
    const double cosine = parameters.at("cosine");
    // Angles and lengths are compared on common draws.
    const auto key = core::derive_key(parameters.at("seed"), Json{{"d", d}}.dump(), trial, "public");
    const std::string sabotage = parameters.at("sabotage");
    boost::random::normal_distribution<double> normal;

    // Key and query of lengths 1.5 and 2 at the given angle, in a random direction.
    Eigen::VectorXd k(d), q(d);
    core::Stream directions(key, core::Purpose("qjl/directions"), 0);
    for (Index l = 0; l < d; ++l) k[l] = normal(directions);
    for (Index l = 0; l < d; ++l) q[l] = normal(directions);
    k.normalize();
    q = (q - q.dot(k) * k).normalized();
    q = 2 * (cosine * k + std::sqrt(1 - cosine * cosine) * q);
    k *= 1.5;
    const double scale =
        (sabotage == "missing_constant" ? 1 : std::sqrt(std::numbers::pi / 2)) * k.norm() / static_cast<double>(m);

    const double truth = q.dot(k), size = q.norm() * k.norm();
    double sum = 0, squares = 0;
    Index failures = 0;
    Eigen::VectorXd row(d);
    for (Index draw = 0; draw < draws; ++draw) {
      core::Stream stream(key, core::Purpose("qjl/rows"), static_cast<std::uint64_t>(draw));
      double estimate = 0;
      for (Index r = 0; r < m; ++r) {
        if (sabotage != "repeated_rows" || r % 2 == 0) {
          for (Index l = 0; l < d; ++l) row[l] = normal(stream);
        }
        estimate += row.dot(k) >= 0 ? row.dot(q) : -row.dot(q);
      }
      const double error = (scale * estimate - truth) / size;
      sum += error;
      squares += error * error;
      failures += std::abs(error) > tolerance;
    }
    const double count = static_cast<double>(draws);
    return {"ok", {{"bias", sum / count}, {"variance", squares / count}, {"failures", failures}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid = Json::array();
    grid.push_back({{"m", {4, 16}}, {"cosine", {0.0, 0.5, 0.9, 1.0}}, {"d", 8}, {"draws", quick ? 4000 : 16000}});
    // The law depends on the plane of q and k only, so a small d is as good as a large one.
    grid.push_back({{"length", {"safe", "printed"}}, {"cosine", 0.0}, {"d", 4}, {"draws", quick ? 500 : 2000}});
    return {{"grid", grid}, {"stop", {{"min_trials", 8}, {"max_trials", 64}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto failures = point.values("failures");
      if (failures.empty()) continue;
      Json at = point.at({"m", "d", "cosine", "length"});
      const double cosine = point.parameter("cosine"), m = point.parameter("m");
      const auto draws = point.parameters.at("draws").get<std::int64_t>() * static_cast<std::int64_t>(failures.size());
      const std::string length = point.parameters.at("length");
      if (length == "given") {
        at["quantity"] = "bias / (|q||k|)";
        checks.mean(at, point.values("bias"), 0, analysis::within_absolute(0, 0.01));
        at["quantity"] = "variance / (|q||k|)^2";
        const double law = theory::qjl_variance(m, 1, 1, cosine);
        checks.mean(at, point.values("variance"), law, analysis::within_relative(law, 0.03));
      } else {
        at["quantity"] = "failures";
        const double gaussian = 2 * theory::gaussian_tail(tolerance / std::sqrt(theory::qjl_variance(m, 1, 1, cosine)));
        double total = 0;
        for (const double count : failures) total += count;
        checks.proportion(at, total, draws, gaussian,
                          length == "safe" ? core::Interval{0, failure} : core::Interval{failure, 1});
      }
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, QjlVariance> registration;

}  // namespace
}  // namespace kvfrontier::experiments::qjl_variance
