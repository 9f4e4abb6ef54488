#include "schemes/codec/attention_scores.hpp"

#include <algorithm>
#include <boost/random/normal_distribution.hpp>

#include "core/rng.hpp"

namespace kvfrontier::schemes {

ProxyQuery::ProxyQuery(Proxy proxy, const PublicParams& params)
    : proxy_(proxy), norm_(params.tau), coins_(params.coins), query_(params.d) {}

const Eigen::RowVectorXf& ProxyQuery::of(Index token, const float* key) {
  if (proxy_ == Proxy::random) {
    core::Stream stream(coins_, core::Purpose("h2o/proxy"), token);
    boost::random::normal_distribution<double> normal;
    for (float& x : query_) x = normal(stream);
  } else {
    query_ = Eigen::Map<const Eigen::RowVectorXf>(key, query_.size());
  }
  const float norm = query_.norm();
  if (norm > 0) query_ *= norm_ / norm;
  return query_;
}

namespace {

// total[i] += weight[q] row_q[i] for `count` consecutive rows of `length` entries, in order: the rows share the cost of
// one pass over `total`, and the sums are the same as row by row.
template <int count>
void add_rows(const float* rows, const float* weights, Index length, double* total) {
  for (Index i = 0; i < length; ++i) {
    double sum = total[i];
    for (int q = 0; q < count; ++q) sum += weights[q] * rows[q * length + i];
    total[i] = sum;
  }
}

}  // namespace

void add_attention(core::RowsViewF keys, core::RowsViewF queries, core::RowMatrixF& logits,
                   std::vector<double>& scores) {
  constexpr int together = 4;
  logits.noalias() = queries * keys.transpose();
  const Index length = logits.cols();
  for (Index q = 0; q < logits.rows(); q += together) {
    float weights[together];
    const int count = std::min<Index>(together, logits.rows() - q);
    for (int i = 0; i < count; ++i) {
      auto row = logits.row(q + i);
      row = (row.array() - row.maxCoeff()).exp();
      weights[i] = 1 / row.sum();
    }
    if (count == together) {
      add_rows<together>(logits.row(q).data(), weights, length, scores.data());
    } else {
      for (int i = 0; i < count; ++i) add_rows<1>(logits.row(q + i).data(), weights + i, length, scores.data());
    }
  }
}

}  // namespace kvfrontier::schemes
