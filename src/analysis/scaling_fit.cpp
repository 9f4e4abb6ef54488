#include "analysis/scaling_fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

namespace kvfrontier::analysis {
namespace {

// The variance that a power law is not asked to explain: a thousandth of the bits.
constexpr double least_variance = 1e-6;

bool differ(std::span<const Minimum> sizes, double (Minimum::*coordinate)() const) {
  return std::any_of(sizes.begin(), sizes.end(),
                     [&](const Minimum& m) { return (m.*coordinate)() != (sizes.front().*coordinate)(); });
}

}  // namespace

core::Interval Estimate::interval(double level) const {
  const double z = boost::math::quantile(boost::math::complement(boost::math::normal(), (1 - level) / 2));
  return {value - z * error, value + z * error};
}

std::optional<Estimate> PowerLaw::n() const {
  if (!tokens) return std::nullopt;
  return Estimate{2 * tokens->value, 2 * tokens->error};
}

std::optional<PowerLaw> fit_power_law(std::span<const Minimum> sizes, Response response) {
  if (sizes.empty()) return std::nullopt;
  const bool in_tokens = differ(sizes, &Minimum::tokens), in_d = differ(sizes, &Minimum::d);
  const Eigen::Index count = static_cast<Eigen::Index>(sizes.size()), unknowns = 1 + in_tokens + in_d;
  if (count < unknowns) return std::nullopt;

  // Column 0 of `logs` is measured, the others are bootstrap samples.
  const std::size_t samples = sizes.front().samples.size();
  Eigen::MatrixXd design(count, unknowns), logs(count, 1 + static_cast<Eigen::Index>(samples));
  Eigen::VectorXd weights(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const Minimum& size = sizes[static_cast<std::size_t>(i)];
    Eigen::Index column = 0;
    design(i, column++) = 1;
    if (in_tokens) design(i, column++) = std::log(size.tokens());
    if (in_d) design(i, column++) = std::log(size.d());
    // What is fitted, as a function of the log of the bits.
    const auto fitted = [&](double log_bits) {
      return response == Response::bits ? std::log(std::exp(log_bits) - size.fixed_bits)
                                        : log_bits + std::log((1 - size.side_share) / size.floor_bits);
    };
    logs(i, 0) = fitted(size.crossing);
    double sum = 0, squares = 0;
    const double drawn = static_cast<double>(samples);
    for (std::size_t s = 0; s < samples; ++s) {
      // A sample that does not reach the target at any measured budget has no crossing of its own.
      const double sample = std::isnan(size.samples[s]) ? logs(i, 0) : fitted(size.samples[s]);
      logs(i, 1 + static_cast<Eigen::Index>(s)) = sample;
      sum += sample;
      squares += sample * sample;
    }
    const double variance = drawn > 1 ? std::max(0.0, squares / drawn - sum / drawn * (sum / drawn)) : 0;
    weights[i] = 1 / (variance + least_variance);
  }
  const Eigen::VectorXd roots = weights.cwiseSqrt();
  const Eigen::MatrixXd coefficients =
      (roots.asDiagonal() * design).colPivHouseholderQr().solve(roots.asDiagonal() * logs);

  PowerLaw law;
  const Eigen::VectorXd residuals = logs.col(0) - design * coefficients.col(0);
  law.residuals.assign(residuals.begin(), residuals.end());
  if (count > unknowns)
    law.misfit = (weights.array() * residuals.array().square()).sum() / static_cast<double>(count - unknowns);
  const double widening = std::sqrt(std::max(1.0, law.misfit));
  const Eigen::MatrixXd implied = (design.transpose() * weights.asDiagonal() * design).inverse();
  const auto estimate = [&](Eigen::Index row) {
    const auto drawn = coefficients.row(row).tail(static_cast<Eigen::Index>(samples));
    const double variance = samples > 1 ? (drawn.array() - drawn.mean()).square().mean() : 0;
    return Estimate{coefficients(row, 0), widening * std::sqrt(std::max(variance, implied(row, row)))};
  };
  law.constant = estimate(0);
  if (in_tokens) law.tokens = estimate(1);
  if (in_d) law.d = estimate(unknowns - 1);
  return law;
}

std::vector<Curve> curves_of(std::span<const Minimum> minima) {
  std::vector<Curve> curves;
  for (const Minimum& minimum : minima) {
    if (curves.empty() || curves.back().family != minimum.family || curves.back().curve != minimum.curve)
      curves.push_back({minimum.family, minimum.curve, {}, 0});
    if (minimum.reached) {
      curves.back().reached.push_back(minimum);
    } else {
      ++curves.back().unreached;
    }
  }
  return curves;
}

}  // namespace kvfrontier::analysis
