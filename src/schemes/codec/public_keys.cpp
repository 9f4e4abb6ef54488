#include "schemes/codec/public_keys.hpp"

#include <algorithm>

#include "attention/attention.hpp"
#include "core/errors.hpp"

namespace kvfrontier::schemes {

Bits value_entries(const PublicParams& params) {
  return params.tokens() * params.d;
}

void require_public_keys(const PublicParams& params, const std::string& path) {
  if (params.keys_are_public) return;
  throw core::ConfigError(path, '"' + params.scheme + '"',
                          "a scheme that stores keys, because the keys of this instance are "
                          "not a function of public coins");
}

core::RowMatrixD PublicKeysDecoder::attend(core::RowsViewD queries) const {
  attention::SoftmaxAttention<double> attention(queries, params_.d);
  core::RowMatrixF keys;
  core::RowMatrixD block;
  for (Index first = 0; first < params_.tokens(); first += held_rows) {
    const Index count = std::min(held_rows, params_.tokens() - first);
    keys.resize(count, params_.d);
    params_.keys().rows(params_.coins, params_.tokens(), first, keys);
    block.resize(count, params_.d);
    values(first, block);
    attention.absorb(keys.cast<double>().eval(), block);
  }
  return attention.result();
}

}  // namespace kvfrontier::schemes
