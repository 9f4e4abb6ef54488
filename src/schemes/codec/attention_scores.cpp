#include "schemes/codec/attention_scores.hpp"

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

const Eigen::VectorXf& ProxyQuery::of(Index token, const float* key) {
  if (random_) {
    core::Stream stream(key_, core::Purpose("h2o/proxy"), static_cast<std::uint64_t>(token));
    boost::random::normal_distribution<double> normal;
    for (float& x : query_) x = static_cast<float>(normal(stream));
  } else {
    query_ = Eigen::Map<const Eigen::VectorXf>(key, query_.size());
  }
  const float norm = query_.norm();
  if (norm > 0) query_ *= norm_ / norm;
  return query_;
}

void add_attention(const core::RowMatrixF& keys, Index held, const Eigen::VectorXf& query, Eigen::VectorXf& logits,
                   std::vector<double>& scores) {
  logits.noalias() = keys.topRows(held) * query;
  logits = (logits.array() - logits.maxCoeff()).exp();
  const float scale = 1.0f / logits.sum();
  for (Index i = 0; i < held; ++i) scores[static_cast<std::size_t>(i)] += scale * logits[i];
}

}  // namespace kvfrontier::schemes
