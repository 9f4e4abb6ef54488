#pragma once
// The products and exponentials of fused attention with AVX-512, for processors that have it, which the program finds
// out when it runs: the rest of it is built for an older instruction set, with vectors half as wide. All in single
// precision. Products are chains of fused multiply-adds along the depth, one chain for each entry, as in Eigen's
// kernels for whole tiles, so they have the same bits.

#include <cstdint>

namespace kvfrontier::attention::wide {

using Index = std::int64_t;

// Columns of a packed panel.
inline constexpr Index panel = 64;
inline constexpr Index panels_of(Index columns) {
  return (columns + panel - 1) / panel;
}

// Whether this processor has AVX-512 and the last call of use() was not use(false).
bool at_hand();
// Allows or forbids the kernels of this file. For tests and benchmarks, which compare with the kernels that run
// everywhere.
void use(bool allowed);

// Packs a `depth` x `columns` matrix into panels of 64 columns, filled up with zeros: panels_of(columns) * depth * 64
// floats at `packed`. Row k starts at from + k * stride (pack), or column c at from + c * stride (pack_transposed).
void pack(const float* from, Index stride, Index depth, Index columns, float* packed);
void pack_transposed(const float* from, Index stride, Index depth, Index columns, float* packed);

// out = a b, and out += a b: a is rows x depth, b packed, out rows x columns.
void multiply(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
              Index out_stride);
void multiply_add(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
                  Index out_stride);

// Turns scores into weights exp(score - maximum) for `rows` rows of `count` scores, with the running maximum and sum of
// weights of each row. The row of `width` weighted values in `sums` shrinks as the maximum grows. Exponents below
// `least_exponent` count as `least_exponent`. log_weights: null, or `count` numbers that are added to every row first.
void weigh(float* scores, Index stride, Index rows, Index count, const float* log_weights, float least_exponent,
           float* maximum, float* weights, float* sums, Index sums_stride, Index width);

// Raises row_maxima[r] and column_maxima[c] to the largest entry of the row or column; column_maxima may be null.
void raise_maxima(const float* from, Index stride, Index rows, Index columns, float* row_maxima, float* column_maxima);

}  // namespace kvfrontier::attention::wide
