#pragma once
// Public projections: a model makes keys and values from one hidden row x, K = X W_K and V = X W_V. Both parties draw
// the weights from the public coins; only Alice has the hidden rows.

#include "core/matrix.hpp"
#include "core/members.hpp"
#include "core/rng.hpp"

namespace kvfrontier::geometry {

using core::Index;

// Weights W = L diag(s) R with s_j proportional to decay^j and |s| = 1, so that E|x W|^2 = 1 for x ~ N(0, I).
struct Projection {
  Index width = 0;   // D, entries of a hidden row
  double decay = 1;  // of the singular values, in (0, 1]

  static core::MemberList<Projection> members() {
    return {core::member("width", &Projection::width, "entries of a hidden row"),
            core::member("decay", &Projection::decay, "ratio of successive singular values of the weights")};
  }
};

// One factored D x d matrix of rank r = min(D, d).
struct Weights {
  core::RowMatrixD left;     // D x r, orthonormal columns
  Eigen::VectorXd singular;  // r, descending
  core::RowMatrixD right;    // r x d, orthonormal rows
  core::RowMatrixD matrix() const { return left * singular.asDiagonal() * right; }
};

enum class Projected { keys, values };

// W_K or W_V, functions of the public coins `coins`, independent of each other. O((D + d) r^2).
Weights projection_weights(core::Coins coins, const Projection& projection, Index d, Projected which);

}  // namespace kvfrontier::geometry
