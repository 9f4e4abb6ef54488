#include "schemes/codec/polar_construction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "schemes/codec/polar_code.hpp"
#include "theory/entropy.hpp"

namespace kvfrontier::schemes {
namespace {

// BSC((1 - bias)/2), which occurs with probability `weight`. bias = tanh(|LLR| / 2).
struct Atom {
  double bias, weight;
};
using Density = std::vector<Atom>;

// Replaces the atoms in one bin of ln(bias / (1 - bias)) by one atom of their mean bias, which degrades the channel.
// The logarithm resolves both ends, so neither useless nor near-perfect channels blur.
Density merged(const Density& atoms) {
  constexpr double bins_per_unit = 4;
  constexpr int bins = 40 * bins_per_unit + 1;  // from e^-20 to 1 - e^-20
  std::array<Atom, bins> sums{};
  for (const Atom& atom : atoms) {
    const double place = std::log(atom.bias / (1 - atom.bias));
    const int bin = static_cast<int>(std::clamp(place, -20.0, 20.0) * bins_per_unit + bins / 2.0);
    Atom& sum = sums[bin];
    sum.bias += atom.weight * atom.bias;
    sum.weight += atom.weight;
  }
  Density density;
  for (const Atom& sum : sums) {
    if (sum.weight > 0) density.push_back({sum.bias / sum.weight, sum.weight});
  }
  return density;
}

// The channel of u' and, with u' known, that of v, for one pair of positions seen through `a` and `b`.
Density minus(const Density& a, const Density& b) {
  Density density;
  for (const Atom& x : a) {
    for (const Atom& y : b) density.push_back({x.bias * y.bias, x.weight * y.weight});
  }
  return merged(density);
}

Density plus(const Density& a, const Density& b) {
  Density density;
  for (const Atom& x : a) {
    for (const Atom& y : b) {
      const double product = x.bias * y.bias, weight = x.weight * y.weight;
      density.push_back({(x.bias + y.bias) / (1 + product), weight * (1 + product) / 2});
      if (product < 1) density.push_back({std::abs(x.bias - y.bias) / (1 - product), weight * (1 - product) / 2});
    }
  }
  return merged(density);
}

// A Gaussian log-likelihood ratio of mean m and variance 2m, represented by z = ln m. Let phi(m) = E[1 - tanh(LLR/2)],
// which equals 1 - E[tanh^2]. Then u' gets 1 - phi' = (1 - phi)^2, and v gets 2m. (Chung, Richardson and Urbanke,
// Analysis of sum-product decoding using a Gaussian approximation, 2001; a table replaces their fit of phi, which is
// too coarse here.)
class GaussianEvolution {
 public:
  GaussianEvolution() {
    for (int i = 0; i < points; ++i) {
      const double mean = std::exp(grid(i)), rest = phi(mean);
      log_phi_[i] = -std::log(rest);  // both rising in z
      log_signal_[i] = std::log1p(-rest);
    }
    for (int i = 0; i < points; ++i) {
      const double signal = 2 * log_signal_[i], rest = -log_phi_[i];
      minus_[i] =
          signal < -std::numbers::ln2 ? of_log_signal(signal) : of_log_rest(rest + std::log(2 - std::exp(rest)));
    }
  }

  double minus(double z) const {
    const double place = (z - least) * points_per_unit;
    if (place < 0) return 2 * z - std::numbers::ln2;                                        // phi = 1 - m/2 + ...
    if (place >= points - 1) return z + std::log1p(-4 * std::numbers::ln2 * std::exp(-z));  // ln phi = -m/4 - ...
    const int i = static_cast<int>(place);
    return minus_[i] + (place - i) * (minus_[i + 1] - minus_[i]);
  }
  static double plus(double z) { return z + std::numbers::ln2; }

