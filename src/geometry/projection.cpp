#include "geometry/projection.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>

namespace kvfrontier::geometry {
namespace {

// `rows` x `columns` with orthonormal columns, columns <= rows: the Q of a Gaussian matrix.
core::RowMatrixD orthonormal_rows(core::Coins coins, core::Purpose purpose, Index rows, Index columns) {
  core::RowMatrixD gaussian(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    core::Stream stream(coins, purpose, i);
    boost::random::normal_distribution<double> normal;
    for (Index j = 0; j < columns; ++j) gaussian(i, j) = normal(stream);
  }
  const Eigen::HouseholderQR<core::RowMatrixD> qr(gaussian);
  return qr.householderQ() * core::RowMatrixD::Identity(rows, columns);
}

}  // namespace

Weights projection_weights(core::Coins coins, const Projection& projection, Index d, Projected which) {
  const Index rank = std::min(projection.width, d);
  const bool keys = which == Projected::keys;
  Weights weights;
  weights.left =
      orthonormal_rows(coins, keys ? core::Purpose("projection/W_K left") : core::Purpose("projection/W_V left"),
                       projection.width, rank);
  weights.right =
      orthonormal_rows(coins, keys ? core::Purpose("projection/W_K right") : core::Purpose("projection/W_V right"), d,
                       rank)
          .transpose();
  weights.singular.resize(rank);
  for (Index j = 0; j < rank; ++j) weights.singular[j] = std::pow(projection.decay, j);
  weights.singular.normalize();
  return weights;
}

}  // namespace kvfrontier::geometry
