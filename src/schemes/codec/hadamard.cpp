#include "schemes/codec/hadamard.hpp"

#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>

// Without AVX, vectors of eight are passed to functions in another way. None of the functions below is visible outside
// this file.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace kvfrontier::schemes {
namespace {

using core::Index;

// Eight floats as a vector of the compiler, which uses what the machine has.
typedef float Eight __attribute__((vector_size(32)));
constexpr Index eight = 8;

Eight load(const float* x) {
  Eight v;
  std::memcpy(&v, x, sizeof(v));
  return v;
}
void store(float* x, Eight v) {
  std::memcpy(x, &v, sizeof(v));
}

// The transform of the eight numbers of one vector.
Eight within(Eight v) {
  v = __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6) + v * Eight{1, -1, 1, -1, 1, -1, 1, -1};
  v = __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5) + v * Eight{1, 1, -1, -1, 1, 1, -1, -1};
  return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3) + v * Eight{1, 1, 1, 1, -1, -1, -1, -1};
}

void butterfly(Eight& a, Eight& b) {
  const Eight sum = a + b;
  b = a - b;
  a = sum;
}

// Three halvings in one pass over memory, between numbers `stride` apart, with eight vectors in registers at a time.
// `First`: does the halvings within vectors as well.
template <bool First>
void three_halvings(float* x, Index length, Index stride) {
  for (Index block = 0; block < length; block += 8 * stride) {
    for (Index i = block; i < block + stride; i += eight) {
      Eight v[8];
      for (Index k = 0; k < 8; ++k) v[k] = First ? within(load(x + i + k * stride)) : load(x + i + k * stride);
      for (const int half : {4, 2, 1}) {
        for (int k = 0; k < 8; ++k) {
          if ((k & half) == 0) butterfly(v[k], v[k + half]);
        }
      }
      for (Index k = 0; k < 8; ++k) store(x + i + k * stride, v[k]);
    }
  }
}

void one_halving(float* x, Index length, Index stride) {
  for (Index block = 0; block < length; block += 2 * stride) {
    for (Index i = block; i < block + stride; ++i) {
      const float a = x[i], b = x[i + stride];
      x[i] = a + b;
      x[i + stride] = a - b;
    }
  }
}

}  // namespace

void walsh_hadamard(float* x, Index length) {
  assert(length > 0 && std::has_single_bit(static_cast<std::uint64_t>(length)));
  Index stride = 1;
  if (length >= 8 * eight) {
    three_halvings<true>(x, length, eight);
    for (stride = 8 * eight; 8 * stride <= length; stride *= 8) three_halvings<false>(x, length, stride);
  }
  for (; stride < length; stride *= 2) one_halving(x, length, stride);
}

}  // namespace kvfrontier::schemes
