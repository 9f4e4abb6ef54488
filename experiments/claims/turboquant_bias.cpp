// Rotation and a Lloyd-Max quantiser shrink inner products, by 2/pi at one bit. A last bit spent on QJL of the residual
// removes the bias at the price of a variance that one formula gives for all widths.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numbers>

#include "analysis/measuring_claim.hpp"
#include "schemes/codec/rotation.hpp"
#include "theory/estimators.hpp"
#include "theory/lloyd_max.hpp"

namespace kvfrontier::experiments::turboquant_bias {

enum class Quantiser { mse, prod };
enum class Mutation { none, no_residual, wrong_levels };

}  // namespace kvfrontier::experiments::turboquant_bias

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::turboquant_bias::Quantiser> {
  static constexpr std::array names{"mse", "prod"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::turboquant_bias::Mutation> {
  static constexpr std::array names{"none", "no_residual", "wrong_levels"};
};

namespace kvfrontier::experiments::turboquant_bias {
namespace {

using core::Index;

struct Parameters {
  Quantiser quantiser = Quantiser::mse;
  int bits = 1;
  Index d = 128;
  double cosine = 0.6;
  Index pairs = 256;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("quantiser", &Parameters::quantiser,
                         "mse: b bits of Lloyd-Max; prod: b-1 bits of Lloyd-Max and one of QJL on the residual"),
            core::member("bits", &Parameters::bits, "b, bits a coordinate").range(1, 8),
            core::member("d", &Parameters::d, "dimension").range(2, 2048),
            core::member("cosine", &Parameters::cosine, "<y,x> of the pairs whose slope is taken").range(-1, 1),
            core::member("pairs", &Parameters::pairs, "pairs (x, y) under one rotation").range(1, 65536),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  double slope = 0, distortion = 0;
  static core::MemberList<Trial> members() {
    return {core::member("slope", &Trial::slope, "mean of <y,x^>/<y,x>").needed(),
            core::member("distortion", &Trial::distortion, "mean squared error of <y,x^> for uniform y").needed()};
  }
};

// E t Q(t) and E (t - Q(t))^2 of the quantiser for N(0,1), where t is sqrt(d) times one coordinate of a uniform point
// of the sphere: density proportional to (1 - t^2/d)^((d-3)/2). Simpson's rule cell by cell.
struct Moments {
  double gain = 0, error = 1;
};
Moments coordinate_moments(int bits, double d) {
  if (bits == 0) return {};
  const auto quantiser = theory::lloyd_max(bits);
  std::vector<double> edges{-std::sqrt(d)};
  edges.insert(edges.end(), quantiser.thresholds.begin(), quantiser.thresholds.end());
  edges.push_back(std::sqrt(d));
  double mass = 0, gain = 0, error = 0;
  for (Index cell = 0; cell + 1 < std::ssize(edges); ++cell) {
    constexpr int panels = 2000;
    const double step = (edges[cell + 1] - edges[cell]) / panels, level = quantiser.levels[cell];
    for (int i = 0; i <= panels; ++i) {
      const double t = edges[cell] + step * i;
      const int simpson = i == 0 || i == panels ? 1 : i % 2 == 1 ? 4 : 2;
      const double weight = step / 3 * simpson * std::pow(std::max(0.0, 1 - t * t / d), (d - 3) / 2);
      mass += weight;
      gain += weight * t * level;
      error += weight * (t - level) * (t - level);
    }
  }
  return {gain / mass, error / mass};
}

core::RowMatrixD gaussian_rows(core::Coins coins, core::Purpose purpose, Index count, Index d) {
  core::RowMatrixD rows(count, d);
  boost::random::normal_distribution<double> normal;
  for (Index r = 0; r < count; ++r) {
    core::Stream stream(coins, purpose, r);
    for (Index l = 0; l < d; ++l) rows(r, l) = normal(stream);
  }
  return rows;
}
core::RowMatrixD unit_rows(core::Coins coins, core::Purpose purpose, Index count, Index d) {
  core::RowMatrixD rows = gaussian_rows(coins, purpose, count, d);
  rows.rowwise().normalize();
  return rows;
}

const analysis::ClaimText claim{
    .name = "turboquant_bias",
    .statement = "Rotated Lloyd-Max keys give <y, x^> = (1 - D) <y,x> on average; QJL on the residual makes it <y,x>.",
    .note = "The factor is 2/pi at one bit. The two-stage estimator has d D_prod(b) = (pi/2 - 1/d) D(b-1).",
    .source = R"(TurboQuant, arXiv 2504.19874 (bias of the MSE quantiser, D_prod); slope 1 - D because a Lloyd-Max
      level is the mean of its cell)",
    .prediction = R"(slope of E <y,x^> on <y,x>: E t Q(t) = 1 - D(b) + O(1/d) for the MSE quantiser Q, 1 for the
      two-stage one; d E (error)^2 = (pi/2 - 1/d) D(b-1), D(0) = 1; t = sqrt(d) times one coordinate of a random
      direction, D = E (t - Q(t))^2)",
    .allowance = R"(slopes: 0.015; distortion: 4 %. The laws are exact for a Haar rotation and uniform y (quadrature
      over the law of one coordinate), so the allowance is for the finite number of draws)",
    .refutation = R"(a slope more than 0.015 from E t Q(t) (or from 1 for the two-stage estimator), or a two-stage
      distortion more than 4 % off)"};

