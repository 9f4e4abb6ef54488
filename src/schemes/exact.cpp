// The full cache, rounded to a stored float. One point on the frontier, not a curve.

#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::exact {
namespace {

struct ExactOptions {
  core::FloatFormat format = core::FloatFormat::fp32;
  Keys keys = Keys::stored;

  static core::MemberList<ExactOptions> members() {
    return {format_member(&ExactOptions::format), keys_member(&ExactOptions::keys)};
  }
};

RowFormat format_of(const PublicParams& params) {
  const ExactOptions& options = params.options.as<ExactOptions>();
  return {params.d, options.keys == Keys::stored, options.format};
}

class ExactEncoder : public Encoder {
 public:
  explicit ExactEncoder(const PublicParams& params) : rows_(format_of(params), params.tokens()) {}
  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i)
      rows_.add(block.first + i, block.keys.row(i).data(), block.values.row(i).data());
  }
  Bits state_bits() const override { return rows_.bits(); }
  void write(core::BitWriter& writer) const override { rows_.write(writer); }

 private:
  KeptRows rows_;
};

class Exact : public Scheme {
 public:
  std::string name() const override { return "exact"; }
  std::string summary() const override { return "the full cache in fp32, fp16 or bf16"; }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override {
    return "exact attention over the rounded rows; with fp32 rows or public keys, no bit error on a certified instance";
  }
  const core::OptionTable& options() const override { return core::table_of<ExactOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return params.tokens() * format_of(params).bits_per_row();
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<ExactEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<KeptRowsDecoder>(format_of(params), params, reader, params.tokens(),
                                             all_tokens(params.tokens()));
  }
};

const core::Registration<Scheme, Exact> registration;

}  // namespace
}  // namespace kvfrontier::schemes::exact
