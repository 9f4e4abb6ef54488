// Group quantisation: keys per channel over runs of tokens, values per token over runs of channels, the newest tokens
// in full precision. Groups continue across the maps of the pyramid. Between two whole numbers of bits, two such
// quantisers share the tokens.

#include <algorithm>
#include <array>
#include <vector>

#include "schemes/codec/group_quantiser.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/rotation.hpp"
#include "schemes/codec/time_sharing.hpp"

namespace kvfrontier::schemes::kivi {
namespace {

struct KiviOptions {
  std::optional<double> bits;
  Index group = 32, residual = 0;
  RotationKind rotation = RotationKind::none;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<KiviOptions> members() {
    return {
        core::member("bits", &KiviOptions::bits,
                     "bits per quantised number, of keys and of values; between whole numbers a public share of "
                     "the tokens has one bit more than the others")
            .range(1, 8)
            .sized(),
        core::member("group", &KiviOptions::group, "tokens (keys) or channels (values) that share one scale and zero")
            .range(1, 1e6),
        core::member("residual", &KiviOptions::residual,
                     "newest tokens in full precision, a multiple of group; 0: none, a short last group is "
                     "quantised")
            .range(0, 1e6),
        rotation_member(&KiviOptions::rotation),
        format_member(&KiviOptions::format),
        keys_member(&KiviOptions::keys)};
  }
};

const KiviOptions& options_of(const PublicParams& params) {
  return params.options.as<KiviOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}
TimeSharing sharing_of(const PublicParams& params) {
  return TimeSharing(options_of(params).bits.value());
}

// What both parties know about one of the quantisers.
struct Layout {
  Layout(const PublicParams& params, int bits)
      : d(params.d),
        residual(options_of(params).residual),
        stored_keys(stores_keys(params)),
        format(options_of(params).format),
        grouping{d, options_of(params).group, bits, format} {}

  // How many of `count` tokens are quantised. Keys leave the buffer `residual` at a time; without a residual the last,
  // short group is quantised at hand-over. Values leave it one by one.
  Index quantised_keys(Index count) const { return residual > 0 ? count / residual * residual : count; }
  Index quantised_values(Index count) const { return std::max<Index>(0, count - residual); }

  Bits key_bits(Index count) const {
    return stored_keys ? grouping.column_bits(quantised_keys(count)) + exact_bits(count - quantised_keys(count)) : 0;
  }
  Bits value_bits(Index count) const {
    return grouping.row_bits(quantised_values(count)) + exact_bits(count - quantised_values(count));
  }
  Bits message_bits(Index count) const { return key_bits(count) + value_bits(count); }
  Bits exact_bits(Index count) const { return count * d * core::bits_of(format); }

  Index d, residual;
  bool stored_keys;
  core::FloatFormat format;
  Grouping grouping;
};

// Rows still in full precision, oldest first.
class Buffer {
 public:
  explicit Buffer(Index d) : d_(d) {}
  Index count() const { return std::ssize(numbers_) / d_ - gone_; }
  const float* data() const { return numbers_.data() + gone_ * d_; }
  void push(const float* row) { numbers_.insert(numbers_.end(), row, row + d_); }
  // Moves the rows that stay only when at least as many have gone.
  void pop(Index rows) {
    gone_ += rows;
    if (gone_ < count()) return;
    numbers_.erase(numbers_.begin(), numbers_.begin() + gone_ * d_);
    gone_ = 0;
  }

 private:
  Index d_, gone_ = 0;
  std::vector<float> numbers_;
};

constexpr core::Purpose key_rotation("kivi/key rotation"), value_rotation("kivi/value rotation");

// Public keys are not sent, so they are not rotated.
Rotation key_rotation_of(const PublicParams& params) {
  return stores_keys(params) ? Rotation(options_of(params).rotation, params, key_rotation) : Rotation();
}
Rotation value_rotation_of(const PublicParams& params) {
  return Rotation(options_of(params).rotation, params, value_rotation);
}

// The tokens of one of the quantisers.
class Part {
 public:
  explicit Part(const Layout& layout) : layout_(layout), key_buffer_(layout.d), value_buffer_(layout.d) {}

