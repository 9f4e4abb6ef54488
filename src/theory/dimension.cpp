#include "theory/dimension.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "theory/binomial.hpp"
#include "theory/coherence.hpp"
#include "theory/leak.hpp"
#include "theory/search.hpp"

namespace kvfrontier::theory {
namespace {

// The maximiser t of c t - x I(t), and I there.
struct Tilted {
  double product, rate;
};

Tilted tilt_sphere(double ratio) {  // t/(1 - t^2) = c/x
  const double t = 2 * ratio / (1 + std::sqrt(1 + 4 * ratio * ratio));
  return {t, -std::log1p(-t * t) / 2};
}

Tilted tilt_rademacher(double ratio) {  // artanh t = c/x
  const double t = std::tanh(ratio);
  // I = t artanh t - ln cosh artanh t
  return {t, t * ratio - (ratio + std::log1p(std::exp(-2 * ratio)) - std::numbers::ln2)};
}

template <class Tilt>
double threshold(double c, const Tilt& tilt) {
  if (!(c > 1)) throw std::domain_error("a dimension threshold needs tau = c ln N with c > 1");
  const auto decodes = [&](double x) {
    const Tilted at = tilt(c / x);
    return 1 - c - x * at.rate + c * at.product < 0;
  };
  double high = 1;
  while (!decodes(high)) high *= 2;
  const double x = least_true(1e-3, high, decodes);
  assert(1 - x * tilt(c / x).rate >= -1e-9);
  return x;
}

// One term of S and its probability.
struct Atom {
  double weight, probability;
};

// P(sum of `count` independent terms < 1) = 1/2 - (1/pi) int_0^inf Im[phi(u)^count e^(-iu)]/u du by the midpoint rule.
// A step h folds the law of the sum with period 2 pi/h = 251.
double share_below_one(const std::vector<Atom>& atoms, double count) {
  constexpr double step = 0.025;
  double integral = 0;
  for (double u = step / 2; u < 2000; u += step) {
    double real = 0, imaginary = 0;  // of 1 - phi
    for (const Atom& atom : atoms) {
      const double half = std::sin(u * atom.weight / 2);
      real += atom.probability * 2 * half * half;
      imaginary -= atom.probability * std::sin(u * atom.weight);
    }
    const std::complex<double> power = std::exp(count * std::log(1.0 - std::complex<double>(real, imaginary)));
    if (std::abs(power) < 1e-7) break;
    integral += step * (power * std::complex<double>(std::cos(u), -std::sin(u))).imag() / u;
  }
  return std::clamp(0.5 - integral / std::numbers::pi, 0.0, 1.0);
}

void check_share(std::int64_t tokens, std::int64_t d, double tau) {
  if (tokens < 2 || d < 2 || !(tau > 0)) throw std::domain_error("a decodable share needs N, d >= 2 and tau > 0");
}

}  // namespace

double decodable_share_sphere(std::int64_t tokens, std::int64_t d, double tau) {
  check_share(tokens, d, tau);
  // The angle between two points has density sin^(d-2).
  constexpr int nodes = 400;
  std::vector<Atom> atoms;
  double total = 0;
  for (int k = 0; k < nodes; ++k) {
    const double angle = std::numbers::pi * (k + 0.5) / nodes;
    atoms.push_back({std::exp(-tau * (1 - std::cos(angle))), std::pow(std::sin(angle), d - 2)});
    total += atoms.back().probability;
  }
  for (Atom& atom : atoms) atom.probability /= total;
  return share_below_one(atoms, tokens - 1);
}

double decodable_share_rademacher(std::int64_t tokens, std::int64_t d, double tau) {
  check_share(tokens, d, tau);
  std::vector<Atom> atoms;
  for (std::int64_t differing = 0; differing <= d; ++differing) {
    const double share = std::exp2(log2_binomial(d, differing) - d);
    atoms.push_back({std::exp(-2 * tau * differing / d), share});
  }
  // One duplicate already makes S >= 1, and S = 1 counts as not decoded, so the atom at weight 1 is kept out of the
  // sum.
  const double duplicate = atoms.front().probability, count = tokens - 1;
  atoms.front().probability = 0;
  for (Atom& atom : atoms) atom.probability /= 1 - duplicate;
  return std::pow(1 - duplicate, count) * share_below_one(atoms, count);
}

double sphere_dimension_threshold(double c) {
  return threshold(c, tilt_sphere);
}
double rademacher_dimension_threshold(double c) {
  return threshold(c, tilt_rademacher);
}

double circle_scaling(std::int64_t tokens, double eta) {
  if (tokens < 3) throw std::domain_error("circle_scaling needs N >= 3");
  const double allowed = leak_threshold(eta);
  const auto decodes = [&](double a) {
    double sum = 0, term = 1;
    for (double j = 1; term > 1e-18; ++j) sum += term = std::exp(-a * j * j);
    return 2 * sum <= allowed;
  };
  const double n = tokens;
  return least_true(1e-3, 100.0, decodes) * n * n / (2 * std::numbers::pi * std::numbers::pi);
}

double spread_scaling(std::int64_t tokens, std::int64_t d, double eta) {
  if (tokens < 2 || d < 2) throw std::domain_error("spread_scaling needs N, d >= 2");
  const double log_allowed = std::log1p(leak_threshold(eta)) - std::log(tokens);
  const auto decodes = [&](double tau) { return log_sphere_mgf(d, tau) - tau <= log_allowed; };
  double high = 1;
  while (!decodes(high)) high *= 2;
  return least_true(0.0, high, decodes);
}

double cap_share(std::int64_t d, double radius) {
  if (!(radius >= 0 && radius <= 2)) throw std::domain_error("a cap of the unit sphere needs a radius in [0, 2]");
  return sphere_tail(d, 1 - radius * radius / 2);
}

}  // namespace kvfrontier::theory
