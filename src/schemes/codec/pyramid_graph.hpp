#pragma once
// The public graph of the cached tokens: each with itself, with the cell of the map before that it lies in, and with
// its four neighbours in its own map.

#include <Eigen/SparseCore>
#include <vector>

#include "geometry/schedule.hpp"

namespace kvfrontier::schemes {

using core::Index;
using SparseRows = Eigen::SparseMatrix<double, Eigen::RowMajor>;

class PyramidGraph {
 public:
  // `grid`: neighbours inside a map are connected.
  PyramidGraph(const geometry::Schedule& schedule, bool grid);

  Index nodes() const { return static_cast<Index>(neighbours_.size()); }
  // Ascending, the node itself included.
  const std::vector<Index>& neighbours(Index node) const { return neighbours_[static_cast<std::size_t>(node)]; }
  double degree(Index node) const { return static_cast<double>(neighbours(node).size()); }

  // D^-1/2 A D^-1/2 with the degrees that count the node itself.
  SparseRows normalised_adjacency() const;
  // D - A, which the loops do not change.
  SparseRows laplacian() const;
  // Nodes within `hops` edges, ascending.
  std::vector<Index> ball(Index centre, int hops) const;
  // The nearest of `sources` (ascending) to every node by edges; among equals the one whose front arrives first, fronts
  // of smaller sources first.
  std::vector<Index> nearest(const std::vector<Index>& sources) const;

 private:
  std::vector<std::vector<Index>> neighbours_;
};

// The cell of the map with `coarse` cells a side that cell `at` of `fine` lies in, along one axis.
constexpr int parent_cell(int at, int coarse, int fine) {
  return at * coarse / fine;
}

}  // namespace kvfrontier::schemes
