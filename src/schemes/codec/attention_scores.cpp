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

void add_attention(core::RowsViewF keys, core::RowsViewF queries, core::RowMatrixF& logits,
                   std::vector<double>& scores) {
  logits.noalias() = queries * keys.transpose();
  Eigen::Map<Eigen::RowVectorXd> total(scores.data(), keys.rows());
  for (Index q = 0; q < logits.rows(); ++q) {
    auto row = logits.row(q);
    row = (row.array() - row.maxCoeff()).exp();
    total += (1 / row.sum() * row).cast<double>();
  }
}

}  // namespace kvfrontier::schemes
