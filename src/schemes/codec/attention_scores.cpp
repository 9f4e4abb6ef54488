#include "schemes/codec/attention_scores.hpp"

#include <algorithm>
#include <boost/random/normal_distribution.hpp>

#include "core/rng.hpp"

namespace kvfrontier::schemes {

core::Option proxy_option() {
  return core::Option::choice(
      "proxy", "k2k", {"k2k", "random"},
      "stand-in for the stream's queries: k2k = each token's own key at norm tau, random = one public random direction "
      "a token at norm tau");
}

ProxyQuery::ProxyQuery(const PublicParams& params)
    : random_(params.options.at("proxy") == "random"),
      norm_(static_cast<float>(params.tau)),
      key_(params.key),
      query_(params.d) {}

const Eigen::RowVectorXf& ProxyQuery::of(Index token, const float* key) {
  if (random_) {
    core::Stream stream(key_, core::Purpose("h2o/proxy"), static_cast<std::uint64_t>(token));
    boost::random::normal_distribution<double> normal;
    for (float& x : query_) x = static_cast<float>(normal(stream));
  } else {
    query_ = Eigen::Map<const Eigen::RowVectorXf>(key, query_.size());
  }
  const float norm = query_.norm();
  if (norm > 0) query_ *= norm_ / norm;
  return query_;
}

namespace {

// total[i] += weight[q] row_q[i] for `count` rows of `length` that follow each other, row after row: what a pass over
// `total` costs is shared by them, and sums stay what they are row by row.
template <int count>
void add_rows(const float* rows, const float* weights, Index length, double* total) {
  for (Index i = 0; i < length; ++i) {
    double sum = total[i];
    for (int q = 0; q < count; ++q) sum += static_cast<double>(weights[q] * rows[q * length + i]);
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
    const int count = static_cast<int>(std::min<Index>(together, logits.rows() - q));
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
