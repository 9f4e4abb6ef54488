#include "schemes/codec/pyramid_graph.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace kvfrontier::schemes {

PyramidGraph::PyramidGraph(const geometry::Schedule& schedule, bool grid) : neighbours_(schedule.tokens()) {
  const auto connect = [&](Index a, Index b) {
    neighbours_[a].push_back(b);
    if (a != b) neighbours_[b].push_back(a);
  };
  for (int map = 0; map < schedule.map_count(); ++map) {
    const int side = schedule.sides()[map];
    const Index first = schedule.first_token(map);
    for (int i = 0; i < side; ++i) {
      for (int j = 0; j < side; ++j) {
        const Index node = first + Index{i} * side + j;
        connect(node, node);
        if (grid && i > 0) connect(node, node - side);
        if (grid && j > 0) connect(node, node - 1);
        if (map == 0) continue;
        const int coarse = schedule.sides()[map - 1];
        connect(node, schedule.first_token(map - 1) + Index{parent_cell(i, coarse, side)} * coarse +
                          parent_cell(j, coarse, side));
      }
    }
  }
  for (auto& list : neighbours_) std::sort(list.begin(), list.end());
}

SparseRows PyramidGraph::normalised_adjacency() const {
  std::vector<Eigen::Triplet<double>> entries;
  for (Index a = 0; a < nodes(); ++a) {
    for (const Index b : neighbours(a)) entries.emplace_back(a, b, 1 / std::sqrt(degree(a) * degree(b)));
  }
  SparseRows matrix(nodes(), nodes());
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

SparseRows PyramidGraph::laplacian() const {
  std::vector<Eigen::Triplet<double>> entries;
  for (Index a = 0; a < nodes(); ++a) {
    for (const Index b : neighbours(a)) entries.emplace_back(a, b, a == b ? degree(a) - 1 : -1);
  }
  SparseRows matrix(nodes(), nodes());
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

std::vector<Index> PyramidGraph::ball(Index centre, int hops) const {
  std::vector<Index> reached{centre};
  for (int hop = 0; hop < hops; ++hop) {
    std::vector<Index> wider;
    for (const Index node : reached) wider.insert(wider.end(), neighbours(node).begin(), neighbours(node).end());
    std::sort(wider.begin(), wider.end());
    wider.erase(std::unique(wider.begin(), wider.end()), wider.end());
    if (wider.size() == reached.size()) break;
    reached = std::move(wider);
  }
  return reached;
}

std::vector<Index> PyramidGraph::nearest(const std::vector<Index>& sources) const {
  std::vector<Index> owner(nodes(), -1);
  std::deque<Index> front(sources.begin(), sources.end());
  for (const Index source : sources) owner[source] = source;
  while (!front.empty()) {
    const Index node = front.front();
    front.pop_front();
    for (const Index next : neighbours(node)) {
      if (owner[next] >= 0) continue;
      owner[next] = owner[node];
      front.push_back(next);
    }
  }
  return owner;
}

}  // namespace kvfrontier::schemes
