// The only file that is compiled for AVX-512, so it includes nothing whose inline functions other files compile too.

#include "attention/wide_kernel.hpp"

#ifdef __AVX512F__

#include <immintrin.h>

namespace kvfrontier::attention::wide {
namespace {

bool allowed = true;

constexpr Index vector = 16;
constexpr float infinity = __builtin_inff();

// The first `columns` of 16 lanes.
__mmask16 first(Index columns) {
  return columns >= vector ? 0xffff : columns <= 0 ? 0 : static_cast<__mmask16>((1u << columns) - 1);
}

// `rows` x 64 entries in registers: 24 of 32 registers at 6 rows. That is enough chains to keep both multipliers of a
// core busy, with four loads and six broadcasts for 24 products.
constexpr int most_rows = 6;

template <int rows, bool adds>
void tile(const float* a, Index a_stride, const float* b, Index depth, Index columns, float* out, Index out_stride) {
  const __mmask16 mask[4] = {first(columns), first(columns - 16), first(columns - 32), first(columns - 48)};
  __m512 sums[rows][4];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v)
      sums[r][v] = adds ? _mm512_maskz_loadu_ps(mask[v], out + r * out_stride + v * vector) : _mm512_setzero_ps();
  }
  for (Index k = 0; k < depth; ++k, b += panel) {
    const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + vector), b2 = _mm512_loadu_ps(b + 2 * vector),
                 b3 = _mm512_loadu_ps(b + 3 * vector);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const __m512 left = _mm512_set1_ps(a[r * a_stride + k]);
      sums[r][0] = _mm512_fmadd_ps(left, b0, sums[r][0]);
      sums[r][1] = _mm512_fmadd_ps(left, b1, sums[r][1]);
      sums[r][2] = _mm512_fmadd_ps(left, b2, sums[r][2]);
      sums[r][3] = _mm512_fmadd_ps(left, b3, sums[r][3]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) _mm512_mask_storeu_ps(out + r * out_stride + v * vector, mask[v], sums[r][v]);
  }
}

template <bool adds>
void product(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
             Index out_stride) {
  // A panel stays in the first-level cache while all rows meet it.
  for (Index column = 0; column < columns; column += panel, b += depth * panel) {
    const Index width = columns - column < panel ? columns - column : panel;
    Index row = 0;
    for (; row + most_rows <= rows; row += most_rows)
      tile<most_rows, adds>(a + row * a_stride, a_stride, b, depth, width, out + row * out_stride + column, out_stride);
    for (; row + 2 <= rows; row += 2)
      tile<2, adds>(a + row * a_stride, a_stride, b, depth, width, out + row * out_stride + column, out_stride);
    if (row < rows)
      tile<1, adds>(a + row * a_stride, a_stride, b, depth, width, out + row * out_stride + column, out_stride);
  }
}

// exp of x in [-87, 88]: e^r on |r| <= ln(2)/2 by a polynomial (coefficients of Moshier's Cephes), times a power of
// two.
__m512 exponential(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 y = _mm512_set1_ps(1.9875691500e-4f);
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.3981999507e-3f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(8.3334519073e-3f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(4.1665795894e-2f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.6666665459e-1f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(5.0000001201e-1f));
  y = _mm512_fmadd_ps(y, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1)));
  return _mm512_scalef_ps(y, n);
}