  // The Gaussian with the same E[tanh^2(LLR/2)].
  double match(const Density& density) const {
    double signal = 0, rest = 0;
    for (const Atom& atom : density) {
      signal += atom.weight * atom.bias * atom.bias;
      rest += atom.weight * (1 - atom.bias) * (1 + atom.bias);
    }
    return signal < 0.5 ? of_log_signal(std::log(signal)) : of_log_rest(std::log(rest));
  }

 private:
  static constexpr double least = -8, most = 5, points_per_unit = 16;
  static constexpr int points = (most - least) * points_per_unit + 1;
  using Table = std::array<double, points>;

  static double grid(int i) { return least + i / points_per_unit; }

  // Uses the trapezoidal rule, which converges exponentially for this analytic integrand.
  static double phi(double mean) {
    const double step = std::min(std::sqrt(2 * mean), 1.0) / 2;
    double sum = 0.5;
    for (double x = step; x < 80 && x * x < 4 * 40 * mean; x += step)
      sum += std::exp(-x * x / (4 * mean)) / std::cosh(x / 2);
    return std::exp(-mean / 4) * 2 * sum * step / std::sqrt(4 * std::numbers::pi * mean);
  }

  // z with table(z) = value, by linear interpolation; the table rises.
  static double inverse(const Table& table, double value) {
    const auto above = std::upper_bound(table.begin() + 1, table.end() - 1, value);
    const int i = above - table.begin() - 1;
    const double left = table[i], right = table[i + 1];
    return grid(i) + (value - left) / (right - left) / points_per_unit;
  }
  double of_log_signal(double log_signal) const {
    return log_signal < log_signal_.front() ? log_signal + std::numbers::ln2 : inverse(log_signal_, log_signal);
  }
  double of_log_rest(double log_rest) const {
    // Beyond the table, continues with the leading term of ln phi = -m/4 - ...
    if (-log_rest > log_phi_.back()) return std::log(std::exp(most) + 4 * (-log_rest - log_phi_.back()));
    return inverse(log_phi_, -log_rest);
  }

  Table log_phi_{}, log_signal_{}, minus_{};
};

class Evolution {
 public:
  explicit Evolution(std::vector<double>& reliability) : reliability_(reliability) {}

  // Fills in the positions from `first` on of a node whose granules, of `size` positions each, are seen through these
  // channels.
  void follow(Index first, Index size, const std::vector<Density>& granules, int level) {
    const Index parts = std::ssize(granules), count = size * parts;
    if (count == 1 || (parts == 1 && level >= exact_levels)) {
      follow_gaussian(first, count, gaussian_.match(granules.front()));
      return;
    }
    std::vector<Density> left, right;
    if (parts == 1) {
      left = {minus(granules[0], granules[0])};
      right = {plus(granules[0], granules[0])};
      size /= 2;
    } else {
      const Index h = parts / 2;  // PolarCode::split
      for (Index i = 0; i < h; ++i) {
        left.push_back(minus(granules[i], granules[h + i]));
        right.push_back(plus(granules[i], granules[h + i]));
      }
      if (parts > 2 * h) right.push_back(granules.back());
    }
    follow(first, size, left, level + 1);
    follow(first + size * std::ssize(left), size, right, level + 1);
  }

 private:
  static constexpr int exact_levels = 6;

  void follow_gaussian(Index first, Index count, double z) {
    if (count == 1) {
      reliability_[first] = z;
      return;
    }
    follow_gaussian(first, count / 2, gaussian_.minus(z));
    follow_gaussian(first + count / 2, count / 2, GaussianEvolution::plus(z));
  }

  std::vector<double>& reliability_;
  GaussianEvolution gaussian_;
};

}  // namespace

std::vector<double> polar_reliability(Index length, Index dimension) {
  const double rate = 1.0 * dimension / length;
  const double distortion = theory::inverse_binary_entropy(1 - rate);
  const Index size = PolarCode::granule_of(length);
  std::vector<double> reliability(length);
  Evolution(reliability).follow(0, size, std::vector<Density>(length / size, {{1 - 2 * distortion, 1}}), 0);
  return reliability;
}

}  // namespace kvfrontier::schemes
