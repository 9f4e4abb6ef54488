// The frontier from above: value bits through a lossy polar code, at any rate, within a few per cent of the
// rate-distortion function and so of the INDEX floor.
//
// Entry p = token d + coordinate of the stream has place (p + s) mod m of the code, m = N d, and is added to a dither
// bit; the shift s and the dither are public coins. The dither makes the coded source uniform whatever the values are,
// so the error depends on the place alone. The cyclic shift s, uniform in [0, m), gives every entry every place with
// the same probability. So, on average over the coins, all indices have exactly the same error, for every input,
// although the last blocks are shorter and a polar code whose length is no power of two does not treat its positions
// alike.

#include <algorithm>
#include <array>
#include <boost/random/uniform_int_distribution.hpp>
#include <map>
#include <utility>
#include <vector>

#include "core/rng.hpp"
#include "schemes/codec/block_cut.hpp"
#include "schemes/codec/polar_encoder.hpp"
#include "schemes/codec/public_keys.hpp"
#include "theory/entropy.hpp"

namespace kvfrontier::schemes::rate_distortion {

enum class Reading { bits, means };

}  // namespace kvfrontier::schemes::rate_distortion

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::rate_distortion::Reading> {
  static constexpr std::array names{"bits", "means"};
};

namespace kvfrontier::schemes::rate_distortion {
namespace {

struct RateDistortionOptions {
  std::optional<Bits> bits;
  int block = 16, list = 1;
  Reading values = Reading::bits;

  static core::MemberList<RateDistortionOptions> members() {
    return {core::member("bits", &RateDistortionOptions::bits, "length of the message; at most N d, which is exact")
                .range(0, 9e15)
                .sized(),
            core::member("block", &RateDistortionOptions::block,
                         "log2 of the number of value entries coded together; the last block may hold almost twice as "
                         "many")
                .range(0, 20),
            core::member("list", &RateDistortionOptions::list,
                         "codeword prefixes that the encoder follows; time grows with their number")
                .range(1, max_polar_list),
            core::member("values", &RateDistortionOptions::values,
                         "what a coded bit is read as: itself, or its mean given the message (less squared error)")};
  }
};

const RateDistortionOptions& options_of(const PublicParams& params) {
  return params.options.as<RateDistortionOptions>();
}
Bits total_bits(const PublicParams& params) {
  const Bits entries = value_entries(params);
  return std::min(entries, options_of(params).bits.value_or(entries));
}

// What both parties know about the code.
struct Layout {
  explicit Layout(const PublicParams& params)
      : m(value_entries(params)),
        d(params.d),
        coins(params.coins),
        blocks(cut_into_blocks(m, total_bits(params), Index{1} << options_of(params).block)) {
    core::Stream stream(coins, core::Purpose("rate_distortion/shift"), 0);
    shift = boost::random::uniform_int_distribution<Index>(0, m - 1)(stream);
  }
  Index place_of(Index token) const { return (token * d + shift) % m; }
  std::vector<std::uint8_t> dither_of(Index token) const {
    core::Stream stream(coins, core::Purpose("rate_distortion/dither"), token);
    std::vector<std::uint8_t> bits(d);
    std::uint64_t word = 0;
    for (Index c = 0; c < d; ++c) {
      if (c % 64 == 0) word = stream.next64();
      bits[c] = word >> (c % 64) & 1;
    }
    return bits;
  }
  // The block that holds `place`.
  Index block_at(Index place) const {
    const auto after = std::upper_bound(blocks.begin(), blocks.end(), place,
                                        [](Index p, const CodedBlock& block) { return p < block.first; });
    return after - blocks.begin() - 1;
  }

  Index m, d, shift = 0;
  core::Coins coins;
  std::vector<CodedBlock> blocks;
};

class RateDistortionEncoder : public Encoder {
 public:
  explicit RateDistortionEncoder(const PublicParams& params)
      : layout_(params), list_(options_of(params).list), finished_(layout_.blocks.size()) {}

  void absorb(const TokenBlock& tokens) override {
    for (Index i = 0; i < tokens.count(); ++i) {
      const Index token = tokens.first + i;
      const float* value = tokens.values.row(i).data();
      const std::vector<std::uint8_t> dither = layout_.dither_of(token);
      Index place = layout_.place_of(token);
      for (Index c = 0; c < layout_.d;) {
        // The entries of this row up to the end of a block.
        const Index b = layout_.block_at(place);
        const CodedBlock& block = layout_.blocks[b];
        const Index count = std::min(layout_.d - c, block.first + block.length - place);
        Open& open = open_[b];
        open.source.resize(block.length);
        for (Index k = 0; k < count; ++k) {
          open.source[place - block.first + k] = (value[c + k] > 0.5f) ^ dither[c + k];
        }
        open.filled += count;
        buffered_bits_ += count;
        if (open.filled == block.length) finish(b);
        c += count;
        place = (place + count) % layout_.m;
      }
    }
  }
  Bits state_bits() const override { return finished_bits_; }
  // The block being filled and the block of the first token, until the stream comes round to it. The arrays of the
  // polar encoder are not counted: they live only while a block is coded.
  Bits working_bits() const override { return buffered_bits_; }

