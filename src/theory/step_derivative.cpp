#include "theory/step_derivative.hpp"

#include <algorithm>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <numbers>

namespace kvfrontier::theory {
namespace {

double normal_density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
double normal_below(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

// The integral over [-reach, reach], piece by piece between the places where a step function jumps.
template <class Function>
double integral(const Function& f, std::vector<double> breaks, double reach) {
  breaks.insert(breaks.end(), {-reach, -1, 1, reach});
  std::sort(breaks.begin(), breaks.end());
  double sum = 0;
  for (std::size_t i = 0; i + 1 < breaks.size(); ++i) {
    const double from = std::clamp(breaks[i], -reach, reach), to = std::clamp(breaks[i + 1], -reach, reach);
    // Stops just short of the ends, where the step belongs to the neighbour.
    if (to > from)
      sum += boost::math::quadrature::gauss_kronrod<double, 31>::integrate(
          [&](double x) { return f(std::clamp(x, std::nextafter(from, to), to)); }, from, to, 15, 1e-12);
  }
  return sum;
}

}  // namespace

double activation(Activation which, double x) {
  return which == Activation::gelu ? x * normal_below(x) : x / (1 + std::exp(-x));
}

double activation_slope(Activation which, double x) {
  if (which == Activation::gelu) return normal_below(x) + x * normal_density(x);
  const double gate = 1 / (1 + std::exp(-x));
  return gate * (1 + x * (1 - gate));
}

double StepPrimitive::value(double x) const {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * std::max(x - c[i], 0.0);
  return sum;
}

double StepPrimitive::slope(double x) const {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += x > c[i] ? a[i] : 0;
  return sum;
}

StepPrimitive two_bit_step(Activation which) {
  if (which == Activation::gelu)
    return {{-0.04922261145617846, 1.0979632065417297, -0.048740595085551286},
            {-3.1858810036855245, -0.001178821281161997, 3.190832613414926}};
  return {{-0.04060357190528599, 1.080925428529668, -0.040321856624382146},
          {-6.3050461001646445, -0.0008684942046214787, 6.325815242089708}};
}

StepPrimitive relu_step() {
  return {{1}, {0}};
}

double primitive_distance(Activation which, const StepPrimitive& step) {
  const auto square = [&](double x) {
    const double off = activation(which, x) - step.value(x);
    return off * off;
  };
  // Beyond 60 the activations are within 60 exp(-60) of their asymptotes, and step primitives with the two sums equal
  // them.
  return integral(square, step.c, 60);
}

double slope_error(Activation which, const StepPrimitive& step) {
  const auto square = [&](double x) {
    const double off = activation_slope(which, x) - step.slope(x);
    return off * off * normal_density(x);
  };
  return integral(square, step.c, 20);
}

double slope_power(Activation which) {
  return slope_error(which, {{}, {}});
}

}  // namespace kvfrontier::theory
