#include "schemes/codec/kmeans.hpp"

#include <algorithm>
#include <array>
#include <boost/random/uniform_01.hpp>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvfrontier::schemes {

using core::Index;
using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Seeding remembers all distances between at most so many points: a table of 256 MiB.
constexpr Index most_remembered = 8192;

// Squared distances from one point to all, computed from differences, so exactly zero for equal points. A point that is
// asked for repeatedly, as candidates of seeding are, is measured once, and pairs are measured from one side only.
class Distances {
 public:
  // `asked`: about how many points will be asked for.
  Distances(core::RowsViewF points, Index asked) : points_(points) {
    const Index n = points.rows();
    if (n > most_remembered) return;
    measured_.resize(n);
    table_.resize(n, n);
    if (asked >= n) measure_all();
  }

  // One number for each point. Valid until the next call with the same `place`, of which there are few.
  const float* from(Index point, Index place) {
    if (measured_.empty()) {
      if (std::ssize(scratch_) <= place) scratch_.resize(place + 1);
      scratch_[place].resize(points_.rows());
      measure(point, scratch_[place].data());
      return scratch_[place].data();
    }
    float* row = table_.row(point).data();
    if (!measured_[point]) measure(point, row);
    measured_[point] = true;
    return row;
  }

 private:
  // In tiles, because the entries of a column are a whole row apart in memory.
  void measure_all() {
    constexpr Index tile = 64;
    const Index n = points_.rows();
    for (Index top = 0; top < n; top += tile) {
      for (Index left = 0; left <= top; left += tile) {
        for (Index point = top; point < std::min(top + tile, n); ++point) {
          const Eigen::RowVectorXf centre = points_.row(point);
          for (Index i = left; i <= std::min(left + tile - 1, point); ++i)
            table_(point, i) = table_(i, point) = (points_.row(i) - centre).squaredNorm();
        }
      }
    }
    measured_.assign(measured_.size(), true);
  }
  void measure(Index point, float* out) const {
    const Eigen::RowVectorXf centre = points_.row(point);
    for (Index i = 0; i < points_.rows(); ++i) {
      const bool known = !measured_.empty() && measured_[i];
      out[i] = known ? table_(i, point) : (points_.row(i) - centre).squaredNorm();
    }
  }

  core::RowsViewF points_;
  std::vector<bool> measured_;
  RowMatrixF table_;
  std::vector<Eigen::ArrayXf> scratch_;
};

// Candidates for a seed that are considered side by side.
constexpr Index lanes = 12;
using Lanes = Eigen::Array<double, lanes, 1>;

// Draws `count` places in proportion to `shares`, which are not negative and do not all vanish; the other entries mean
// nothing. All draws walk along the shares at once, because each walk is a chain of dependent differences.
std::array<Index, lanes> drawn(const Eigen::ArrayXd& shares, double total, Index count, core::Stream& coins) {
  constexpr double arrived = std::numeric_limits<double>::infinity();
  Lanes left = Lanes::Constant(arrived);
  for (Index lane = 0; lane < count; ++lane) left[lane] = boost::random::uniform_01<double>()(coins) * total;
  std::array<Index, lanes> places{};
  // A walk arrives where the rest of its way is less than the share, so that the rest would turn negative. Most
  // stretches have no arrival; only those that have one are walked step by step.
  constexpr Index stretch = 64;
  for (Index first = 0; first < shares.size(); first += stretch) {
    const Index end = std::min(first + stretch, shares.size());
    Lanes rest = left;
    for (Index i = first; i < end; ++i) rest -= shares[i];
    for (Index lane = 0; lane < count; ++lane) {
      if (!(rest[lane] < 0)) continue;
      Index place = first;
      for (double way = left[lane]; !(way < shares[place]); ++place) way -= shares[place];
      places[lane] = place;
      rest[lane] = arrived;
    }
    left = rest;
    if ((left.head(count) == arrived).all()) return places;
  }
  Index last = shares.size() - 1;
  while (shares[last] <= 0) --last;
  for (Index lane = 0; lane < count; ++lane) {
    if (left[lane] < arrived) places[lane] = last;  // what rounding left over
  }
  return places;
}

// The weighted cost if the point with distances rows[lane] were a centre too, for each of the first `count` lanes.
// Weights are counts, so every term is exact in double, and so are sums of terms that do not differ too much; their
// order does not matter.
Lanes costs(const Eigen::Map<const Eigen::ArrayXd>& weight, const Eigen::ArrayXf& distances,
            const std::array<const float*, lanes>& rows, Index count) {
  constexpr Index group = 4;
  static_assert(lanes % group == 0);
  Lanes list = Lanes::Zero();
  for (Index lane = 0; lane < count; lane += group) {
    const float *a = rows[lane], *b = rows[lane + 1], *c = rows[lane + 2], *d = rows[lane + 3];
    const float* held = distances.data();
    const double* each = weight.data();
    double sum_a = 0, sum_b = 0, sum_c = 0, sum_d = 0;
#pragma omp simd reduction(+ : sum_a, sum_b, sum_c, sum_d)
    for (Index i = 0; i < distances.size(); ++i) {
      sum_a += each[i] * (a[i] < held[i] ? a[i] : held[i]);
      sum_b += each[i] * (b[i] < held[i] ? b[i] : held[i]);
      sum_c += each[i] * (c[i] < held[i] ? c[i] : held[i]);
      sum_d += each[i] * (d[i] < held[i] ? d[i] : held[i]);
    }
    list.segment<group>(lane) << sum_a, sum_b, sum_c, sum_d;
  }
  return list;
}

