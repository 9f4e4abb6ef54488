// Group quantisation: keys per channel over runs of tokens, values per token over runs of channels, the newest tokens
// in full precision. Groups run on across the maps of the pyramid. Between two whole numbers of bits the tokens are
// shared out to two such quantisers.

#include <algorithm>
#include <array>
#include <vector>

#include "schemes/codec/group_quantiser.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/rotation.hpp"
#include "schemes/codec/time_sharing.hpp"

namespace kvfrontier::schemes::kivi {
namespace {

TimeSharing sharing_of(const PublicParams& params) {
  return TimeSharing(params.options.at("bits").get<double>());
}

// One of the quantisers.
struct Shape {
  Shape(const PublicParams& params, int bits)
      : d(params.d),
        residual(params.options.at("residual").get<Index>()),
        stored_keys(stores_keys(params)),
        format(core::float_format(params.options.at("format").get<std::string>())),
        grouping{d, params.options.at("group").get<Index>(), bits, format} {}

  // Of `count` tokens so far: keys leave the buffer `residual` at a time; without one the last, short group is
  // quantised at hand-over. Values leave it one by one.
  Index quantised_keys(Index count) const { return residual > 0 ? count / residual * residual : count; }
  Index quantised_values(Index count) const { return std::max<Index>(0, count - residual); }

  std::uint64_t key_bits(Index count) const {
    return stored_keys ? grouping.column_bits(quantised_keys(count)) + exact_bits(count - quantised_keys(count)) : 0;
  }
  std::uint64_t value_bits(Index count) const {
    return grouping.row_bits(quantised_values(count)) + exact_bits(count - quantised_values(count));
  }
  std::uint64_t message_bits(Index count) const { return key_bits(count) + value_bits(count); }
  std::uint64_t exact_bits(Index count) const { return static_cast<std::uint64_t>(count * d * core::bits_of(format)); }

  Index d, residual;
  bool stored_keys;
  core::FloatFormat format;
  Grouping grouping;
};

// Rows still in full precision, oldest first.
class Buffer {
 public:
  explicit Buffer(Index d) : d_(d) {}
  Index count() const { return static_cast<Index>(numbers_.size()) / d_ - gone_; }
  const float* data() const { return numbers_.data() + gone_ * d_; }
  void push(const float* row) { numbers_.insert(numbers_.end(), row, row + d_); }
  // Rows that stay are moved once for as many that went.
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

// Public keys are known as they are.
Rotation key_rotation_of(const PublicParams& params) {
  return stores_keys(params) ? Rotation(params, key_rotation) : Rotation();
}

// The tokens that one of the quantisers has.
class Part {
 public:
  explicit Part(const Shape& shape) : shape_(shape), key_buffer_(shape.d), value_buffer_(shape.d) {}

  // `key` is not read where keys are public.
  void absorb(const float* key, const float* value) {
    if (shape_.stored_keys) absorb_key(key);
    absorb_value(value);
    ++count_;
  }
  std::uint64_t bits() const { return shape_.message_bits(count_); }

  // Without a residual the unfinished key group waits in full precision, though it would be sent quantised.
  std::uint64_t working_bits() const { return shape_.residual > 0 ? 0 : shape_.exact_bits(key_buffer_.count()); }

  void write(core::BitWriter& writer) const {
    if (shape_.stored_keys) {
      QuantisedRows keys = keys_;
      if (shape_.residual == 0) quantise_columns(shape_.grouping, key_buffer_.data(), key_buffer_.count(), keys);
      put_quantised(writer, shape_.grouping, keys, "keys");
      if (shape_.residual > 0) put_buffer(writer, key_buffer_);
    }
    put_quantised(writer, shape_.grouping, values_, "values");
    put_buffer(writer, value_buffer_);
  }

 private:
  void absorb_key(const float* row) {
    key_buffer_.push(row);
    const Index full = shape_.residual > 0 ? shape_.residual : shape_.grouping.group;
    if (key_buffer_.count() < full) return;
    quantise_columns(shape_.grouping, key_buffer_.data(), full, keys_);
    key_buffer_.pop(full);
  }
  void absorb_value(const float* row) {
    value_buffer_.push(row);
    if (value_buffer_.count() <= shape_.residual) return;
    quantise_rows(shape_.grouping, value_buffer_.data(), 1, values_);
    value_buffer_.pop(1);
  }
  void put_buffer(core::BitWriter& writer, const Buffer& buffer) const {
    writer.section("residual");
    core::put_floats(writer, shape_.format, buffer.data(), static_cast<std::size_t>(buffer.count() * shape_.d));
  }

  Shape shape_;
  Buffer key_buffer_, value_buffer_;
  QuantisedRows keys_, values_;
  Index count_ = 0;
};

class KiviEncoder : public Encoder {
 public:
  explicit KiviEncoder(const PublicParams& params)
      : sharing_(sharing_of(params)),
        parts_{Part(Shape(params, sharing_.bits)), Part(Shape(params, sharing_.bits + 1))},
        key_rotation_(key_rotation_of(params)),
        value_rotation_(params, value_rotation) {}

