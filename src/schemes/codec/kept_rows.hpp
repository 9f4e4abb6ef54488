#pragma once
// The message of every scheme that keeps some tokens and drops the rest: the kept rows in ascending token order, keys
// first where they are stored, then values. Plain attention does not depend on the order of tokens, so stored rows need
// no index; with public keys the decoder must know which tokens they are, as a function of the public coins.

#include <span>
#include <vector>

#include "core/float_format.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

// How one kept row is stored.
struct RowFormat {
  Index d = 0;
  bool stored_keys = false;
  core::FloatFormat format = core::FloatFormat::fp16;

  Bits bits_per_row() const { return core::bits_of(format) * d * (stored_keys ? 2 : 1); }
};

// Rows under construction. A row is rounded to its format when it enters, never later.
class KeptRows {
 public:
  // Room for `capacity` rows is set aside at once, and touched as they come.
  KeptRows(const RowFormat& format, Index capacity);

  Index count() const { return std::ssize(tokens_); }
  Bits bits() const { return count() * format_.bits_per_row(); }

  // Appends token `token`; returns its slot.
  Index add(Index token, const float* key, const float* value);
  // Overwrites a slot.
  void replace(Index slot, Index token, const float* key, const float* value);

  // As stored; `coins` only where keys are.
  const float* key(Index slot) const { return keys_.data() + slot * format_.d; }
  const float* value(Index slot) const { return values_.data() + slot * format_.d; }

  void write(core::BitWriter& writer) const;

 private:
  void store(Index slot, Index token, const float* key, const float* value);

  RowFormat format_;
  std::vector<Index> tokens_;
  std::vector<float> keys_, values_;  // slot-major; keys_ stays empty when they are public
};

// Attention over the kept rows. `tokens` (ascending) names them when keys are public, and is not read otherwise.
class KeptRowsDecoder : public Decoder {
 public:
  KeptRowsDecoder(const RowFormat& format, const PublicParams& params, core::BitReader& reader, Index count,
                  std::span<const Index> tokens);
  core::RowMatrixD attend(core::RowsViewD queries) const override;

 private:
  core::RowMatrixF keys_, values_;
};

// A scheme whose message is kept rows and nothing else: its length is their number times the length of one, and a
// budget buys whole rows.
class KeptRowsScheme : public Scheme {
 public:
  std::optional<Bits> message_bits(const PublicParams& params) const final;
  Fit fit(const PublicParams& params, Bits budget_bits) const final;

 protected:
  // How a row of the message is stored.
  virtual RowFormat row_format(const PublicParams& params) const = 0;
  // Rows in the message.
  virtual Index sent_rows(const PublicParams& params) const = 0;
  // Rows in the least message that a budget may ask for.
  virtual Index least_rows(const PublicParams&) const { return 1; }
  // params.options with the size options that keep `rows` rows, at least least_rows() and at most N.
  virtual core::Options with_rows(const PublicParams& params, Index rows) const = 0;
};

// The public keys of `tokens` (ascending), one row each; runs of consecutive tokens are generated together.
core::RowMatrixF public_keys(const PublicParams& params, std::span<const Index> tokens);

// Attention in double over rows held in float.
core::RowMatrixD attend_rows(core::RowsViewD queries, core::RowsViewF keys, core::RowsViewF values);
// Where keys and values are rotated (codec/rotation.hpp); an empty matrix for no rotation.
core::RowMatrixD attend_rotated_rows(core::RowsViewD queries, core::RowsViewF keys, core::RowsViewF values,
                                     const core::RowMatrixD& key_rotation, const core::RowMatrixD& value_rotation);

// Largest number of whole rows of `format` in `budget_bits`, at most N.
Index rows_in(const RowFormat& format, Bits budget_bits, Index tokens);

// 0, 1, ..., tokens - 1.
std::vector<Index> all_tokens(Index tokens);

}  // namespace kvfrontier::schemes
