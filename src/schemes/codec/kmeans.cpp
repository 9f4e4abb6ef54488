#include "schemes/codec/kmeans.hpp"

#include <algorithm>
#include <boost/random/uniform_01.hpp>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvfrontier::schemes {

using core::Index;
using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Squared distances by differences: exactly zero for equal points.
Eigen::ArrayXf squared_distances(core::RowsViewF points, Index to) {
  const Eigen::RowVectorXf centre = points.row(to);
  Eigen::ArrayXf squares(points.rows());
  for (Index i = 0; i < points.rows(); ++i) squares[i] = (points.row(i) - centre).squaredNorm();
  return squares;
}

// An index in proportion to `shares`, which do not all vanish.
Index drawn(const Eigen::ArrayXd& shares, core::Stream& coins) {
  double left = boost::random::uniform_01<double>()(coins) * shares.sum();
  Index last = 0;
  for (Index i = 0; i < shares.size(); ++i) {
    if (shares[i] <= 0) continue;
    last = i;
    if (left < shares[i]) break;
    left -= shares[i];
  }
  return last;
}

// The nearest centre of every point; ties fall to the first.
std::vector<Index> nearest(core::RowsViewF points, const RowMatrixF& centres) {
  constexpr Index block = 256;
  const Eigen::RowVectorXf half = 0.5f * centres.rowwise().squaredNorm().transpose();
  std::vector<Index> cluster(static_cast<std::size_t>(points.rows()));
  RowMatrixF scores;
  for (Index first = 0; first < points.rows(); first += block) {
    const Index count = std::min(block, points.rows() - first);
    scores.noalias() = points.middleRows(first, count) * centres.transpose();
    scores.rowwise() -= half;
    for (Index i = 0; i < count; ++i) scores.row(i).maxCoeff(&cluster[static_cast<std::size_t>(first + i)]);
  }
  return cluster;
}

// Gives every empty cluster the point that its own centre serves worst.
void fill_empty(core::RowsViewF points, std::span<const double> weights, const RowMatrixF& centres,
                std::vector<Index>& cluster) {
  std::vector<Index> members(static_cast<std::size_t>(centres.rows()));
  for (const Index c : cluster) ++members[static_cast<std::size_t>(c)];
  for (std::size_t empty = 0; empty < members.size(); ++empty) {
    if (members[empty] > 0) continue;
    std::size_t worst = 0;
    double most = -1;
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      if (members[static_cast<std::size_t>(cluster[i])] < 2) continue;
      const double cost =
          weights[i] * static_cast<double>((points.row(static_cast<Index>(i)) - centres.row(cluster[i])).squaredNorm());
      if (cost > most) {
        most = cost;
        worst = i;
      }
    }
    --members[static_cast<std::size_t>(cluster[worst])];
    cluster[worst] = static_cast<Index>(empty);
    ++members[empty];
  }
}

}  // namespace

std::vector<Index> kmeans_seeds(core::RowsViewF points, std::span<const double> weights, Index k, core::Stream& coins) {
  const Index candidates = 2 + static_cast<Index>(std::log(static_cast<double>(std::max<Index>(k, 1))));
  const Eigen::Map<const Eigen::ArrayXd> weight(weights.data(), points.rows());
  std::vector<Index> seeds;
  if (points.rows() == 0 || k == 0) return seeds;
  seeds.push_back(drawn(weight, coins));
  Eigen::ArrayXf distances = squared_distances(points, seeds.back());
  while (static_cast<Index>(seeds.size()) < k) {
    const Eigen::ArrayXd shares = weight * distances.cast<double>();
    if (!(shares.sum() > 0)) break;
    Index best = -1;
    double least = std::numeric_limits<double>::infinity();
    Eigen::ArrayXf best_distances;
    for (Index c = 0; c < candidates; ++c) {
      const Index candidate = drawn(shares, coins);
      const Eigen::ArrayXf reduced = distances.min(squared_distances(points, candidate));
      const double cost = (weight * reduced.cast<double>()).sum();
      if (cost < least) {
        least = cost;
        best = candidate;
        best_distances = reduced;
      }
    }
    seeds.push_back(best);
    distances = best_distances;
  }
  return seeds;
}

RowMatrixF cluster_means(core::RowsViewF rows, std::span<const double> weights, std::span<const Index> cluster,
                         Index clusters) {
  RowMatrixD sums = RowMatrixD::Zero(clusters, rows.cols());
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    sums.row(cluster[i]) += weights[i] * rows.row(static_cast<Index>(i)).cast<double>();
  }
  const std::vector<double> totals = cluster_weights(weights, cluster, clusters);
  RowMatrixF means(clusters, rows.cols());
  for (Index c = 0; c < clusters; ++c) means.row(c) = (sums.row(c) / totals[static_cast<std::size_t>(c)]).cast<float>();
  return means;
}

std::vector<double> cluster_weights(std::span<const double> weights, std::span<const Index> cluster, Index clusters) {
  std::vector<double> totals(static_cast<std::size_t>(clusters));
  for (std::size_t i = 0; i < cluster.size(); ++i) totals[static_cast<std::size_t>(cluster[i])] += weights[i];
  return totals;
}

Clustering kmeans(core::RowsViewF points, std::span<const double> weights, Index k, int rounds, core::Stream& coins) {
  Clustering found;
  if (k >= points.rows()) {
    found.centres = points;
    found.cluster.resize(weights.size());
    std::iota(found.cluster.begin(), found.cluster.end(), Index{0});
    return found;
  }
  const std::vector<Index> seeds = kmeans_seeds(points, weights, k, coins);
  found.centres.resize(static_cast<Index>(seeds.size()), points.cols());
  for (std::size_t c = 0; c < seeds.size(); ++c) found.centres.row(static_cast<Index>(c)) = points.row(seeds[c]);
  const auto assign = [&] {
    std::vector<Index> cluster = nearest(points, found.centres);
    fill_empty(points, weights, found.centres, cluster);
    return cluster;
  };
  found.cluster = assign();
  const auto move_centres = [&] {
    found.centres = cluster_means(points, weights, found.cluster, found.centres.rows());
  };
  for (int round = 0; round < rounds; ++round) {
    move_centres();
    std::vector<Index> cluster = assign();
    if (cluster == found.cluster) return found;
    found.cluster = std::move(cluster);
  }
  move_centres();
  return found;
}

}  // namespace kvfrontier::schemes
