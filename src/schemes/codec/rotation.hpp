#pragma once
// Public random rotations: both parties draw the same orthogonal matrix from the public coins, at no cost in bits. They
// spread any structure of keys or values (such as two levels) evenly over the coordinates.

#include "core/matrix.hpp"
#include "core/rng.hpp"

namespace kvfrontier::schemes {

// A Haar-distributed orthogonal d x d matrix (QR of a Gaussian matrix, signs fixed). Costs O(d^3) once; a row x is
// rotated as x * rotation and back as y * rotation^T.
core::RowMatrixF public_rotation(core::RandomKey key, core::Purpose purpose, core::Index d);

// rows * rotation, row by row: the last bits of a product of matrices depend on the number of rows, and messages must
// not depend on blocks.
core::RowMatrixF rotated(core::RowsViewF rows, const core::RowMatrixF& rotation);

}  // namespace kvfrontier::schemes
