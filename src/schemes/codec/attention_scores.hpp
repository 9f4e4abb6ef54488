#pragma once
// Scores of tokens by the attention they receive. A stream has no queries, so every token comes with a stand-in for its
// own: a surrogate, named by option `proxy`.

#include <vector>

#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

// k2k: the token's own key at norm tau; random: one public random direction a token at norm tau.
core::Option proxy_option();

class ProxyQuery {
 public:
  explicit ProxyQuery(const PublicParams& params);
  // The stand-in for the query of `token`; valid until the next call.
  const Eigen::RowVectorXf& of(Index token, const float* key);

 private:
  bool random_;
  float norm_;
  core::RandomKey key_;
  Eigen::RowVectorXf query_;
};

// scores[i] += softmax over the rows of `keys`, summed over the rows of `queries`. `logits` is scratch space.
void add_attention(core::RowsViewF keys, core::RowsViewF queries, core::RowMatrixF& logits,
                   std::vector<double>& scores);

}  // namespace kvfrontier::schemes
