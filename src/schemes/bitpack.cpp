// One bit per value entry and no keys: the code that meets the INDEX floor with equality at zero error. With fewer bits
// than entries it keeps the first ones in a public order and reads the others as 1/2.

#include <algorithm>
#include <vector>

#include "schemes/codec/public_keys.hpp"

namespace kvfrontier::schemes::bitpack {
namespace {

std::uint64_t kept_bits(const PublicParams& params) {
  const core::Json& bits = params.options.at("bits");
  return bits.is_null() ? value_entries(params) : std::min(value_entries(params), bits.get<std::uint64_t>());
}

// The public order runs through coordinate 0 of all tokens, then coordinate 1, and so on: entry (token, c) has rank
// c N + token. So all rows lose the same share (up to one entry), and how many leading entries of a token are kept is
// known as the token streams by.
struct PublicOrder {
  explicit PublicOrder(const PublicParams& params)
      : whole(static_cast<Index>(kept_bits(params) / static_cast<std::uint64_t>(params.tokens()))),
        rest(static_cast<Index>(kept_bits(params) % static_cast<std::uint64_t>(params.tokens()))) {}
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
  std::uint64_t state_bits() const override { return bits_.size(); }
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
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_[i] = reader.get(1) != 0;
  }

 private:
  void values(Index first, core::RowMatrixD& out) const override {
    out.setConstant(0.5);
    auto bit = static_cast<std::size_t>(order_.kept_before(first));
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
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("bits", {}, 0, 9'000'000'000'000'000, "entries kept, one bit each; at most N d").sized()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override { return kept_bits(params); }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    core::Json options = params.options;
    options["bits"] = std::min(budget_bits, value_entries(params));
    return {options, 0};
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
    return static_cast<double>(value_entries(params)) * (4.0 * static_cast<double>(queries) + 200.0);
  }
};

const core::Registration<Scheme, Bitpack> registration;

}  // namespace
}  // namespace kvfrontier::schemes::bitpack
