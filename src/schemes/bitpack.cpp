// One bit per value entry and no keys: the code that meets the INDEX floor with equality at zero error. With fewer bits
// than entries it keeps the first entries in a public order and reads the others as 1/2.

#include <algorithm>
#include <vector>

#include "schemes/codec/public_keys.hpp"

namespace kvfrontier::schemes::bitpack {
namespace {

struct BitpackOptions {
  std::optional<Bits> bits;

  static core::MemberList<BitpackOptions> members() {
    return {
        core::member("bits", &BitpackOptions::bits, "entries kept, one bit each; at most N d").range(0, 9e15).sized()};
  }
};

Bits kept_bits(const PublicParams& params) {
  const Bits entries = value_entries(params);
  return std::min(entries, params.options.as<BitpackOptions>().bits.value_or(entries));
}

// The public order runs through coordinate 0 of all tokens, then coordinate 1, and so on: entry (token, c) has rank c N
// + token. So all rows lose the same share up to one entry, and the encoder knows how many leading entries of a token
// to keep when the token arrives.
struct PublicOrder {
  explicit PublicOrder(const PublicParams& params)
      : whole(kept_bits(params) / params.tokens()), rest(kept_bits(params) % params.tokens()) {}
  Index kept_of(Index token) const { return whole + (token < rest ? 1 : 0); }
  Index kept_before(Index token) const { return whole * token + std::min(token, rest); }  // of all earlier tokens
  Index whole, rest;
};

class BitpackEncoder : public Encoder {
 public:
  explicit BitpackEncoder(const PublicParams& params) : order_(params) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const float* value = block.values.row(i).data();
      for (Index c = 0; c < order_.kept_of(block.first + i); ++c) bits_.push_back(value[c] > 0.5f);
    }
  }
  Bits state_bits() const override { return std::ssize(bits_); }
  void write(core::BitWriter& writer) const override {
    writer.section("values");
    for (const bool bit : bits_) writer.put(bit, 1);
  }

 private:
  PublicOrder order_;
  std::vector<bool> bits_;
};

class BitpackDecoder : public PublicKeysDecoder {
 public:
  BitpackDecoder(const PublicParams& params, core::BitReader reader)
      : PublicKeysDecoder(params), order_(params), bits_(kept_bits(params)) {
    for (Index i = 0; i < std::ssize(bits_); ++i) bits_[i] = reader.get(1) != 0;
  }

 private:
  void values(Index first, core::RowMatrixD& out) const override {
    out.setConstant(0.5);
    Index bit = order_.kept_before(first);
    for (Index i = 0; i < out.rows(); ++i) {
      for (Index c = 0; c < order_.kept_of(first + i); ++c) out(i, c) = bits_[bit++] ? 1.0 : 0.0;
    }
  }

  PublicOrder order_;
  std::vector<bool> bits_;
};

class Bitpack : public Scheme {
 public:
  std::string name() const override { return "bitpack"; }
  std::string summary() const override {
    return "public keys and one bit per value entry, as many entries as the budget holds";
  }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override {
    return "bit error (1 - f)/2 at exactly f N d bits on a certified INDEX instance; f = 1 meets the floor";
  }
  const core::OptionTable& options() const override { return core::table_of<BitpackOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return kept_bits(params); }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    return {BitpackOptions{std::min(budget_bits, value_entries(params))}, 0};
  }
  void check(const PublicParams& params, const std::string& path) const override { require_public_keys(params, path); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<BitpackEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<BitpackDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams&) const override { return PublicKeysDecoder::held_rows; }
  double operations(const PublicParams& params, Index queries) const override {
    return value_entries(params) * (4.0 * queries + 200.0);
  }
};

const core::Registration<Scheme, Bitpack> registration;

}  // namespace
}  // namespace kvfrontier::schemes::bitpack
