#pragma once
// k-means over a stream. Whenever a block is full, the clusters so far, as weighted points, and the tokens of the block
// are reduced to k clusters. (Merge and reduce: Guha et al., FOCS 2000.)

#include "schemes/codec/kmeans.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

class StreamingClusters {
 public:
  struct Shape {
    Index d, slots, block;  // width of keys, k, tokens that are collected before slots are formed anew
    int rounds;             // of Lloyd's algorithm, at most
    core::Coins coins;      // the public coins
  };
  StreamingClusters(const Shape& shape, Index value_width);

  // The next token: `d` and `value_width` floats, which are copied.
  void add(const float* key, const float* value);
  // Reduces what is held to at most `slots` clusters.
  void reduce();

  // Clusters and single tokens held now; the rows of keys() and values().
  Index filled() const { return filled_; }
  core::RowsViewF keys() const { return keys_.topRows(filled_); }
  core::RowsViewF values() const { return values_.topRows(filled_); }
  double weight(Index slot) const { return weights_[slot]; }  // tokens of a cluster

 private:
  Shape shape_;
  core::RowMatrixF keys_, values_;  // slots, then the tokens of the block
  std::vector<double> weights_;
  Index filled_ = 0;
  std::uint64_t reductions_ = 0;
};

// The clusters of all public keys, reduced, as Bob finds them; their values have width 0.
StreamingClusters public_clusters(const PublicParams& params, const StreamingClusters::Shape& shape);

}  // namespace kvfrontier::schemes
