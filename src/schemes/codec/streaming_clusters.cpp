#include "schemes/codec/streaming_clusters.hpp"

#include <algorithm>

namespace kvfrontier::schemes {

StreamingClusters::StreamingClusters(const Shape& shape, Index value_width)
    : shape_(shape),
      keys_(shape.slots + shape.block, shape.d),
      values_(shape.slots + shape.block, value_width),
      weights_(shape.slots + shape.block) {}

void StreamingClusters::add(const float* key, const float* value) {
  keys_.row(filled_) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
  values_.row(filled_) = Eigen::Map<const Eigen::RowVectorXf>(value, values_.cols());
  weights_[filled_] = 1;
  ++filled_;
  if (filled_ == keys_.rows()) reduce();
}

void StreamingClusters::reduce() {
  if (filled_ <= shape_.slots) return;
  core::Stream coins(shape_.coins, core::Purpose("kmeans/seeds"), reductions_++);
  const std::span<const double> weights(weights_.data(), filled_);
  const Clustering found = kmeans(keys_.topRows(filled_), weights, shape_.slots, shape_.rounds, coins);
  const Index clusters = found.centres.rows();
  const core::RowMatrixF means = cluster_means(values_.topRows(filled_), weights, found.cluster, clusters);
  const std::vector<double> totals = cluster_weights(weights, found.cluster, clusters);
  keys_.topRows(clusters) = found.centres;
  values_.topRows(clusters) = means;
  std::copy(totals.begin(), totals.end(), weights_.begin());
  filled_ = clusters;
}

StreamingClusters public_clusters(const PublicParams& params, const StreamingClusters::Shape& shape) {
  constexpr Index held = 1024;
  StreamingClusters clusters(shape, 0);
  core::RowMatrixF keys;
  for (Index first = 0; first < params.tokens(); first += held) {
    keys.resize(std::min(held, params.tokens() - first), params.d);
    params.keys().rows(params.coins, params.tokens(), first, keys);
    for (Index i = 0; i < keys.rows(); ++i) clusters.add(keys.row(i).data(), nullptr);
  }
  clusters.reduce();
  return clusters;
}

}  // namespace kvfrontier::schemes
