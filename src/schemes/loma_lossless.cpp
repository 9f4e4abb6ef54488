// What "lossless" can honestly mean for numbers: the rounded cache through a general compressor, byte plane by byte
// plane (first bytes of all numbers, then second bytes, ...), frame by frame.

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::loma_lossless {
namespace {

struct Shape {
  explicit Shape(const PublicParams& params)
      : tokens(params.tokens()),
        d(params.d),
        frame(params.options.at("frame").get<Index>()),
        level(params.options.at("level").get<int>()),
        rows(RowFormat::of(params)) {}

  std::size_t bytes(Index count) const { return static_cast<std::size_t>(count) * rows.bits_per_row() / 8; }
  // A frame says how many bytes it has, at most as many as there are to code.
  int length_bits(Index count) const { return std::bit_width(bytes(count)); }
  std::uint64_t most_bits(Index count) const {
    return 8 * bytes(count) + static_cast<std::uint64_t>(length_bits(count));
  }

  Index tokens, d, frame;
  int level;
  RowFormat rows;
};

// Appends the byte planes of `count` numbers.
void append_planes(core::FloatFormat format, const std::vector<float>& numbers, std::vector<std::uint8_t>& bytes) {
  for (int shift = 0; shift < core::bits_of(format); shift += 8) {
    for (const float x : numbers) bytes.push_back(static_cast<std::uint8_t>(core::encode_float(format, x) >> shift));
  }
}
const std::uint8_t* read_planes(core::FloatFormat format, const std::uint8_t* bytes, float* numbers,
                                std::size_t count) {
  std::vector<std::uint64_t> words(count);
  for (int shift = 0; shift < core::bits_of(format); shift += 8) {
    for (std::uint64_t& word : words) word |= static_cast<std::uint64_t>(*bytes++) << shift;
  }
  std::transform(words.begin(), words.end(), numbers,
                 [&](std::uint64_t word) { return core::decode_float(format, word); });
  return bytes;
}

class LomaLosslessEncoder : public Encoder {
 public:
  explicit LomaLosslessEncoder(const PublicParams& params) : shape_(params) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      if (shape_.rows.stored_keys) keys_.insert(keys_.end(), key, key + shape_.d);
      values_.insert(values_.end(), value, value + shape_.d);
      ++count_;
      if (buffered() == shape_.frame || count_ == shape_.tokens) finish();
    }
  }
  std::uint64_t state_bits() const override {
    return finished_bits_ + (buffered() > 0 ? shape_.most_bits(buffered()) : 0);
  }
  void write(core::BitWriter& writer) const override {
    for (const Frame& frame : frames_) put(writer, frame);
    if (buffered() > 0) put(writer, {buffered(), planes()});
  }

 private:
  struct Frame {
    Index count;
    std::vector<std::uint8_t> bytes;
  };

  Index buffered() const { return static_cast<Index>(values_.size()) / shape_.d; }
  std::vector<std::uint8_t> planes() const {
    std::vector<std::uint8_t> bytes;
    append_planes(shape_.rows.format, keys_, bytes);
    append_planes(shape_.rows.format, values_, bytes);
    return bytes;
  }
  void finish() {
    Frame frame{buffered(), planes()};
    std::vector<std::uint8_t> compressed(ZSTD_compressBound(frame.bytes.size()));
    const std::size_t size =
        ZSTD_compress(compressed.data(), compressed.size(), frame.bytes.data(), frame.bytes.size(), shape_.level);
    if (!ZSTD_isError(size) && size < frame.bytes.size()) {
      compressed.resize(size);
      frame.bytes = std::move(compressed);
    }
    finished_bits_ += 8 * frame.bytes.size() + static_cast<std::uint64_t>(shape_.length_bits(frame.count));
    frames_.push_back(std::move(frame));
    keys_.clear();
    values_.clear();
  }
  void put(core::BitWriter& writer, const Frame& frame) const {
    writer.section("lengths");
    writer.put(frame.bytes.size(), shape_.length_bits(frame.count));
    writer.section("rows");
    for (const std::uint8_t byte : frame.bytes) writer.put(byte, 8);
  }

  Shape shape_;
  std::vector<Frame> frames_;
  std::vector<float> keys_, values_;  // of the unfinished frame
  Index count_ = 0;
  std::uint64_t finished_bits_ = 0;
};

class LomaLosslessDecoder : public Decoder {
 public:
  LomaLosslessDecoder(const PublicParams& params, core::BitReader reader)
      : keys_(params.tokens(), params.d), values_(params.tokens(), params.d) {
    const Shape shape(params);
    for (Index first = 0; first < shape.tokens; first += shape.frame) {
      const Index count = std::min(shape.frame, shape.tokens - first);
      const std::vector<std::uint8_t> bytes = frame_bytes(shape, count, reader);
      const auto numbers = static_cast<std::size_t>(count * shape.d);
      const std::uint8_t* plane = bytes.data();
      if (shape.rows.stored_keys) plane = read_planes(shape.rows.format, plane, keys_.row(first).data(), numbers);
      read_planes(shape.rows.format, plane, values_.row(first).data(), numbers);
    }
    if (!shape.rows.stored_keys) keys_ = public_keys(params, all_tokens(params.tokens()));
  }
  core::RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  static std::vector<std::uint8_t> frame_bytes(const Shape& shape, Index count, core::BitReader& reader) {
    const std::size_t length = reader.get(shape.length_bits(count)), size = shape.bytes(count);
    if (length > size) throw core::DataError("a frame is longer than what it codes");
    std::vector<std::uint8_t> bytes(length);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(reader.get(8));
    if (length == size) return bytes;
    std::vector<std::uint8_t> plain(size);
    if (ZSTD_decompress(plain.data(), size, bytes.data(), length) != size)
      throw core::DataError("a frame does not decompress to its rows");
    return plain;
  }

  core::RowMatrixF keys_, values_;
};

class LomaLossless : public Scheme {
 public:
  std::string name() const override { return "loma_lossless"; }
  std::string summary() const override {
    return "control: the rounded cache byte plane by byte plane through zstd, which loses nothing; the length depends "
           "on the data and on the version of zstd";
  }
  std::string surrogates() const override {
    return "a general lossless coder in place of a trained model that repeats its tokens";
  }
  std::string paper() const override { return "control for Wang and Xiao, LoMA, arXiv 2401.09486; zstd: RFC 8878"; }
  std::string guarantee() const override {
    return "the answers of exact, bit for bit, in at most its bits and a length a frame";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("frame", 1024, 1, 1'000'000, "tokens compressed together"),
        core::Option::integer("level", 3, 1, 19, "effort of zstd"), format_option(), keys_option()};
    return table;
  }
  bool fixed_length() const override { return false; }
  std::optional<std::uint64_t> message_bits(const PublicParams&) const override { return std::nullopt; }
  // No size to choose; what it promises is that no frame grows.
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    const Shape shape(params);
    const Index whole = shape.tokens / shape.frame, rest = shape.tokens % shape.frame;
    const std::uint64_t most =
        static_cast<std::uint64_t>(whole) * shape.most_bits(shape.frame) + (rest > 0 ? shape.most_bits(rest) : 0);
    if (budget_bits < most) return {std::nullopt, most};
    return {params.options, most};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<LomaLosslessEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<LomaLosslessDecoder>(params, std::move(reader));
  }
};

const core::Registration<Scheme, LomaLossless> registration;

}  // namespace
}  // namespace kvfrontier::schemes::loma_lossless
