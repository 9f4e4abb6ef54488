#pragma once
// The rules of successive cancellation over the positions of a node, shared by the encoders with and without lists.
// Plain loops over contiguous floats, which the compiler vectorises.

#include <algorithm>
#include <cmath>

#include "schemes/codec/polar_encoder.hpp"

namespace kvfrontier::schemes::polar {

inline void all_frozen(Index count, float* spins) {
  std::fill_n(spins, count, 1.0f);
}

inline void hard_decisions(const float* bias, Index count, float* spins) {
  for (Index i = 0; i < count; ++i) spins[i] = std::copysign(1.0f, bias[i]);
}

// Biases of u' from those of the node: positions i and h + i are a pair.
inline void left_biases(const float* __restrict bias, Index h, float* __restrict out) {
  for (Index i = 0; i < h; ++i) out[i] = f(bias[i], bias[h + i]);
}

// Biases of v, `rest` positions, with the spins of u' decided.
inline void right_biases(const float* __restrict bias, const float* __restrict spins, Index h, Index rest,
                         float* __restrict out) {
  for (Index i = 0; i < h; ++i) out[i] = g(bias[i], bias[h + i], spins[i]);
  for (Index i = h; i < rest; ++i) out[i] = bias[h + i];
}

// The first h spins of the codeword (u' + v, v). `out` may be `left`.
inline void combine(const float* left, const float* right, Index h, float* out) {
  for (Index i = 0; i < h; ++i) out[i] = left[i] * right[i];
}

}  // namespace kvfrontier::schemes::polar