  void write(core::BitWriter& writer) const override {
    writer.section("values");
    for (const std::vector<bool>& bits : finished_) {
      for (const bool bit : bits) writer.put(bit, 1);
    }
  }

 private:
  struct Open {
    std::vector<std::uint8_t> source;
    Index filled = 0;
  };

  void finish(Index b) {
    const CodedBlock& block = layout_.blocks[b];
    const auto code = polar_code(block.length, block.bits);
    const auto bits = code->information_bits(encoder_.encode(*code, open_.at(b).source, list_));
    finished_[b].assign(bits.begin(), bits.end());
    finished_bits_ += std::ssize(bits);
    buffered_bits_ -= block.length;
    open_.erase(b);
  }

  Layout layout_;
  int list_;
  PolarEncoder encoder_;
  std::map<Index, Open> open_;
  std::vector<std::vector<bool>> finished_;  // information bits
  Bits finished_bits_ = 0, buffered_bits_ = 0;
};

class RateDistortionDecoder : public PublicKeysDecoder {
 public:
  RateDistortionDecoder(const PublicParams& params, core::BitReader reader)
      : PublicKeysDecoder(params), layout_(params) {
    const bool means = options_of(params).values == Reading::means;
    for (const CodedBlock& block : layout_.blocks) {
      const double rate = 1.0 * block.bits / block.length;
      // The error that the code is designed for; what it reaches is a little more.
      doubts_.push_back(means ? theory::inverse_binary_entropy(1 - rate) : 0);
      std::vector<std::uint8_t> bits(block.bits);
      for (std::uint8_t& bit : bits) bit = reader.get(1);
      const auto codeword = polar_code(block.length, block.bits)->codeword(bits);
      codewords_.insert(codewords_.end(), codeword.begin(), codeword.end());
    }
  }

 private:
  void values(Index first, core::RowMatrixD& out) const override {
    for (Index i = 0; i < out.rows(); ++i) {
      const std::vector<std::uint8_t> dither = layout_.dither_of(first + i);
      Index place = layout_.place_of(first + i);
      for (Index c = 0; c < layout_.d;) {
        const Index b = layout_.block_at(place);
        const Index end = std::min(layout_.d, c + layout_.blocks[b].first + layout_.blocks[b].length - place);
        for (; c < end; ++c, ++place) {
          const bool bit = codewords_[place] != (dither[c] != 0);
          out(i, c) = bit ? 1 - doubts_[b] : doubts_[b];
        }
        place %= layout_.m;
      }
    }
  }

  Layout layout_;
  std::vector<bool> codewords_;
  std::vector<double> doubts_;  // of every block: the probability that a coded bit is wrong, or 0 where values are bits
};

class RateDistortion : public Scheme {
 public:
  std::string name() const override { return "rate_distortion"; }
  std::string summary() const override {
    return "public keys and value bits through a lossy polar code of any rate, as close to the floor as block and list "
           "make it";
  }
  std::string paper() const override {
    return "Korada and Urbanke, IEEE Trans. Inf. Theory 56 (2010); lists: Tal and Vardy 61 (2015)";
  }
  std::string guarantee() const override {
    return "the same bit error at every index, for every input, on average over public coins; it tends to H2^-1(1 - "
           "rate) as blocks grow (Korada and Urbanke, for randomised decisions)";
  }
  const core::OptionTable& options() const override { return core::table_of<RateDistortionOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return total_bits(params); }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    RateDistortionOptions options = options_of(params);
    options.bits = std::min(budget_bits, value_entries(params));
    return {options, 0};
  }
  void check(const PublicParams& params, const std::string& path) const override { require_public_keys(params, path); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<RateDistortionEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<RateDistortionDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams&) const override { return PublicKeysDecoder::held_rows; }
  double operations(const PublicParams& params, Index queries) const override {
    const double list = options_of(params).list, block = options_of(params).block;
    return value_entries(params) * (4.0 * queries + 200.0 + 4 * list * (list > 1 ? 2 : 1) * block);
  }
};

const core::Registration<Scheme, RateDistortion> registration;

}  // namespace
}  // namespace kvfrontier::schemes::rate_distortion
