#include "schemes/codec/low_rank.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>

namespace kvfrontier::schemes {
namespace {

using core::RowMatrixD;

// Orthonormalises the rows in order; a second pass restores the digits that the first loses. A row that depends on
// those before it becomes 0.
void orthonormalise(RowMatrixD& basis) {
  for (Index i = 0; i < basis.rows(); ++i) {
    const double before = basis.row(i).norm();
    for (int pass = 0; pass < 2; ++pass) {
      for (Index j = 0; j < i; ++j) basis.row(i) -= basis.row(i).dot(basis.row(j)) * basis.row(j);
    }
    const double after = basis.row(i).norm();
    if (after > 1e-10 * before) {
      basis.row(i) /= after;
    } else {
      basis.row(i).setZero();
    }
  }
}

// Rows of `a` picked one by one, each the farthest from the span of those before.
RowMatrixD far_rows(const RowMatrixD& a, Index rank) {
  RowMatrixD rest = a, basis = RowMatrixD::Zero(rank, a.cols());
  const double least = 1e-20 * a.squaredNorm();
  for (Index i = 0; i < std::min(rank, std::min(a.rows(), a.cols())); ++i) {
    Index farthest;
    const double square = rest.rowwise().squaredNorm().maxCoeff(&farthest);
    if (square <= least) break;
    basis.row(i) = rest.row(farthest) / std::sqrt(square);
    rest.noalias() -= (rest * basis.row(i).transpose()).eval() * basis.row(i);
  }
  return basis;
}

}  // namespace

RowMatrixD leading_eigenvectors(const RowMatrixD& gram, Index rank) {
  const Eigen::SelfAdjointEigenSolver<RowMatrixD> solver(gram);
  RowMatrixD vectors = RowMatrixD::Zero(rank, gram.cols());
  for (Index i = 0; i < std::min(rank, gram.cols()); ++i) {
    // The solver sorts upwards and leaves the sign open.
    vectors.row(i) = solver.eigenvectors().col(gram.cols() - 1 - i).transpose();
    Index largest;
    vectors.row(i).cwiseAbs().maxCoeff(&largest);
    if (vectors(i, largest) < 0) vectors.row(i) *= -1;
  }
  return vectors;
}

LowRank truncated_svd(core::RowsViewF rows, Index rank) {
  const RowMatrixD a = rows.cast<double>();
  LowRank fit;
  if (a.cols() <= a.rows()) {
    fit.basis = leading_eigenvectors(a.transpose() * a, rank);
  } else {
    fit.basis = leading_eigenvectors(a * a.transpose(), rank) * a;
    orthonormalise(fit.basis);
  }
  fit.codes = a * fit.basis.transpose();
  return fit;
}

LowRank power_fit(core::RowsViewF rows, Index rank, int iterations) {
  const RowMatrixD a = rows.cast<double>();
  LowRank fit{{}, far_rows(a, rank)};
  for (int round = 0; round < iterations; ++round) {
    fit.codes.noalias() = a * fit.basis.transpose();
    fit.basis.noalias() = fit.codes.transpose() * a;
    orthonormalise(fit.basis);
  }
  fit.codes.noalias() = a * fit.basis.transpose();
  return fit;
}

}  // namespace kvfrontier::schemes
