#pragma once
// Low-rank approximation of a block of rows: rows ~ codes * basis with few rows in the basis. Deterministic: no start
// vector is drawn, and the largest entry of an eigenvector is positive.

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

using core::Index;

struct LowRank {
  core::RowMatrixD codes;  // n x r
  core::RowMatrixD basis;  // r x d, orthonormal rows
  core::RowMatrixD product() const { return codes * basis; }
};

// The best rank-r approximation in the Frobenius norm (Eckart and Young), by the eigenvectors of the smaller Gram
// matrix in double: singular values below 1e-8 of the largest are noise. codes = U S, basis = V^T, singular values
// descending. Rows of the basis beyond the rank of `rows` are 0. r >= 0; O(n d min(n, d) + min(n, d)^3).
LowRank truncated_svd(core::RowsViewF rows, Index rank);

// Nearly the same by `iterations` >= 0 rounds of subspace iteration, which start from rows that lie far apart (each the
// farthest from the span of those before): O(n d r) per round. A round never enlarges the residual. The basis is not
// sorted.
LowRank power_fit(core::RowsViewF rows, Index rank, int iterations);

// Orthonormal eigenvectors of a symmetric non-negative matrix for its `rank` largest eigenvalues, descending: one per
// row, and rows of 0 beyond the size of the matrix.
core::RowMatrixD leading_eigenvectors(const core::RowMatrixD& gram, Index rank);

}  // namespace kvfrontier::schemes
