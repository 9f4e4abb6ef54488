#pragma once
// k-means over a stream: the clusters so far, as weighted points, and the tokens since are reduced to k whenever a
// block is full. (Merge and reduce: Guha et al., FOCS 2000.)

#include "schemes/codec/kmeans.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

class StreamingClusters {
 public:
  struct Shape {
    Index d, slots, block;  // width of keys, k, tokens that are collected before slots are formed anew
    int rounds;             // of Lloyd
    core::RandomKey key;    // the public coins
  };
  StreamingClusters(const Shape& shape, Index value_width);

  void add(const float* key, const float* value);
  // Down to `slots` clusters.
  void reduce();

  Index filled() const { return filled_; }
  core::RowsViewF keys() const { return keys_.topRows(filled_); }
  core::RowsViewF values() const { return values_.topRows(filled_); }
  double weight(Index slot) const { return weights_[static_cast<std::size_t>(slot)]; }  // tokens of a cluster

 private:
  Shape shape_;
  core::RowMatrixF keys_, values_;  // slots, then the tokens of the block
  std::vector<double> weights_;
  Index filled_ = 0;
  std::uint64_t reductions_ = 0;
};

// The clusters of all public keys, reduced, as Bob finds them; values have width 0.
StreamingClusters public_clusters(const PublicParams& params, const StreamingClusters::Shape& shape);

}  // namespace kvfrontier::schemes