  void absorb(const TokenBlock& block) override {
    const core::RowMatrixF keys = key_rotation_.of(block.keys), values = value_rotation_.of(block.values);
    for (Index i = 0; i < block.count(); ++i)
      parts_[sharing_.is_upper(block.first + i)].absorb(keys.row(i).data(), values.row(i).data());
  }
  std::uint64_t state_bits() const override { return parts_[0].bits() + parts_[1].bits(); }
  std::uint64_t working_bits() const override { return parts_[0].working_bits() + parts_[1].working_bits(); }
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
        value_rotation_(Rotation(params, value_rotation).matrix()) {
    const TimeSharing sharing = sharing_of(params);
    const bool stored_keys = stores_keys(params);
    keys_ =
        stored_keys ? core::RowMatrixF(params.tokens(), params.d) : public_keys(params, all_tokens(params.tokens()));
    for (const bool upper : {false, true}) {
      const Shape shape(params, sharing.bits + upper);
      const Index count = upper ? sharing.upper(params.tokens()) : params.tokens() - sharing.upper(params.tokens());
      core::RowMatrixF keys(stored_keys ? count : 0, params.d), values(count, params.d);
      if (stored_keys) read_keys(shape, reader, keys);
      read_values(shape, reader, values);
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
  static void read_keys(const Shape& shape, core::BitReader& reader, core::RowMatrixF& keys) {
    const Index quantised = shape.quantised_keys(keys.rows());
    keys.topRows(quantised) = columns_value(shape.grouping, get_columns(reader, shape.grouping, quantised), quantised);
    read_rest(shape, reader, keys, quantised);
  }
  static void read_values(const Shape& shape, core::BitReader& reader, core::RowMatrixF& values) {
    const Index quantised = shape.quantised_values(values.rows());
    values.topRows(quantised) = rows_value(shape.grouping, get_rows(reader, shape.grouping, quantised), quantised);
    read_rest(shape, reader, values, quantised);
  }
  static void read_rest(const Shape& shape, core::BitReader& reader, core::RowMatrixF& rows, Index quantised) {
    core::get_floats(reader, shape.format, rows.data() + quantised * shape.d,
                     static_cast<std::size_t>((rows.rows() - quantised) * shape.d));
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
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::real("bits", {}, 1, 8,
                           "bits per quantised number, of keys and of values; between whole numbers a public share of "
                           "the tokens has one bit more than the others")
            .sized(),
        core::Option::integer("group", 32, 1, 1'000'000,
                              "tokens (keys) or channels (values) that share one scale and zero"),
        core::Option::integer(
            "residual", 0, 0, 1'000'000,
            "newest tokens in full precision, a multiple of group; 0: none, a short last group is quantised"),
        rotation_option(),
        format_option(),
        keys_option()};
    return table;
  }
  void check(const PublicParams& params, const std::string& path) const override {
    Scheme::check(params, path);
    check_rotation(params, path);
    const Index group = params.options.at("group"), residual = params.options.at("residual");
    if (residual % group != 0) {
      throw core::ConfigError(core::join_path(path, "residual"), std::to_string(residual),
                              "0 or a multiple of group = " + std::to_string(group));
    }
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    const TimeSharing sharing = sharing_of(params);
    return length(params, sharing.bits, sharing.upper(params.tokens()));
  }
  // The largest share of the tokens in the upper part, of the largest number of bits, that the budget allows. None with
  // a residual: each part keeps newest tokens of its own, and lengths no longer grow with the share.
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    const Index tokens = params.tokens();
    Fit fit{std::nullopt, length(params, 1, 0)};
    int bits = 8;
    while (bits >= 1 && length(params, bits, 0) > budget_bits) --bits;
    if (bits == 0) return fit;
    // Lengths grow with the share but for a group or two of scales, so bisection ends at a share that fits.
    Index fits = 0, beyond = bits == 8 || params.options.at("residual") != 0 ? 1 : tokens;
    while (beyond - fits > 1) {
      const Index middle = fits + (beyond - fits) / 2;
      (length(params, bits, middle) <= budget_bits ? fits : beyond) = middle;
    }
    fit.options = params.options;
    (*fit.options)["bits"] = TimeSharing::fractional_bits(bits, fits, tokens);
    return fit;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<KiviEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<KiviDecoder>(params, std::move(reader));
  }

 private:
  static std::uint64_t length(const PublicParams& params, int bits, Index upper) {
    return Shape(params, bits).message_bits(params.tokens() - upper) + Shape(params, bits + 1).message_bits(upper);
  }
};

const core::Registration<Scheme, Kivi> registration;

}  // namespace
}  // namespace kvfrontier::schemes::kivi
