#pragma once
// Lossy compression of fair bits with a polar code: successive cancellation turned into an encoder. The source is
// treated as the output of BSC(D), and the codeword found is its reconstruction.
//
// Log-likelihood ratios are kept as biases tanh(LLR/2). There both rules of successive cancellation need no
// transcendental function and are exact up to float rounding: f(a, b) = a b and g(a, b; s) = (s a + b) / (1 + s a b),
// with bits as spins s = +1 (bit 0) or -1. Only + x / and comparisons occur, compiled without contraction, so a message
// is the same on every machine. A decision is the sign BIT of the bias: thanks to signed zeros, deciding all positions
// of a node without frozen positions at once gives what deciding bit by bit gives, ties included.

#include <cstdint>
#include <span>
#include <vector>

#include "schemes/codec/polar_code.hpp"

namespace kvfrontier::schemes {

inline constexpr int max_polar_list = 32;

namespace polar {

// Biases stay this far from 1, so that g never divides by 0: |LLR| <= 14.6.
inline constexpr float largest_bias = 1.0f - 0x1p-20f;

inline float f(float a, float b) {
  return a * b;
}
inline float g(float a, float b, float spin) {
  const float c = spin * a;
  const float bias = (c + b) / (1.0f + c * b);
  const float low = bias < largest_bias ? bias : largest_bias;
  return low > -largest_bias ? low : -largest_bias;
}

}  // namespace polar

// Keeps its working arrays between blocks. Not thread-safe.
class PolarEncoder {
 public:
  // The codeword (bytes 0 or 1) that successive cancellation with argmax decisions finds for `source`, which has
  // code.length() bytes 0 or 1. With list > 1 (at most max_polar_list) it follows the `list` most probable prefixes and
  // returns the codeword nearest to the source. O(list n log n).
  std::vector<std::uint8_t> encode(const PolarCode& code, std::span<const std::uint8_t> source, int list = 1);

 private:
  std::vector<float> biases_, spins_, scratch_;
};

}  // namespace kvfrontier::schemes
