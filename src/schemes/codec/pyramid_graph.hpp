#pragma once
// The public graph of the cached tokens. Edges join every token to itself, to the cell of the previous map that
// contains it, and to its four neighbours in its own map.

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

  Index nodes() const { return std::ssize(neighbours_); }
  // Ascending, the node itself included.
  const std::vector<Index>& neighbours(Index node) const { return neighbours_[node]; }
  double degree(Index node) const { return std::ssize(neighbours(node)); }

  // D^-1/2 A D^-1/2 with the degrees that count the node itself.
  SparseRows normalised_adjacency() const;
  // D - A; the loops cancel.
  SparseRows laplacian() const;
  // Nodes within `hops` edges, ascending.
  std::vector<Index> ball(Index centre, int hops) const;
  // For every node, the nearest of `sources` (ascending) by number of edges, or -1 if no path leads to any. Among
  // equals the one that a breadth-first search from all sources, smaller ones first, reaches it from.
  std::vector<Index> nearest(const std::vector<Index>& sources) const;

 private:
  std::vector<std::vector<Index>> neighbours_;
};

// The cell of the map with `coarse` cells a side that cell `at` of `fine` lies in, along one axis.
constexpr int parent_cell(int at, int coarse, int fine) {
  return at * coarse / fine;
}

}  // namespace kvfrontier::schemes
