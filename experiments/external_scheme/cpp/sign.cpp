// One bit per value entry: is it above the mean of its row? Two fp16 numbers a row say what the bits stand for.

#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::sign {
namespace {

constexpr auto fp16 = core::FloatFormat::fp16;

class SignEncoder : public Encoder {
 public:
  explicit SignEncoder(const PublicParams& params) : d_(params.d) {}

  void absorb(const TokenBlock& block) override {  // keys are public: only values are read
    for (Index i = 0; i < block.count(); ++i) {
      const auto row = block.values.row(i);
      const float mean = core::stored(fp16, row.mean());  // rounded before it is used, not after
      scales_.push_back(mean);
      scales_.push_back((row.array() - mean).abs().mean());
      for (Index c = 0; c < d_; ++c) signs_.push_back(row[c] > mean);
    }
  }
  Bits state_bits() const override { return 16 * std::ssize(scales_) + std::ssize(signs_); }
  void write(core::BitWriter& writer) const override {
    writer.section("scales");  // every bit is booked under a section of the ledger
    core::put_floats(writer, fp16, scales_.data(), scales_.size());
    writer.section("values");
    for (const bool sign : signs_) writer.put(sign, 1);
  }

 private:
  Index d_;
  std::vector<float> scales_;
  std::vector<bool> signs_;
};

class SignDecoder : public Decoder {
 public:
  SignDecoder(const PublicParams& params, core::BitReader reader)
      : keys_(public_keys(params, all_tokens(params.tokens()))), values_(params.tokens(), params.d) {
    std::vector<float> scales(2 * params.tokens());
    core::get_floats(reader, fp16, scales.data(), scales.size());
    for (Index i = 0; i < values_.rows(); ++i) {
      const float* scale = scales.data() + 2 * i;
      for (Index c = 0; c < params.d; ++c) values_(i, c) = scale[0] + (reader.get(1) ? scale[1] : -scale[1]);
    }
  }
  core::RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  core::RowMatrixF keys_, values_;
};

class Sign : public Scheme {
 public:
  std::string name() const override { return "sign"; }
  std::string summary() const override {
    return "public keys; one bit per value entry, mean and mean deviation per row";
  }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override { return "none"; }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return params.tokens() * (params.d + 32);
  }
  void check(const PublicParams& params, const std::string& path) const override {
    if (!params.keys_are_public) throw core::ConfigError(path, "\"sign\"", "a scheme that stores keys");
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<SignEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<SignDecoder>(params, std::move(reader));
  }
};

const core::Registration<Scheme, Sign> registration;

}  // namespace
}  // namespace kvfrontier::schemes::sign