// Transposes 16 x 16 floats: lane l of input i goes to lane i of output l.
void turn(__m512 (&rows)[16]) {
  __m512 pairs[16], fours[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
    pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512d a = _mm512_castps_pd(pairs[4 * i]), b = _mm512_castps_pd(pairs[4 * i + 1]);
    const __m512d c = _mm512_castps_pd(pairs[4 * i + 2]), d = _mm512_castps_pd(pairs[4 * i + 3]);
    fours[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    fours[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    fours[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    fours[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  // fours[4 i + j] holds, in its quarter q, column 4 q + j of rows 4 i .. 4 i + 3.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512 a = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0x88),
                 b = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0x88),
                 d = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0xdd);
    rows[j] = _mm512_shuffle_f32x4(a, c, 0x88);
    rows[8 + j] = _mm512_shuffle_f32x4(a, c, 0xdd);
    rows[4 + j] = _mm512_shuffle_f32x4(b, d, 0x88);
    rows[12 + j] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}

}  // namespace

bool at_hand() {
  static const bool supported = __builtin_cpu_supports("avx512f") != 0;
  return supported && allowed;
}

void use(bool whether) {
  allowed = whether;
}

void pack(const float* from, Index stride, Index depth, Index columns, float* packed) {
  for (Index column = 0; column < columns; column += panel) {
    for (Index k = 0; k < depth; ++k, packed += panel) {
      for (Index v = 0; v < panel; v += vector)
        _mm512_storeu_ps(packed + v,
                         _mm512_maskz_loadu_ps(first(columns - column - v), from + k * stride + column + v));
    }
  }
}

void pack_transposed(const float* from, Index stride, Index depth, Index columns, float* packed) {
  for (Index column = 0; column < columns; column += panel, packed += depth * panel) {
    for (Index part = 0; part < panel; part += vector) {
      for (Index k = 0; k < depth; k += vector) {
        const __mmask16 mask = first(depth - k);
        __m512 block[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
          const Index source = column + part + i;
          block[i] = source < columns ? _mm512_maskz_loadu_ps(mask, from + source * stride + k) : _mm512_setzero_ps();
        }
        turn(block);
        const int turned = depth - k < vector ? depth - k : 16;
        for (int i = 0; i < turned; ++i) _mm512_storeu_ps(packed + (k + i) * panel + part, block[i]);
      }
    }
  }
}

void multiply(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
              Index out_stride) {
  product<false>(a, a_stride, rows, b, depth, columns, out, out_stride);
}

void multiply_add(const float* a, Index a_stride, Index rows, const float* b, Index depth, Index columns, float* out,
                  Index out_stride) {
  product<true>(a, a_stride, rows, b, depth, columns, out, out_stride);
}

void weigh(float* scores, Index stride, Index rows, Index count, const float* log_weights, float least_exponent,
           float* maximum, float* weights, float* sums, Index sums_stride, Index width) {
  const __m512 nothing = _mm512_set1_ps(-infinity), least = _mm512_set1_ps(least_exponent);
  for (Index r = 0; r < rows; ++r) {
    float* row = scores + r * stride;
    __m512 most = nothing;
    for (Index j = 0; j < count; j += vector) {
      const __mmask16 mask = first(count - j);
      __m512 score = _mm512_mask_loadu_ps(nothing, mask, row + j);
      if (log_weights != nullptr) {
        score = _mm512_add_ps(score, _mm512_maskz_loadu_ps(mask, log_weights + j));
        _mm512_mask_storeu_ps(row + j, mask, score);
      }
      most = _mm512_max_ps(most, score);
    }
    const float largest = _mm512_reduce_max_ps(most);
    if (largest > maximum[r]) {
      const float change = maximum[r] - largest;
      const float factor = change > least_exponent ? _mm512_cvtss_f32(exponential(_mm512_set1_ps(change))) : 0.0f;
      weights[r] *= factor;
      for (Index c = 0; c < width; ++c) sums[r * sums_stride + c] *= factor;
      maximum[r] = largest;
    }
    if (maximum[r] == -infinity) {
      for (Index j = 0; j < count; ++j) row[j] = 0;
      continue;
    }
    const __m512 offset = _mm512_set1_ps(maximum[r]);
    __m512 sum = _mm512_setzero_ps();
    for (Index j = 0; j < count; j += vector) {
      const __mmask16 mask = first(count - j);
      // The order of the two arguments matters: a NaN passes through.
      const __m512 exponent = _mm512_max_ps(least, _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, row + j), offset));
      const __m512 weight = exponential(exponent);
      _mm512_mask_storeu_ps(row + j, mask, weight);
      sum = _mm512_mask_add_ps(sum, mask, sum, weight);
    }
    weights[r] += _mm512_reduce_add_ps(sum);
  }
}

void raise_maxima(const float* from, Index stride, Index rows, Index columns, float* row_maxima, float* column_maxima) {
  for (Index column = 0; column_maxima != nullptr && column < columns; column += vector) {
    const __mmask16 mask = first(columns - column);
    __m512 most = _mm512_maskz_loadu_ps(mask, column_maxima + column);
    for (Index r = 0; r < rows; ++r)
      most = _mm512_max_ps(most, _mm512_maskz_loadu_ps(mask, from + r * stride + column));
    _mm512_mask_storeu_ps(column_maxima + column, mask, most);
  }
  const __m512 nothing = _mm512_set1_ps(-infinity);
  for (Index r = 0; r < rows; ++r) {
    __m512 most = nothing;
    for (Index column = 0; column < columns; column += vector)
      most = _mm512_max_ps(most, _mm512_mask_loadu_ps(nothing, first(columns - column), from + r * stride + column));
    const float largest = _mm512_reduce_max_ps(most);
    if (largest > row_maxima[r]) row_maxima[r] = largest;
  }
}

}  // namespace kvfrontier::attention::wide

#else  // another architecture, or a compiler without AVX-512: nobody calls what follows

namespace kvfrontier::attention::wide {

bool at_hand() {
  return false;
}
void use(bool) {}
void pack(const float*, Index, Index, Index, float*) {}
void pack_transposed(const float*, Index, Index, Index, float*) {}
void multiply(const float*, Index, Index, const float*, Index, Index, float*, Index) {}
void multiply_add(const float*, Index, Index, const float*, Index, Index, float*, Index) {}
void weigh(float*, Index, Index, Index, const float*, float, float*, float*, float*, Index, Index) {}
void raise_maxima(const float*, Index, Index, Index, float*, float*) {}

}  // namespace kvfrontier::attention::wide

#endif
