// F20. Rotation and a Lloyd-Max quantiser shrink inner products, by 2/pi at one bit; a last bit spent on QJL of the
// residual removes the bias at the price of a variance that one formula gives for all widths.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numbers>

#include "analysis/claim.hpp"
#include "core/rng.hpp"
#include "schemes/codec/rotation.hpp"
#include "theory/estimators.hpp"
#include "theory/lloyd_max.hpp"

namespace kvfrontier::experiments::turboquant_bias {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class TurboquantBias : public analysis::Claim {
 public:
  std::string name() const override { return "turboquant_bias"; }
  std::string statement() const override {
    return "rotated Lloyd-Max keys give <y, x^> = (1 - D) <y,x> on average (2/pi at one bit); QJL on the residual "
           "makes it 1 with d D_prod(b) = (pi/2 - 1/d) D(b-1)";
  }
  std::string source() const override {
    return "TurboQuant, arXiv 2504.19874 (bias of the MSE quantiser, D_prod); slope 1 - D because a Lloyd-Max level is "
           "the mean of its cell";
  }
  std::string prediction() const override {
    return "slope of E <y,x^> on <y,x>: E t Q(t) = 1 - D(b) + O(1/d) for the MSE quantiser Q, 1 for the two-stage one; "
           "d E (error)^2 = (pi/2 - 1/d) D(b-1), D(0) = 1; "
           "t = sqrt(d) times one coordinate of a random direction, D = E (t - Q(t))^2";
  }
  std::string allowance() const override {
    return "slopes: 0.015; distortion: 4 %. The laws are exact for a Haar rotation and uniform y (quadrature over the "
           "law of one coordinate), so the allowance is for the finite "
           "number of draws";
  }
  std::string refutation() const override {
    return "a slope more than 0.015 from E t Q(t) (or from 1 for the two-stage estimator), or a two-stage distortion "
           "more than 4 % off";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("quantiser", "mse", {"mse", "prod"},
                       "mse: b bits of Lloyd-Max; prod: b-1 bits of Lloyd-Max and one of QJL on the residual"),
        Option::integer("bits", 1, 1, 8, "b, bits a coordinate"),
        Option::integer("d", 128, 2, 2048, "dimension"),
        Option::real("cosine", 0.6, -1, 1, "<y,x> of the pairs whose slope is taken"),
        Option::integer("pairs", 256, 1, 65536, "pairs (x, y) under one rotation"),
        analysis::sabotage_option({"no_residual", "wrong_levels"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"quantiser", "bits", "d", "cosine", "pairs", "sabotage"})
      parameters[name] = combination.value(name);
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double d = parameters.at("d"), pairs = parameters.at("pairs");
    return 4 * d * d * d + 12 * pairs * d * d;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index d = parameters.at("d"), pairs = parameters.at("pairs"), bits = parameters.at("bits");
    const double cosine = parameters.at("cosine");
    const std::string sabotage = parameters.at("sabotage");
    const bool prod = parameters.at("quantiser") == "prod";
    // Widths and quantisers meet the same vectors, rotation and projections.
    const auto key = core::derive_key(parameters.at("seed"), Json{{"d", d}}.dump(), trial, "public");

    const core::RowMatrixD x = unit_rows(key, core::Purpose("turboquant/x"), pairs, d);
    core::RowMatrixD free = unit_rows(key, core::Purpose("turboquant/y"), pairs, d), tilted = free;
    for (Index r = 0; r < pairs; ++r) {
      const Eigen::RowVectorXd across = (free.row(r) - free.row(r).dot(x.row(r)) * x.row(r)).normalized();
      tilted.row(r) = cosine * x.row(r) + std::sqrt(1 - cosine * cosine) * across;
    }

    const core::RowMatrixD rotation =
        schemes::public_rotation(key, core::Purpose("turboquant/rotation"), d).cast<double>();
    core::RowMatrixD rotated = x * rotation;
    const Index stage_bits = prod ? bits - 1 : bits;
    if (stage_bits == 0) {
      rotated.setZero();
    } else {
      const auto quantiser = theory::lloyd_max(static_cast<int>(stage_bits));
      const double width = std::sqrt(static_cast<double>(d)), stretch = sabotage == "wrong_levels" ? 1.2 : 1;
      rotated = rotated.unaryExpr([&](double value) { return stretch * quantiser.quantise(value * width) / width; });
    }
    core::RowMatrixD restored = rotated * rotation.transpose();

    if (prod && sabotage != "no_residual") {
      const core::RowMatrixD residual = x - restored;
      core::RowMatrixD projection(d, d);
      boost::random::normal_distribution<double> normal;
      for (Index r = 0; r < d; ++r) {
        core::Stream stream(key, core::Purpose("turboquant/projection"), static_cast<std::uint64_t>(r));
        for (Index l = 0; l < d; ++l) projection(r, l) = normal(stream);
      }
      const core::RowMatrixD signs =
          (residual * projection.transpose()).unaryExpr([](double value) { return value >= 0 ? 1.0 : -1.0; });
      const core::RowMatrixD decoded = signs * projection * (std::sqrt(std::numbers::pi / 2) / static_cast<double>(d));
      for (Index r = 0; r < pairs; ++r) restored.row(r) += residual.row(r).norm() * decoded.row(r);
    }

    double slope = 0, distortion = 0;
    for (Index r = 0; r < pairs; ++r) {
      slope += restored.row(r).dot(tilted.row(r)) / cosine;
      const double error = (restored.row(r) - x.row(r)).dot(free.row(r));
      distortion += error * error;
    }
    const double count = static_cast<double>(pairs);
    return {"ok", {{"slope", slope / count}, {"distortion", distortion / count}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"quantiser", {"mse", "prod"}}, {"bits", {1, 2, 3, 4}}}},
            {"d", quick ? 64 : 128},
            {"pairs", 1024},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 200 : 300}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const int bits = point.parameters.at("bits");
      const double d = point.parameter("d");
      const bool prod = point.parameters.at("quantiser") == "prod";
      Json at = point.at({"quantiser", "bits", "d"});
      at["quantity"] = "slope";
      const double slope = prod ? 1 : coordinate_moments(bits, d).gain;
      checks.mean(at, point.values("slope"), slope, analysis::within_absolute(slope, 0.015));
      if (!prod) continue;
      at["quantity"] = "d * distortion";
      const double law = d * theory::residual_qjl_distortion(d, coordinate_moments(bits - 1, d).error);
      auto distortions = point.values("distortion");
      for (double& value : distortions) value *= d;
      checks.mean(at, distortions, law, analysis::within_relative(law, 0.04));
    }
    return checks.finish();
  }

 private:
  // E t Q(t) and E (t - Q(t))^2 of the quantiser for N(0,1), where t is sqrt(d) times one coordinate of a uniform point
  // of the sphere: density proportional to (1 - t^2/d)^((d-3)/2). Simpson's rule cell by cell.
  struct Moments {
    double gain = 0, error = 1;
  };
  static Moments coordinate_moments(int bits, double d) {
    if (bits == 0) return {};
    const auto quantiser = theory::lloyd_max(bits);
    std::vector<double> edges{-std::sqrt(d)};
    edges.insert(edges.end(), quantiser.thresholds.begin(), quantiser.thresholds.end());
    edges.push_back(std::sqrt(d));
    double mass = 0, gain = 0, error = 0;
    for (std::size_t cell = 0; cell + 1 < edges.size(); ++cell) {
      constexpr int panels = 2000;
      const double step = (edges[cell + 1] - edges[cell]) / panels, level = quantiser.levels[cell];
      for (int i = 0; i <= panels; ++i) {
        const double t = edges[cell] + step * i;
        const double weight = step / 3 *
                              (i == 0 || i == panels ? 1
                               : i % 2 == 1          ? 4
                                                     : 2) *
                              std::pow(std::max(0.0, 1 - t * t / d), (d - 3) / 2);
        mass += weight;
        gain += weight * t * level;
        error += weight * (t - level) * (t - level);
      }
    }
    return {gain / mass, error / mass};
  }

  static core::RowMatrixD unit_rows(core::RandomKey key, core::Purpose purpose, Index count, Index d) {
    core::RowMatrixD rows(count, d);
    boost::random::normal_distribution<double> normal;
    for (Index r = 0; r < count; ++r) {
      core::Stream stream(key, purpose, static_cast<std::uint64_t>(r));
      for (Index l = 0; l < d; ++l) rows(r, l) = normal(stream);
    }
    rows.rowwise().normalize();
    return rows;
  }
};

const core::Registration<sweep::Experiment, TurboquantBias> registration;

}  // namespace
}  // namespace kvfrontier::experiments::turboquant_bias
