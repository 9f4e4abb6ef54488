#include "analysis/scaling_fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <iterator>
#include <map>

namespace kvfrontier::analysis {
namespace {

// The variance that a power law is not asked to explain: a thousandth of the bits.
constexpr double least_variance = 1e-6;

bool differ(std::span<const Minimum> sizes, double (Minimum::*coordinate)() const) {
  return std::any_of(sizes.begin(), sizes.end(),
                     [&](const Minimum& m) { return (m.*coordinate)() != (sizes.front().*coordinate)(); });
}

// What is fitted of a size, as a function of the log of its bits.
using Response = double (*)(const Minimum&, double log_bits);

double without_fixed_cost(const Minimum& size, double log_bits) {
  return std::log(std::exp(log_bits) - size.fixed_bits);
}
double all_over_floor(const Minimum& size, double log_bits) {
  return log_bits - std::log(size.floor_bits);
}
double entries_over_floor(const Minimum& size, double log_bits) {
  return all_over_floor(size, log_bits) + std::log(1 - size.side_share);
}

struct Fit {
  std::vector<Estimate> coefficients;
  std::vector<double> residuals;
  double misfit = 0;
};

// Weighted least squares of the response on the columns of `design`, a row a size.
Fit least_squares(std::span<const Minimum> sizes, const Eigen::MatrixXd& design, Response response) {
  const auto count = static_cast<Eigen::Index>(sizes.size());
  // Column 0 of `logs` is measured, the others are bootstrap samples.
  const std::size_t samples = sizes.front().samples.size();
  Eigen::MatrixXd logs(count, 1 + samples);
  Eigen::VectorXd weights(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const Minimum& size = sizes[i];
    logs(i, 0) = response(size, size.crossing);
    double sum = 0, squares = 0;
    const double drawn = static_cast<double>(samples);
    for (std::size_t s = 0; s < samples; ++s) {
      // A sample that does not reach the target at any measured budget has no crossing of its own.
      const double sample = std::isnan(size.samples[s]) ? logs(i, 0) : response(size, size.samples[s]);
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

  Fit fit;
  const Eigen::VectorXd residuals = logs.col(0) - design * coefficients.col(0);
  fit.residuals.assign(residuals.begin(), residuals.end());
  if (count > design.cols())
    fit.misfit = (weights.array() * residuals.array().square()).sum() / (count - design.cols());
  const double widening = std::sqrt(std::max(1.0, fit.misfit));
  const Eigen::MatrixXd implied = (design.transpose() * weights.asDiagonal() * design).inverse();
  for (Eigen::Index row = 0; row < design.cols(); ++row) {
    const auto drawn = coefficients.row(row).tail(samples);
    const double variance = samples > 1 ? (drawn.array() - drawn.mean()).square().mean() : 0;
    fit.coefficients.push_back({coefficients(row, 0), widening * std::sqrt(std::max(variance, implied(row, row)))});
  }
  return fit;
}

// The exponent in `along` among sizes that share `within`: each such group has a constant of its own.
std::optional<Estimate> exponent_within(const std::vector<Minimum>& sizes, double (Minimum::*along)() const,
                                        double (Minimum::*within)() const, Response response) {
  std::map<double, std::vector<const Minimum*>> groups;
  for (const Minimum& size : sizes) groups[(size.*within)()].push_back(&size);
  std::vector<Minimum> compared;
  std::vector<Eigen::Index> group;
  Eigen::Index count = 0;
  for (const auto& entry : groups) {
    const std::vector<const Minimum*>& members = entry.second;
    const bool differ = std::any_of(members.begin(), members.end(), [&](const Minimum* member) {
      return (member->*along)() != (members.front()->*along)();
    });
    if (!differ) continue;
    for (const Minimum* member : members) {
      compared.push_back(*member);
      group.push_back(count);
    }
    ++count;
  }
  if (compared.empty()) return std::nullopt;
  Eigen::MatrixXd design = Eigen::MatrixXd::Zero(std::ssize(compared), 1 + count);
  for (Eigen::Index i = 0; i < std::ssize(compared); ++i) {
    design(i, 0) = std::log((compared[i].*along)());
    design(i, 1 + group[i]) = 1;
  }
  return least_squares(compared, design, response).coefficients.front();
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

std::optional<PowerLaw> fit_power_law(std::span<const Minimum> sizes) {
  if (sizes.empty()) return std::nullopt;
  const bool in_tokens = differ(sizes, &Minimum::tokens), in_d = differ(sizes, &Minimum::d);
  const Eigen::Index count = std::ssize(sizes), unknowns = 1 + in_tokens + in_d;
  if (count < unknowns) return std::nullopt;
  Eigen::MatrixXd design(count, unknowns);
  for (Eigen::Index i = 0; i < count; ++i) {
    const Minimum& size = sizes[i];
    Eigen::Index column = 0;
    design(i, column++) = 1;
    if (in_tokens) design(i, column++) = std::log(size.tokens());
    if (in_d) design(i, column++) = std::log(size.d());
  }
  Fit fit = least_squares(sizes, design, without_fixed_cost);
  PowerLaw law;
  law.constant = fit.coefficients.front();
  if (in_tokens) law.tokens = fit.coefficients[1];
  if (in_d) law.d = fit.coefficients.back();
  law.residuals = std::move(fit.residuals);
  law.misfit = fit.misfit;
  return law;
}

Trends trends_over_floor(std::span<const Minimum> sizes, Counted counted) {
  const bool all = counted == Counted::all;
  std::vector<Minimum> large;
  std::copy_if(sizes.begin(), sizes.end(), std::back_inserter(large),
               [&](const Minimum& size) { return size.tokens() >= 8 * size.d() && (all || size.side_share < 1); });
  const Response response = all ? all_over_floor : entries_over_floor;
  return {exponent_within(large, &Minimum::tokens, &Minimum::d, response),
          exponent_within(large, &Minimum::d, &Minimum::tokens, response), std::ssize(large)};
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
