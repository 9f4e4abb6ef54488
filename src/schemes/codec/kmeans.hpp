#pragma once
// Clustering of weighted points: greedy k-means++ seeding, then Lloyd's rounds. The result is a function of the
// arguments and of the coins, so two parties who know the points find the same clusters.

#include <span>
#include <vector>

#include "core/matrix.hpp"
#include "core/rng.hpp"

namespace kvfrontier::schemes {

// No cluster is empty, and its centre is the weighted mean of its points.
struct Clustering {
  core::RowMatrixF centres;          // one row a cluster
  std::vector<core::Index> cluster;  // of every point
};

// At most k points (row numbers) as first centres. The first is drawn in proportion to weight; every other is the best
// of 2 + floor(ln k) candidates, drawn in proportion to weight times squared distance to the centres so far. Fewer than
// k only when every point coincides with a centre. (Arthur and Vassilvitskii 2007; greedy as in their conclusion.)
std::vector<core::Index> kmeans_seeds(core::RowsViewF points, std::span<const double> weights, core::Index k,
                                      core::Stream& coins);

// At most k clusters of n weighted points (n x d, weights > 0), after at most `rounds` of Lloyd's rounds. If k >= n,
// every point is its own centre. If at most k points are distinct, they are the centres, exactly. O(n k d (rounds +
// ln k)).
Clustering kmeans(core::RowsViewF points, std::span<const double> weights, core::Index k, int rounds,
                  core::Stream& coins);

// Bytes that clustering n points takes beyond points and centres: seeding remembers distances, in at most 256 MiB.
double kmeans_workspace_bytes(core::Index points);

// Weighted means of rows over clusters, summed in double.
core::RowMatrixF cluster_means(core::RowsViewF rows, std::span<const double> weights,
                               std::span<const core::Index> cluster, core::Index clusters);
// The sum of the weights of every cluster.
std::vector<double> cluster_weights(std::span<const double> weights, std::span<const core::Index> cluster,
                                    core::Index clusters);

}  // namespace kvfrontier::schemes
