#pragma once
// Public random rotations: both parties draw the same orthogonal matrix from the public coins, at no cost in bits. They
// spread any structure of keys or values (such as two levels) evenly over the coordinates.

#include "core/matrix.hpp"
#include "core/rng.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

// A Haar-distributed orthogonal d x d matrix (QR of a Gaussian matrix, signs fixed). Costs O(d^3) once; a row x is
// rotated as x * rotation and back as y * rotation^T.
core::RowMatrixF public_rotation(core::Coins coins, core::Purpose purpose, core::Index d);

// The option `rotation`.
enum class RotationKind { none, haar, hadamard };
template <class T>
core::Member<T> rotation_member(RotationKind T::*place) {
  return core::member("rotation", place,
                      "rotate keys and values first; public: by random rotations (Haar), hadamard: random signs "
                      "and a Walsh-Hadamard transform, for d a power of two");
}
// Throws ConfigError at `path`.rotation where d has no rotation of that kind.
void check_rotation(RotationKind kind, Index d, const std::string& path);

// A public rotation of rows of width params.d.
class Rotation {
 public:
  Rotation() = default;  // none
  Rotation(RotationKind kind, const PublicParams& params, core::Purpose purpose);

  // Rotates row by row: the last bits of a product of matrices depend on the number of rows, and messages must not
  // depend on blocks.
  core::RowMatrixF of(core::RowsViewF rows) const;
  // Row x is rotated as x * matrix() and back as y * matrix()^T. Empty for none.
  core::RowMatrixD matrix() const;

 private:
  core::RowMatrixF haar_;
  Eigen::RowVectorXf signs_;  // of hadamard: +-1/sqrt(d), public, before the transform
};

}  // namespace kvfrontier::schemes

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::RotationKind> {
  static constexpr std::array names{"none", "public", "hadamard"};
};
