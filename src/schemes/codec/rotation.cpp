#include "schemes/codec/rotation.hpp"

#include <Eigen/QR>
#include <boost/random/normal_distribution.hpp>

namespace kvfrontier::schemes {

core::RowMatrixF public_rotation(core::RandomKey key, core::Purpose purpose, core::Index d) {
  core::RowMatrixD gaussian(d, d);
  for (core::Index i = 0; i < d; ++i) {
    core::Stream stream(key, purpose, static_cast<std::uint64_t>(i));
    boost::random::normal_distribution<double> normal;
    for (core::Index j = 0; j < d; ++j) gaussian(i, j) = normal(stream);
  }
  const Eigen::HouseholderQR<core::RowMatrixD> qr(gaussian);
  core::RowMatrixD rotation = qr.householderQ();
  // The signs of R's diagonal make the law exactly Haar.
  for (core::Index j = 0; j < d; ++j) {
    if (qr.matrixQR()(j, j) < 0) rotation.col(j) *= -1;
  }
  return rotation.cast<float>();
}

core::RowMatrixF rotated(core::RowsViewF rows, const core::RowMatrixF& rotation) {
  core::RowMatrixF turned(rows.rows(), rows.cols());
  for (core::Index i = 0; i < rows.rows(); ++i) turned.row(i).noalias() = rows.row(i) * rotation;
  return turned;
}

}  // namespace kvfrontier::schemes
