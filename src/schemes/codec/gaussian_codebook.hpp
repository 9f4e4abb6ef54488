#pragma once
// Reproduction points and symbol probabilities for N(0,1) values. They are computed, not fitted to data, so both
// parties have them for free.

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "schemes/codec/range_coder.hpp"

namespace kvfrontier::schemes {

// Values beyond this magnitude are clipped.
inline constexpr double gaussian_reach = 9;

// Entropy-constrained scalar quantiser. Its points start at offset + k spacing, |k| <= half; thresholds, probabilities
// and centroids are then iterated to minimise E (x - point)^2 + multiplier * bits. (Chou, Lookabaugh and Gray,
// Entropy-constrained vector quantization, IEEE Trans. ASSP 37 (1989), in one dimension.)
struct GaussianCodebook {
  double spacing = 0, offset = 0;
  int half = 0;
  std::vector<double> points;        // of k = -half .. half, ascending
  std::vector<double> bits;          // information content under the probabilities that the range coder uses
  std::vector<std::uint32_t> first;  // first slot of each point, and 2^16 at the end

  int size() const { return std::ssize(points); }
  Slots slots(int i) const { return {first[i], first[i + 1] - first[i]}; }
  // Index of the point that occupies `slot`.
  int at_slot(std::uint32_t slot) const;
  // Index of the lattice point offset + k spacing nearest to x. Every point lies within a spacing of its lattice point.
  int nearest(double x) const {
    const double k = std::nearbyint((x - offset) / spacing), most = half;
    return static_cast<int>(std::clamp(k, -most, most) + most);
  }
};

// offset: 0 for points at 0, spacing, ...; spacing / 2 for the points between. multiplier: squared error that one bit
// is worth.
GaussianCodebook gaussian_codebook(double spacing, double offset, double multiplier);

}  // namespace kvfrontier::schemes
