#include "attention/all_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attention/wide_kernel.hpp"

namespace kvfrontier::attention {
namespace {

constexpr Index tile = 256;

// Tile rows are dealt to a fixed number of slots, each with its own N partial results, which are merged in slot order.
// So sums are bit-identical for any number of threads, and memory stays O(N d).
constexpr Index slots = 16;

// Largest depth of a whole tile of products that wide_kernel computes. Its chains of fused multiply-adds give the same
// bits as Eigen's kernels for AVX2 (tested), so certificates depend on the build alone and not on the processor. Other
// builds have other chains and do not use it.
#if defined(__FMA__) && !defined(__AVX512F__)
constexpr Index most_wide_depth = 256;
#else
constexpr Index most_wide_depth = 0;
#endif

// Calls visit(slot, i, j, products) for every pair of tiles i <= j (first rows of the tiles), products = K_i K_j^T.
template <class Visit>
void for_each_tile_pair(core::RowsViewF keys, int threads, const Visit& visit) {
  const Index tokens = keys.rows();
  const Index tiles = (tokens + tile - 1) / tile;
  const int team = std::max<Index>(1, std::min<Index>(threads, std::min(slots, tiles)));
#pragma omp parallel num_threads(team)
  {
    core::RowMatrixF buffer(std::min(tile, tokens), std::min(tile, tokens));
    const bool is_wide = wide::at_hand() && tokens >= tile && keys.cols() <= most_wide_depth;
    std::vector<float> packed(is_wide ? wide::panels_of(tile) * wide::panel * keys.cols() : 0);
#pragma omp for schedule(dynamic, 1)
    for (Index slot = 0; slot < slots; ++slot) {
      for (Index i = slot * tile; i < tokens; i += slots * tile) {
        const Index rows = std::min(tile, tokens - i);
        for (Index j = i; j < tokens; j += tile) {
          const Index columns = std::min(tile, tokens - j);
          auto products = buffer.topLeftCorner(rows, columns);
          if (is_wide && rows == tile && columns == tile) {
            wide::pack_transposed(keys.row(j).data(), keys.outerStride(), keys.cols(), tile, packed.data());
            wide::multiply(keys.row(i).data(), keys.outerStride(), tile, packed.data(), keys.cols(), tile,
                           buffer.data(), buffer.outerStride());
          } else {
            products.noalias() = keys.middleRows(i, rows) * keys.middleRows(j, columns).transpose();
          }
          visit(slot, i, j, products);
        }
      }
    }
  }
}

// Squared norms in double.
Eigen::VectorXd squared_norms(core::RowsViewF keys) {
  Eigen::VectorXd norms(keys.rows());
  for (Index i = 0; i < keys.rows(); ++i) norms[i] = keys.row(i).cast<double>().squaredNorm();
  return norms;
}

}  // namespace

std::vector<float> largest_products(core::RowsViewF keys, int threads) {
  constexpr float none = -std::numeric_limits<float>::infinity();
  using Maxima = Eigen::Array<float, 1, Eigen::Dynamic>;
  std::vector<Maxima> partial(slots, Maxima::Constant(keys.rows(), none));
  for_each_tile_pair(keys, threads, [&](Index slot, Index i, Index j, auto& products) {
    Maxima& maxima = partial[slot];
    const bool diagonal = i == j;
    if (diagonal) products.diagonal().setConstant(none);
    if (wide::at_hand()) {
      wide::raise_maxima(products.data(), products.outerStride(), products.rows(), products.cols(), maxima.data() + i,
                         diagonal ? nullptr : maxima.data() + j);
      return;
    }
    auto column_maxima = maxima.segment(j, products.cols());
    for (Index r = 0; r < products.rows(); ++r) {
      const auto row = products.row(r).array();
      maxima[i + r] = std::max(maxima[i + r], row.maxCoeff());
      if (!diagonal) column_maxima = column_maxima.max(row);
    }
  });
  Maxima largest = partial[0];
  for (const Maxima& maxima : partial) largest = largest.max(maxima);
  return {largest.begin(), largest.end()};
}

double product_rounding_bound(core::RowsViewF keys) {
  if (keys.rows() == 0) return 0;
  // gamma_d = d u / (1 - d u) with the unit roundoff u (Higham, Accuracy and Stability of Numerical Algorithms, 3.1),
  // plus half a least denormal for each operation that may underflow.
  const double d = keys.cols();
  const double roundoff = std::numeric_limits<float>::epsilon() / 2.0;
  const double underflow = 2 * d * std::numeric_limits<float>::denorm_min();
  return d * roundoff / (1 - d * roundoff) * squared_norms(keys).maxCoeff() * (1 + 1e-12) + underflow;
}

std::vector<double> leaks(core::RowsViewF keys, double tau, int threads) {
  const Eigen::ArrayXf norms = squared_norms(keys).cast<float>();
  const float scale = tau;
  // Below this exp would return denormals, which are slow and no more accurate.
  constexpr float least_exponent = -87;
  std::vector<Eigen::ArrayXd> partial(slots, Eigen::ArrayXd::Zero(keys.rows()));
  for_each_tile_pair(keys, threads, [&](Index slot, Index i, Index j, auto& products) {
    using Row = Eigen::Array<float, 1, Eigen::Dynamic>;
    Eigen::ArrayXd& sums = partial[slot];
    const bool diagonal = i == j;
    const auto column_norms = norms.segment(j, products.cols()).transpose();
    // Keys need not be unit vectors, so the two triangles have different exponents. Sums inside a tile have at most 256
    // positive floats; sums across tiles are doubles.
    Row column_sums = Row::Zero(products.cols());
    Row weights(products.cols());
    for (Index r = 0; r < products.rows(); ++r) {
      const auto row = products.row(r).array();
      weights = ((row - norms[i + r]) * scale).max(least_exponent).exp();
      if (diagonal) weights[r] = 0;
      sums[i + r] += weights.sum();
      if (!diagonal) column_sums += ((row - column_norms) * scale).max(least_exponent).exp();
    }
    if (!diagonal) sums.segment(j, products.cols()) += column_sums.transpose().template cast<double>();
  });
  Eigen::ArrayXd total = Eigen::ArrayXd::Zero(keys.rows());
  for (const Eigen::ArrayXd& sums : partial) total += sums;
  return {total.begin(), total.end()};
}

}  // namespace kvfrontier::attention
