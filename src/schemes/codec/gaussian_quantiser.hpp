#pragma once
// N(0,1) values to a bit string and back: entropy-coded scalar quantisation, and the same with a trellis that chooses
// the quantiser of each value (entropy-coded trellis-coded quantisation).
//
// The scalar quantiser is 1.53 dB above the distortion-rate function 4^-b at high rates, and less below 1 bit. The
// trellis splits the lattice points n step into even and odd ones. The state of a convolutional code says which half
// the next value may use, so a value costs one bit less than on the whole lattice, and the encoder searches for the
// best path (Viterbi). With Ungerboeck's one-dimensional codes it is within .55 dB of 4^-b for 8 states and .37 dB for
// 256, at all rates (tests/schemes/codec/gaussian_quantiser.cpp). Marcellin and Fischer, Trellis coded quantization of
// memoryless and Gauss-Markov sources, IEEE Trans. Commun. 38 (1990); Fischer and Wang, Entropy-constrained TCQ, IT 38
// (1992).

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/matrix.hpp"
#include "schemes/codec/gaussian_codebook.hpp"

namespace kvfrontier::schemes {

using core::Index;

class GaussianQuantiser {
 public:
  // states: 1 (scalar) or a power of two 4 .. 256. step: least_step .. 64; with smaller steps the 2^16 slots would not
  // resolve the probabilities.
  static constexpr double least_step = 0x1p-6;
  GaussianQuantiser(double step, int states);

  // Index of every value's point, and the information content of them all in bits.
  struct Path {
    std::vector<std::uint32_t> indices;
    double bits = 0;
  };
  Path quantise(std::span<const float> values) const;

  // Information content of a sequence of indices.
  double information(std::span<const std::uint32_t> indices) const;

  core::BitString encode(const Path& path) const;
  // `count` values. Any bits decode to some values.
  std::vector<float> decode(const core::BitString& bits, Index count) const;

 private:
  // The state after a value with this index: its parity selects the branch.
  std::uint32_t next(std::uint32_t state, std::uint32_t index) const {
    return next_[2 * state + ((index + parity_[state & 1]) & 1)];
  }
  const GaussianCodebook& book(std::uint32_t state) const { return books_[state & 1]; }

  // A point near a value, and what it costs: squared error plus the multiple of its bits.
  struct Branch {
    double cost;
    std::uint32_t index;
  };
  // Writes into best[0] and best[1] the branches of the even and the odd choice from states of this half.
  void find_branches(double x, int half, Branch* best) const;
  void search(std::span<const float> values, Path& path) const;

  int states_;
  std::vector<GaussianCodebook> books_;  // even and odd points; one book if there is one state
  std::uint32_t parity_[2] = {0, 0};     // of index `half`, the point at k = 0
  std::vector<std::uint32_t> next_;      // state after the even and the odd choice
  std::vector<std::uint32_t> before_;    // the two branches into every state, a branch being 2 state + choice

  struct Point {
    double value, cost;  // cost of its bits
  };
  std::vector<Point> points_[2];  // of every book, with two points of infinite cost on either side
  static std::vector<Point> padded(const GaussianCodebook& book, double multiplier);
};

// The quantiser of step least_step 2^(level / 256), level 0 .. step_levels - 1. The process remembers those it has
// used. Any thread may call it.
inline constexpr int step_levels = 3072;  // 12 octaves
std::shared_ptr<const GaussianQuantiser> gaussian_quantiser(int level, int states);

}  // namespace kvfrontier::schemes
