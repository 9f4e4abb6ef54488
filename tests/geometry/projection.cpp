#include "geometry/projection.hpp"

#include <cmath>

#include "../support/catch.hpp"

using namespace kvfrontier;
using core::Index;
using core::RowMatrixD;
using geometry::Projected;

TEST_CASE("public projections have orthonormal factors and a geometric spectrum of norm 1", "[projection]") {
  for (const auto& [width, d] : {std::pair{1, 1}, {5, 8}, {8, 5}, {32, 16}}) {
    CAPTURE(width, d);
    const geometry::Projection projection{width, 0.7};
    const auto weights = geometry::projection_weights({3}, projection, d, Projected::keys);
    const Index rank = std::min(width, d);
    const RowMatrixD identity = RowMatrixD::Identity(rank, rank);
    CHECK((weights.left.transpose() * weights.left - identity).cwiseAbs().maxCoeff() < 1e-12);
    CHECK((weights.right * weights.right.transpose() - identity).cwiseAbs().maxCoeff() < 1e-12);
    CHECK(weights.singular.norm() == Approx(1).epsilon(1e-12));
    for (Index j = 1; j < rank; ++j) CHECK(weights.singular[j] / weights.singular[j - 1] == Approx(0.7).epsilon(1e-12));
    CHECK(weights.matrix().rows() == width);
    CHECK(weights.matrix().cols() == d);
  }
}

TEST_CASE("projections are functions of the public coins, and keys and values have their own", "[projection]") {
  const geometry::Projection projection{6, 0.9};
  const auto matrix = [&](std::uint64_t key, Projected which) {
    return geometry::projection_weights({key}, projection, 4, which).matrix();
  };
  CHECK(matrix(1, Projected::keys) == matrix(1, Projected::keys));
  CHECK((matrix(1, Projected::keys) - matrix(2, Projected::keys)).norm() > 0.1);
  CHECK((matrix(1, Projected::keys) - matrix(1, Projected::values)).norm() > 0.1);
}