  // `coins` is not read when keys are public.
  void absorb(const float* key, const float* value) {
    if (layout_.stored_keys) absorb_key(key);
    absorb_value(value);
    ++count_;
  }
  Bits bits() const { return layout_.message_bits(count_); }

  // Without a residual the unfinished key group waits in full precision, although the message would hold it quantised.
  Bits working_bits() const { return layout_.residual > 0 ? 0 : layout_.exact_bits(key_buffer_.count()); }

  void write(core::BitWriter& writer) const {
    if (layout_.stored_keys) {
      QuantisedRows keys = keys_;
      if (layout_.residual == 0) quantise_columns(layout_.grouping, key_buffer_.data(), key_buffer_.count(), keys);
      put_quantised(writer, layout_.grouping, keys, "keys");
      if (layout_.residual > 0) put_buffer(writer, key_buffer_);
    }
    put_quantised(writer, layout_.grouping, values_, "values");
    put_buffer(writer, value_buffer_);
  }

 private:
  void absorb_key(const float* row) {
    key_buffer_.push(row);
    const Index full = layout_.residual > 0 ? layout_.residual : layout_.grouping.group;
    if (key_buffer_.count() < full) return;
    quantise_columns(layout_.grouping, key_buffer_.data(), full, keys_);
    key_buffer_.pop(full);
  }
  void absorb_value(const float* row) {
    value_buffer_.push(row);
    if (value_buffer_.count() <= layout_.residual) return;
    quantise_rows(layout_.grouping, value_buffer_.data(), 1, values_);
    value_buffer_.pop(1);
  }
  void put_buffer(core::BitWriter& writer, const Buffer& buffer) const {
    writer.section("residual");
    core::put_floats(writer, layout_.format, buffer.data(), buffer.count() * layout_.d);
  }

  Layout layout_;
  Buffer key_buffer_, value_buffer_;
  QuantisedRows keys_, values_;
  Index count_ = 0;
};

class KiviEncoder : public Encoder {
 public:
  explicit KiviEncoder(const PublicParams& params)
      : sharing_(sharing_of(params)),
        parts_{Part(Layout(params, sharing_.bits)), Part(Layout(params, sharing_.bits + 1))},
        key_rotation_(key_rotation_of(params)),
        value_rotation_(value_rotation_of(params)) {}

  void absorb(const TokenBlock& block) override {
    const core::RowMatrixF keys = key_rotation_.of(block.keys), values = value_rotation_.of(block.values);
    for (Index i = 0; i < block.count(); ++i)
      parts_[sharing_.is_upper(block.first + i)].absorb(keys.row(i).data(), values.row(i).data());
  }
  Bits state_bits() const override { return parts_[0].bits() + parts_[1].bits(); }
  Bits working_bits() const override { return parts_[0].working_bits() + parts_[1].working_bits(); }
  void write(core::BitWriter& writer) const override {
    for (const Part& part : parts_) part.write(writer);
  }

 private:
  TimeSharing sharing_;
  std::array<Part, 2> parts_;
  Rotation key_rotation_, value_rotation_;
};

class KiviDecoder : public Decoder {
 public:
  KiviDecoder(const PublicParams& params, core::BitReader reader)
      : values_(params.tokens(), params.d),
        key_rotation_(key_rotation_of(params).matrix()),
        value_rotation_(value_rotation_of(params).matrix()) {
    const TimeSharing sharing = sharing_of(params);
    const bool stored_keys = stores_keys(params);
    keys_ =
        stored_keys ? core::RowMatrixF(params.tokens(), params.d) : public_keys(params, all_tokens(params.tokens()));
    for (const bool upper : {false, true}) {
      const Layout layout(params, sharing.bits + upper);
      const Index count = upper ? sharing.upper(params.tokens()) : params.tokens() - sharing.upper(params.tokens());
      core::RowMatrixF keys(stored_keys ? count : 0, params.d), values(count, params.d);
      if (stored_keys) read_keys(layout, reader, keys);
      read_values(layout, reader, values);
      for (Index token = 0, row = 0; token < params.tokens(); ++token) {
        if (sharing.is_upper(token) != upper) continue;
        if (stored_keys) keys_.row(token) = keys.row(row);
        values_.row(token) = values.row(row++);
      }
    }
  }

