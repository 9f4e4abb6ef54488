#include "schemes/codec/kept_rows.hpp"

#include <algorithm>
#include <numeric>

#include "attention/attention.hpp"

namespace kvfrontier::schemes {

KeptRows::KeptRows(const RowFormat& format, Index capacity) : format_(format) {
  tokens_.reserve(capacity);
  values_.reserve(capacity * format.d);
  if (format.stored_keys) keys_.reserve(capacity * format.d);
}

void KeptRows::store(Index slot, Index token, const float* key, const float* value) {
  tokens_[slot] = token;
  const Index d = format_.d;
  core::store_floats(format_.format, value, values_.data() + slot * d, d);
  if (format_.stored_keys) core::store_floats(format_.format, key, keys_.data() + slot * d, d);
}

Index KeptRows::add(Index token, const float* key, const float* value) {
  const Index slot = count();
  tokens_.push_back(token);
  values_.resize(tokens_.size() * format_.d);
  if (format_.stored_keys) keys_.resize(values_.size());
  store(slot, token, key, value);
  return slot;
}

void KeptRows::replace(Index slot, Index token, const float* key, const float* value) {
  store(slot, token, key, value);
}

void KeptRows::write(core::BitWriter& writer) const {
  std::vector<Index> order = all_tokens(count());
  const auto earlier = [&](Index a, Index b) { return tokens_[a] < tokens_[b]; };
  if (!std::is_sorted(tokens_.begin(), tokens_.end())) std::sort(order.begin(), order.end(), earlier);
  const Index d = format_.d;
  writer.reserve(bits());
  if (format_.stored_keys) {
    writer.section("keys");
    for (const Index slot : order) core::put_floats(writer, format_.format, keys_.data() + slot * d, d);
  }
  writer.section("values");
  for (const Index slot : order) core::put_floats(writer, format_.format, values_.data() + slot * d, d);
}

KeptRowsDecoder::KeptRowsDecoder(const RowFormat& format, const PublicParams& params, core::BitReader& reader,
                                 Index count, std::span<const Index> tokens)
    : values_(count, params.d) {
  if (format.stored_keys) {
    keys_.resize(count, params.d);
    core::get_floats(reader, format.format, keys_.data(), keys_.size());
  } else {
    keys_ = public_keys(params, tokens);
  }
  core::get_floats(reader, format.format, values_.data(), values_.size());
}

core::RowMatrixD KeptRowsDecoder::attend(core::RowsViewD queries) const {
  return attend_rows(queries, keys_, values_);
}

core::RowMatrixF public_keys(const PublicParams& params, std::span<const Index> tokens) {
  core::RowMatrixF keys(std::ssize(tokens), params.d);
  const geometry::Embedding& embedding = params.keys();
  Index row = 0;
  while (row < keys.rows()) {
    Index run = 1;
    const Index first = tokens[row];
    while (row + run < keys.rows() && tokens[row + run] == first + run) ++run;
    embedding.rows(params.coins, params.tokens(), first, keys.middleRows(row, run));
    row += run;
  }
  return keys;
}

core::RowMatrixD attend_rows(core::RowsViewD queries, core::RowsViewF keys, core::RowsViewF values) {
  constexpr Index block = 1024;
  attention::SoftmaxAttention<double> attention(queries, values.cols());
  for (Index first = 0; first < keys.rows(); first += block) {
    const Index count = std::min(block, keys.rows() - first);
    attention.absorb(keys.middleRows(first, count).cast<double>().eval(),
                     values.middleRows(first, count).cast<double>().eval());
  }
  return attention.result();
}

core::RowMatrixD attend_rotated_rows(core::RowsViewD queries, core::RowsViewF keys, core::RowsViewF values,
                                     const core::RowMatrixD& key_rotation, const core::RowMatrixD& value_rotation) {
  const core::RowMatrixD turned =
      key_rotation.size() > 0 ? core::RowMatrixD(queries * key_rotation) : core::RowMatrixD(queries);
  const core::RowMatrixD outputs = attend_rows(turned, keys, values);
  return value_rotation.size() > 0 ? core::RowMatrixD(outputs * value_rotation.transpose()) : outputs;
}

Index rows_in(const RowFormat& format, Bits budget_bits, Index tokens) {
  return std::min(budget_bits / format.bits_per_row(), tokens);
}

std::vector<Index> all_tokens(Index tokens) {
  std::vector<Index> list(tokens);
  std::iota(list.begin(), list.end(), Index{0});
  return list;
}

std::optional<Bits> KeptRowsScheme::message_bits(const PublicParams& params) const {
  return sent_rows(params) * row_format(params).bits_per_row();
}

Fit KeptRowsScheme::fit(const PublicParams& params, Bits budget_bits) const {
  const RowFormat format = row_format(params);
  const Index rows = rows_in(format, budget_bits, params.tokens()), least = least_rows(params);
  Fit fit{std::nullopt, least * format.bits_per_row()};
  if (rows >= least) fit.options = with_rows(params, rows);
  return fit;
}

}  // namespace kvfrontier::schemes