class TurboquantBias : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  TurboquantBias() : MeasuringClaim(claim) {}

  double operations(const Parameters& p) const override {
    const double d = p.d, pairs = p.pairs;
    return 4 * d * d * d + 12 * pairs * d * d;
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index d = p.d, pairs = p.pairs;
    const double cosine = p.cosine;
    const bool prod = p.quantiser == Quantiser::prod;
    // Widths and quantisers meet the same vectors, rotation and projections.
    const auto coins = turn.coins(core::Json{{"d", d}}.dump());

    const core::RowMatrixD x = unit_rows(coins, core::Purpose("turboquant/x"), pairs, d);
    const core::RowMatrixD free = unit_rows(coins, core::Purpose("turboquant/y"), pairs, d);
    core::RowMatrixD tilted = free;
    for (Index r = 0; r < pairs; ++r) {
      const Eigen::RowVectorXd across = (free.row(r) - free.row(r).dot(x.row(r)) * x.row(r)).normalized();
      tilted.row(r) = cosine * x.row(r) + std::sqrt(1 - cosine * cosine) * across;
    }

    const core::RowMatrixD rotation =
        schemes::public_rotation(coins, core::Purpose("turboquant/rotation"), d).cast<double>();
    core::RowMatrixD rotated = x * rotation;
    const int stage_bits = prod ? p.bits - 1 : p.bits;
    if (stage_bits == 0) {
      rotated.setZero();
    } else {
      const auto quantiser = theory::lloyd_max(stage_bits);
      const double width = std::sqrt(d), stretch = p.mutation == Mutation::wrong_levels ? 1.2 : 1;
      rotated = rotated.unaryExpr([&](double value) { return stretch * quantiser.quantise(value * width) / width; });
    }
    core::RowMatrixD restored = rotated * rotation.transpose();

    if (prod && p.mutation != Mutation::no_residual) {
      const core::RowMatrixD residual = x - restored;
      const core::RowMatrixD projection = gaussian_rows(coins, core::Purpose("turboquant/projection"), d, d);
      const core::RowMatrixD signs =
          (residual * projection.transpose()).unaryExpr([](double value) { return value >= 0 ? 1.0 : -1.0; });
      const core::RowMatrixD decoded = signs * projection * (std::sqrt(std::numbers::pi / 2) / d);
      for (Index r = 0; r < pairs; ++r) restored.row(r) += residual.row(r).norm() * decoded.row(r);
    }

    Trial trial;
    for (Index r = 0; r < pairs; ++r) {
      trial.slope += restored.row(r).dot(tilted.row(r)) / cosine;
      const double error = (restored.row(r) - x.row(r)).dot(free.row(r));
      trial.distortion += error * error;
    }
    trial.slope /= pairs;
    trial.distortion /= pairs;
    return trial;
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"quantiser", {"mse", "prod"}}, {"bits", {1, 2, 3, 4}}}},
            {"d", quick ? 64 : 128},
            {"pairs", 1024},
            {"stop", analysis::trials(8, quick ? 200 : 300)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const int bits = point.parameters.bits;
      const double d = point.parameters.d;
      const bool prod = point.parameters.quantiser == Quantiser::prod;
      const core::Json at = point.at(&P::quantiser, &P::bits, &P::d);
      const double slope = prod ? 1 : coordinate_moments(bits, d).gain;
      checks.mean(analysis::with(at, "quantity", "slope"), point.values(&Trial::slope), slope,
                  analysis::within_absolute(slope, 0.015));
      if (!prod) continue;
      const double law = d * theory::residual_qjl_distortion(d, coordinate_moments(bits - 1, d).error);
      auto distortions = point.values(&Trial::distortion);
      for (double& value : distortions) value *= d;
      checks.mean(analysis::with(at, "quantity", "d * distortion"), distortions, law,
                  analysis::within_relative(law, 0.04));
    }
  }
};

const core::Registration<sweep::Experiment, TurboquantBias> registration;

}  // namespace
}  // namespace kvfrontier::experiments::turboquant_bias