  core::RowMatrixD attend(core::RowsViewD queries) const override {
    return attend_rotated_rows(queries, keys_, values_, key_rotation_, value_rotation_);
  }

 private:
  static void read_keys(const Layout& layout, core::BitReader& reader, core::RowMatrixF& keys) {
    const Index quantised = layout.quantised_keys(keys.rows());
    keys.topRows(quantised) =
        columns_value(layout.grouping, get_columns(reader, layout.grouping, quantised), quantised);
    read_rest(layout, reader, keys, quantised);
  }
  static void read_values(const Layout& layout, core::BitReader& reader, core::RowMatrixF& values) {
    const Index quantised = layout.quantised_values(values.rows());
    values.topRows(quantised) = rows_value(layout.grouping, get_rows(reader, layout.grouping, quantised), quantised);
    read_rest(layout, reader, values, quantised);
  }
  static void read_rest(const Layout& layout, core::BitReader& reader, core::RowMatrixF& rows, Index quantised) {
    core::get_floats(reader, layout.format, rows.data() + quantised * layout.d, (rows.rows() - quantised) * layout.d);
  }

  core::RowMatrixF keys_, values_;
  core::RowMatrixD key_rotation_, value_rotation_;
};

class Kivi : public Scheme {
 public:
  std::string name() const override { return "kivi"; }
  std::string summary() const override {
    return "group quantisation, keys per channel and values per token, newest tokens exact; optional public rotation";
  }
  std::string paper() const override {
    return "Liu et al., KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache, ICML 2024";
  }
  std::string guarantee() const override {
    return "every number within half a scale step, scale = (max - min)/(2^bits - 1) of its group; two-level data is "
           "exact";
  }
  const core::OptionTable& options() const override { return core::table_of<KiviOptions>(); }
  void check(const PublicParams& params, const std::string& path) const override {
    Scheme::check(params, path);
    const KiviOptions& options = options_of(params);
    check_rotation(options.rotation, params.d, path);
    if (options.residual % options.group != 0) {
      throw core::ConfigError(core::join_path(path, "residual"), std::to_string(options.residual),
                              "0 or a multiple of group = " + std::to_string(options.group));
    }
  }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    const TimeSharing sharing = sharing_of(params);
    return length(params, sharing.bits, sharing.upper(params.tokens()));
  }
  // The largest number of bits that the budget allows, and then the largest share of the tokens in the upper part. With
  // a residual that share is 0: each part keeps newest tokens of its own, and lengths no longer grow with the share.
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    const Index tokens = params.tokens();
    KiviOptions options = options_of(params);
    Fit fit{std::nullopt, length(params, 1, 0)};
    int bits = 8;
    while (bits >= 1 && length(params, bits, 0) > budget_bits) --bits;
    if (bits == 0) return fit;
    // Lengths grow with the share, except for a group or two of scales, so bisection ends at a share that fits.
    Index fits = 0, beyond = bits == 8 || options.residual != 0 ? 1 : tokens;
    while (beyond - fits > 1) {
      const Index middle = fits + (beyond - fits) / 2;
      (length(params, bits, middle) <= budget_bits ? fits : beyond) = middle;
    }
    options.bits = TimeSharing::fractional_bits(bits, fits, tokens);
    fit.options = options;
    return fit;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<KiviEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<KiviDecoder>(params, std::move(reader));
  }

 private:
  static Bits length(const PublicParams& params, int bits, Index upper) {
    return Layout(params, bits).message_bits(params.tokens() - upper) + Layout(params, bits + 1).message_bits(upper);
  }
};

const core::Registration<Scheme, Kivi> registration;

}  // namespace
}  // namespace kvfrontier::schemes::kivi
