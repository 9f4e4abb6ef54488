#pragma once
// Matrix aliases. Rows are tokens (or queries), columns are coordinates: row-major throughout, so a row is contiguous.

#include <Eigen/Core>
#include <cstdint>

namespace kvfrontier::core {

using Index = std::int64_t;

template <class Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMatrixF = RowMatrix<float>;
using RowMatrixD = RowMatrix<double>;

// Read-only and writable views of row-major blocks; rows may be strided, a row itself is contiguous.
template <class Scalar>
using RowsView = Eigen::Ref<const RowMatrix<Scalar>, 0, Eigen::OuterStride<>>;
using RowsViewF = RowsView<float>;
using RowsViewD = RowsView<double>;
template <class Scalar>
using RowsOut = Eigen::Ref<RowMatrix<Scalar>, 0, Eigen::OuterStride<>>;
using RowsOutF = RowsOut<float>;

}  // namespace kvfrontier::core
