#pragma once
// N(0,1) values to a bit string and back: entropy-coded scalar quantisation, and the same with a trellis that chooses
// the quantiser of each value (entropy-coded trellis-coded quantisation).
//
// Scalar: 1.53 dB above the distortion-rate function 4^-b at high rates, less below 1 bit. Trellis: lattice points n
// step are split into the even and the odd ones; the state of a convolutional code says which half the next value may
// use, so a value costs one bit less than the lattice would, and the encoder searches for the best path (Viterbi).
// Ungerboeck's one-dimensional codes: within .55 dB of 4^-b with 8 states and .37 dB with 256, at all rates
// (tests/schemes/codec/gaussian_quantiser.cpp). Marcellin and Fischer, Trellis coded quantization of memoryless and
// Gauss-Markov sources, IEEE Trans. Commun. 38 (1990); Fischer and Wang, Entropy-constrained TCQ, IT 38 (1992).

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "schemes/codec/gaussian_codebook.hpp"

namespace kvfrontier::schemes {

class GaussianQuantiser {
 public:
  // states: 1 (scalar) or a power of two 4 .. 256. Steps: least_step (more would starve the probabilities of 2^-16
  // slots) .. 64.
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
  // `count` values; any bits stand for some values.
  std::vector<float> decode(const core::BitString& bits, std::size_t count) const;

 private:
  // The choice of an odd or even index moves the trellis on.
  std::uint32_t next(std::uint32_t state, std::uint32_t index) const {
    return next_[2 * state + ((index + parity_[state & 1]) & 1)];
  }
  const GaussianCodebook& book(std::uint32_t state) const { return books_[state & 1]; }

  // A point near a value, and the squared error plus the multiple of bits that it costs.
  struct Branch {
    double cost;
    std::uint32_t index;
  };
  // Into best[0] and best[1] the branches of the even and the odd choice from states of this half.
  void find_branches(double x, std::size_t half, Branch* best) const;
  void search(std::span<const float> values, Path& path) const;

  int states_;
  std::vector<GaussianCodebook> books_;  // even and odd points; one book where there is one state
  std::uint32_t parity_[2] = {0, 0};     // of index `half`, the point at k = 0
  std::vector<std::uint32_t> next_;      // state after the even and the odd choice
  std::vector<std::uint32_t> before_;    // the two branches into every state, a branch being 2 state + choice

  struct Point {
    double value, cost;  // cost of its bits
  };
  std::vector<Point> points_[2];  // of every book, between two points of infinite cost on either side
  static std::vector<Point> padded(const GaussianCodebook& book, double multiplier);
};

// Remembers the quantisers that a process has used. `level` 0 .. levels - 1 in steps of 1/256 octave from least_step.
inline constexpr int step_levels = 3072;  // 12 octaves
std::shared_ptr<const GaussianQuantiser> gaussian_quantiser(int level, int states);

}  // namespace kvfrontier::schemes
