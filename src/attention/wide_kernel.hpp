#pragma once
// The products and exponentials of fused attention with AVX-512, for processors that have it, found out when the
// program runs: the rest of the program is built for an older instruction set, with vectors half as wide. All in single
// precision. Products are chains of fused multiply-adds along the depth, one chain an entry, as they are in Eigen's
// kernels for whole tiles: the same bits.

#include <cstdint>

namespace kvfrontier::attention::wide {

using Index = std::int64_t;

// Columns of a packed panel.
inline constexpr Index panel = 64;
inline constexpr Index panels_of(Index columns) {
  return (columns + panel - 1) / panel;
}

// Whether this processor can, and use(false) was not called last.
bool at_hand();
// For tests and benchmarks, which compare with the kernels that run everywhere.
void use(bool allowed);

// A `depth` x `columns` matrix in panels of 64 columns, filled up with zeros: panels_of(columns) * depth * 64 floats at
// `packed`. Row k starts at from + k * stride (pack), or column c does (pack_transposed).
void pack(const float* from, Index stride, Index depth, Index columns, float* packed);
void pack_transposed(const float* from, Index stride, Index depth, Index columns, float* packed);

// out = a b, and out += a b: a is rows x depth, b packed, out rows x columns.
void multiply(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
              Index out_stride);
void multiply_add(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
                  Index out_stride);

// Scores to weights exp(score - maximum) for `rows` rows of `count` scores, with the running maximum and sum of weights
// of each row; `sums`, a row of `width` weighted values each, shrinks as the maximum grows. Exponents below
// `least_exponent` count as that. log_weights: null, or `count` numbers that are added to every row first.
void weigh(float* scores, Index stride, Index rows, Index count, const float* log_weights, float least_exponent,
           float* maximum, float* weights, float* sums, Index sums_stride, Index width);

// row_maxima[r] and column_maxima[c], each raised to the largest of its row or column; column_maxima may be null.
void raise_maxima(const float* from, Index stride, Index rows, Index columns, float* row_maxima, float* column_maxima);

}  // namespace kvfrontier::attention::wide
