// What "lossless" can honestly mean for numbers: the rounded cache through a general compressor, byte plane by byte
// plane (first bytes of all numbers, then second bytes, ...), frame by frame.

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::loma_lossless {
namespace {

struct LomaLosslessOptions {
  Index frame = 1024;
  int level = 3;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<LomaLosslessOptions> members() {
    return {core::member("frame", &LomaLosslessOptions::frame, "tokens compressed together").range(1, 1e6),
            core::member("level", &LomaLosslessOptions::level, "compression level of zstd").range(1, 19),
            format_member(&LomaLosslessOptions::format), keys_member(&LomaLosslessOptions::keys)};
  }
};

const LomaLosslessOptions& options_of(const PublicParams& params) {
  return params.options.as<LomaLosslessOptions>();
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params)
      : tokens(params.tokens()),
        d(params.d),
        frame(options_of(params).frame),
        level(options_of(params).level),
        rows{params.d, options_of(params).keys == Keys::stored, options_of(params).format} {}

  std::size_t bytes(Index count) const { return count * rows.bits_per_row() / 8; }
  // A frame says how many bytes it has, at most as many as its rows before compression.
  int length_bits(Index count) const { return std::bit_width(bytes(count)); }
  Bits most_bits(Index count) const { return 8 * bytes(count) + length_bits(count); }

  Index tokens, d, frame;
  int level;
  RowFormat rows;
};

// Appends the byte planes of `count` numbers.
void append_planes(core::FloatFormat format, const std::vector<float>& numbers, std::vector<std::uint8_t>& bytes) {
  for (int shift = 0; shift < core::bits_of(format); shift += 8) {
    for (const float x : numbers) bytes.push_back(core::encode_float(format, x) >> shift & 0xff);
  }
}
const std::uint8_t* read_planes(core::FloatFormat format, const std::uint8_t* bytes, float* numbers, Index count) {
  std::vector<std::uint64_t> words(count);
  for (int shift = 0; shift < core::bits_of(format); shift += 8) {
    for (std::uint64_t& word : words) word |= std::uint64_t{*bytes++} << shift;
  }
  std::transform(words.begin(), words.end(), numbers,
                 [&](std::uint64_t word) { return core::decode_float(format, word); });
  return bytes;
}

class LomaLosslessEncoder : public Encoder {
 public:
  explicit LomaLosslessEncoder(const PublicParams& params) : layout_(params) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      if (layout_.rows.stored_keys) keys_.insert(keys_.end(), key, key + layout_.d);
      values_.insert(values_.end(), value, value + layout_.d);
      ++count_;
      if (buffered() == layout_.frame || count_ == layout_.tokens) finish();
    }
  }
  Bits state_bits() const override { return finished_bits_ + (buffered() > 0 ? layout_.most_bits(buffered()) : 0); }
  void write(core::BitWriter& writer) const override {
    for (const Frame& frame : frames_) put(writer, frame);
    if (buffered() > 0) put(writer, {buffered(), planes()});
  }

 private:
  struct Frame {
    Index count;
    std::vector<std::uint8_t> bytes;
  };

  Index buffered() const { return std::ssize(values_) / layout_.d; }
  std::vector<std::uint8_t> planes() const {
    std::vector<std::uint8_t> bytes;
    append_planes(layout_.rows.format, keys_, bytes);
    append_planes(layout_.rows.format, values_, bytes);
    return bytes;
  }
  void finish() {
    Frame frame{buffered(), planes()};
    std::vector<std::uint8_t> compressed(ZSTD_compressBound(frame.bytes.size()));
    const std::size_t size =
        ZSTD_compress(compressed.data(), compressed.size(), frame.bytes.data(), frame.bytes.size(), layout_.level);
    if (!ZSTD_isError(size) && size < frame.bytes.size()) {
      compressed.resize(size);
      frame.bytes = std::move(compressed);
    }
    finished_bits_ += 8 * std::ssize(frame.bytes) + layout_.length_bits(frame.count);
    frames_.push_back(std::move(frame));
    keys_.clear();
    values_.clear();
  }
  void put(core::BitWriter& writer, const Frame& frame) const {
    writer.section("lengths");
    writer.put(frame.bytes.size(), layout_.length_bits(frame.count));
    writer.section("rows");
    for (const std::uint8_t byte : frame.bytes) writer.put(byte, 8);
  }

  Layout layout_;
  std::vector<Frame> frames_;
  std::vector<float> keys_, values_;  // of the unfinished frame
  Index count_ = 0;
  Bits finished_bits_ = 0;
};

class LomaLosslessDecoder : public Decoder {
 public:
  LomaLosslessDecoder(const PublicParams& params, core::BitReader reader)
      : keys_(params.tokens(), params.d), values_(params.tokens(), params.d) {
    const Layout layout(params);
    for (Index first = 0; first < layout.tokens; first += layout.frame) {
      const Index count = std::min(layout.frame, layout.tokens - first);
      const std::vector<std::uint8_t> bytes = frame_bytes(layout, count, reader);
      const Index numbers = count * layout.d;
      const std::uint8_t* plane = bytes.data();
      if (layout.rows.stored_keys) plane = read_planes(layout.rows.format, plane, keys_.row(first).data(), numbers);
      read_planes(layout.rows.format, plane, values_.row(first).data(), numbers);
    }
    if (!layout.rows.stored_keys) keys_ = public_keys(params, all_tokens(params.tokens()));
  }
  core::RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  static std::vector<std::uint8_t> frame_bytes(const Layout& layout, Index count, core::BitReader& reader) {
    const std::size_t length = reader.get(layout.length_bits(count)), size = layout.bytes(count);
    if (length > size) throw core::DataError("a frame is longer than its rows");
    std::vector<std::uint8_t> bytes(length);
    for (std::uint8_t& byte : bytes) byte = reader.get(8);
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
    return "control: the rounded cache, compressed by zstd byte plane by byte plane without loss; the length depends "
           "on the data and on the version of zstd";
  }
  std::string surrogates() const override {
    return "a general lossless coder in place of a trained model that repeats its tokens";
  }
  std::string paper() const override { return "control for Wang and Xiao, LoMA, arXiv 2401.09486; zstd: RFC 8878"; }
  std::string guarantee() const override {
    return "the answers of exact, bit for bit, in at most its bits plus one length per frame";
  }
  const core::OptionTable& options() const override { return core::table_of<LomaLosslessOptions>(); }
  bool fixed_length() const override { return false; }
  std::optional<Bits> message_bits(const PublicParams&) const override { return std::nullopt; }
  // There is no size to choose; the bound holds because no frame grows.
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    const Layout layout(params);
    const Index whole = layout.tokens / layout.frame, rest = layout.tokens % layout.frame;
    const Bits most = whole * layout.most_bits(layout.frame) + (rest > 0 ? layout.most_bits(rest) : 0);
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