// The nearest centre of every point; of equally near ones the first.
std::vector<Index> nearest(core::RowsViewF points, const RowMatrixF& centres) {
  constexpr Index block = 256;
  const Eigen::RowVectorXf half = 0.5f * centres.rowwise().squaredNorm().transpose();
  std::vector<Index> cluster(points.rows());
  RowMatrixF scores;
  for (Index first = 0; first < points.rows(); first += block) {
    const Index count = std::min(block, points.rows() - first);
    scores.noalias() = points.middleRows(first, count) * centres.transpose();
    scores.rowwise() -= half;
    for (Index i = 0; i < count; ++i) {
      // First the largest, then its place: compilers make these two passes fast, but not one pass that does both.
      const float *row = scores.row(i).data(), *end = row + scores.cols();
      const float* found = std::find(row, end, scores.row(i).maxCoeff());
      cluster[first + i] = found == end ? 0 : found - row;  // nothing is nearest to a NaN
    }
  }
  return cluster;
}

// Moves into every empty cluster the point with the largest cost in its own cluster.
void fill_empty(core::RowsViewF points, std::span<const double> weights, const RowMatrixF& centres,
                std::vector<Index>& cluster) {
  std::vector<Index> members(centres.rows());
  for (const Index c : cluster) ++members[c];
  for (Index empty = 0; empty < std::ssize(members); ++empty) {
    if (members[empty] > 0) continue;
    Index worst = 0;
    double most = -1;
    for (Index i = 0; i < std::ssize(cluster); ++i) {
      if (members[cluster[i]] < 2) continue;
      const double cost = weights[i] * (points.row(i) - centres.row(cluster[i])).squaredNorm();
      if (cost > most) {
        most = cost;
        worst = i;
      }
    }
    --members[cluster[worst]];
    cluster[worst] = empty;
    ++members[empty];
  }
}

}  // namespace

double kmeans_workspace_bytes(Index points) {
  const double n = points;
  return sizeof(float) * n * (points <= most_remembered ? n : lanes);
}

std::vector<Index> kmeans_seeds(core::RowsViewF points, std::span<const double> weights, Index k, core::Stream& coins) {
  const Index candidates = 2 + static_cast<Index>(std::log(std::max<Index>(k, 1)));
  const Eigen::Map<const Eigen::ArrayXd> weight(weights.data(), points.rows());
  std::vector<Index> seeds;
  if (points.rows() == 0 || k == 0) return seeds;
  seeds.push_back(drawn(weight, weight.sum(), 1, coins)[0]);
  Distances measured(points, k * candidates);
  Eigen::ArrayXf distances = Eigen::Map<const Eigen::ArrayXf>(measured.from(seeds.back(), 0), points.rows());
  Eigen::ArrayXd shares;
  while (std::ssize(seeds) < k) {
    shares = weight * distances.cast<double>();
    const double total = shares.sum();
    if (!(total > 0)) break;
    Index best = -1;
    double least = std::numeric_limits<double>::infinity();
    for (Index first = 0; first < candidates; first += lanes) {
      const Index count = std::min(lanes, candidates - first);
      const auto places = drawn(shares, total, count, coins);
      std::array<const float*, lanes> rows;
      for (Index lane = 0; lane < lanes; ++lane)
        rows[lane] = lane < count ? measured.from(places[lane], lane) : rows[0];
      const Lanes cost = costs(weight, distances, rows, count);
      for (Index lane = 0; lane < count; ++lane) {
        if (cost[lane] >= least) continue;
        least = cost[lane];
        best = places[lane];
      }
    }
    seeds.push_back(best);
    distances = distances.min(Eigen::Map<const Eigen::ArrayXf>(measured.from(best, 0), points.rows()));
  }
  return seeds;
}

RowMatrixF cluster_means(core::RowsViewF rows, std::span<const double> weights, std::span<const Index> cluster,
                         Index clusters) {
  RowMatrixD sums = RowMatrixD::Zero(clusters, rows.cols());
  for (Index i = 0; i < std::ssize(cluster); ++i) {
    sums.row(cluster[i]) += weights[i] * rows.row(i).cast<double>();
  }
  const std::vector<double> totals = cluster_weights(weights, cluster, clusters);
  RowMatrixF means(clusters, rows.cols());
  for (Index c = 0; c < clusters; ++c) means.row(c) = (sums.row(c) / totals[c]).cast<float>();
  return means;
}

std::vector<double> cluster_weights(std::span<const double> weights, std::span<const Index> cluster, Index clusters) {
  std::vector<double> totals(clusters);
  for (Index i = 0; i < std::ssize(cluster); ++i) totals[cluster[i]] += weights[i];
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
  found.centres.resize(std::ssize(seeds), points.cols());
  for (Index c = 0; c < std::ssize(seeds); ++c) found.centres.row(c) = points.row(seeds[c]);
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
