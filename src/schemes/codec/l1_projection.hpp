#pragma once
// Projection on the l1 ball, and the bi-level map on the ball of the l1,1 norm that drops whole groups.

#include <vector>

#include "core/matrix.hpp"
#include "core/members.hpp"

namespace kvfrontier::schemes {

using core::Index;

// Magnitudes sorted once, so that thresholds for many radii cost O(log n) each.
class SortedMagnitudes {
 public:
  explicit SortedMagnitudes(std::vector<double> entries);
  double norm() const { return sums_.empty() ? 0 : sums_.back(); }

  // The t >= 0 for which sum max(|x| - t, 0) = radius; 0 inside the ball. radius >= 0; radius 0: the largest magnitude.
  // Soft thresholding by it is the Euclidean projection. (Held, Wolfe and Crowder 1974; Duchi et al. 2008.)
  double threshold(double radius) const;
  // How many magnitudes lie above t.
  Index count_above(double t) const;

 private:
  std::vector<double> sorted_, sums_;  // descending, and their running sums
};

enum class Projection { bilevel, flat };

// One soft threshold for each row of `groups`, for the ball of radius `radius` of the sum of all magnitudes.
//   bilevel: the rows' l1 norms are projected on the ball first, and then every row on the ball of its share: rows of
//     small norm vanish completely. Feasible, but not the nearest point. (Gille et al., arXiv 2209.04448.)
//   flat: the Euclidean projection, one threshold for all.
class GroupProjection {
 public:
  GroupProjection(const core::RowMatrixF& groups, Projection projection);
  double norm() const { return norms_.norm(); }
  std::vector<double> thresholds(double radius) const;
  // Entries of row `group` above its threshold.
  Index count_above(Index group, double threshold) const { return rows_[group].count_above(threshold); }

 private:
  Projection projection_;
  std::vector<SortedMagnitudes> rows_;
  SortedMagnitudes norms_, all_;
};

}  // namespace kvfrontier::schemes

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::Projection> {
  static constexpr std::array names{"bilevel", "flat"};
};
