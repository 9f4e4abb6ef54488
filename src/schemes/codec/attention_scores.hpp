#pragma once
// Scores of tokens by the attention they receive. A stream has no queries, so a surrogate, which the option `proxy`
// names, takes the place of every token's query.

#include <vector>

#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

// k2k: the token's own key at norm tau; random: one public random direction a token at norm tau.
enum class Proxy { k2k, random };
template <class T>
core::Member<T> proxy_member(Proxy T::*place) {
  return core::member("proxy", place,
                      "stand-in for the stream's queries: k2k = each token's own key at norm tau, random = one public "
                      "random direction a token at norm tau");
}

class ProxyQuery {
 public:
  ProxyQuery(Proxy proxy, const PublicParams& params);
  // What replaces the query of `token`; valid until the next call.
  const Eigen::RowVectorXf& of(Index token, const float* key);

 private:
  Proxy proxy_;
  float norm_;
  core::Coins coins_;
  Eigen::RowVectorXf query_;
};

// scores[i] += softmax over the rows of `keys`, summed over the rows of `queries`. `logits` is scratch space.
void add_attention(core::RowsViewF keys, core::RowsViewF queries, core::RowMatrixF& logits,
                   std::vector<double>& scores);

}  // namespace kvfrontier::schemes

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::Proxy> {
  static constexpr std::array names{"k2k", "random"};
};
