#include "schemes/codec/rotation.hpp"

#include <Eigen/QR>
#include <bit>
#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "core/errors.hpp"
#include "schemes/codec/hadamard.hpp"

namespace kvfrontier::schemes {

core::RowMatrixF public_rotation(core::Coins coins, core::Purpose purpose, core::Index d) {
  core::RowMatrixD gaussian(d, d);
  for (core::Index i = 0; i < d; ++i) {
    core::Stream stream(coins, purpose, static_cast<std::uint64_t>(i));
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

void check_rotation(RotationKind kind, Index d, const std::string& path) {
  if (kind != RotationKind::hadamard || std::popcount(static_cast<std::uint64_t>(d)) == 1) return;
  throw core::ConfigError(core::join_path(path, "rotation"), "\"hadamard\" at d = " + std::to_string(d),
                          "\"public\", or d a power of two");
}

Rotation::Rotation(RotationKind kind, const PublicParams& params, core::Purpose purpose) {
  if (kind == RotationKind::haar) haar_ = public_rotation(params.coins, purpose, params.d);
  if (kind != RotationKind::hadamard) return;
  const float unit = 1 / std::sqrt(static_cast<float>(params.d));
  core::Stream stream(params.coins, purpose, 0);
  signs_.resize(params.d);
  for (float& sign : signs_) sign = (stream() & 1) != 0 ? unit : -unit;
}

core::RowMatrixF Rotation::of(core::RowsViewF rows) const {
  core::RowMatrixF turned = rows;
  for (core::Index i = 0; i < rows.rows(); ++i) {
    if (haar_.size() > 0) turned.row(i).noalias() = rows.row(i) * haar_;
    if (signs_.size() == 0) continue;
    turned.row(i).array() *= signs_.array();
    walsh_hadamard(turned.row(i).data(), turned.cols());
  }
  return turned;
}

core::RowMatrixD Rotation::matrix() const {
  if (signs_.size() == 0) return haar_.cast<double>();
  const core::Index d = signs_.size();
  core::RowMatrixD matrix(d, d);
  for (core::Index i = 0; i < d; ++i) {
    for (core::Index j = 0; j < d; ++j) {
      const bool minus = (std::popcount(static_cast<std::uint64_t>(i & j)) & 1) != 0;
      matrix(i, j) = static_cast<double>(minus ? -signs_[i] : signs_[i]);
    }
  }
  return matrix;
}

}  // namespace kvfrontier::schemes
