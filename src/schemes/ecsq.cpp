// Value entries as N(0,1) numbers through an entropy-coded quantiser, scalar or with a trellis: the upper side of the
// Gaussian floor 4^-b. Made for Gaussian values; other values are coded with the same public model, at whatever that
// costs.
//
// The code has variable length, but the message does not: a block of entries gets a fixed share of the bits. The
// encoder looks for the finest of 3072 public steps (1/256 octave apart) whose code fits, names the step in 12 bits and
// fills up with zeros.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "schemes/codec/block_cut.hpp"
#include "schemes/codec/gaussian_quantiser.hpp"
#include "schemes/codec/public_keys.hpp"

namespace kvfrontier::schemes::ecsq {

enum class Trellis { none, states4, states8, states16, states32, states64, states128, states256 };

}  // namespace kvfrontier::schemes::ecsq

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::ecsq::Trellis> {
  static constexpr std::array names{"none", "4", "8", "16", "32", "64", "128", "256"};
};

namespace kvfrontier::schemes::ecsq {
namespace {

struct EcsqOptions {
  std::optional<Bits> bits;
  int block = 14;
  Trellis trellis = Trellis::states8;

  static core::MemberList<EcsqOptions> members() {
    return {core::member("bits", &EcsqOptions::bits, "length of the message; at most 10 N d").range(0, 9e15).sized(),
            core::member("block", &EcsqOptions::block,
                         "log2 of the number of value entries coded together; the last block may hold almost twice as "
                         "many")
                .range(6, 20),
            core::member("trellis", &EcsqOptions::trellis,
                         "states of the trellis; none: scalar quantisation. Time grows with the number of states")};
  }
};

const EcsqOptions& options_of(const PublicParams& params) {
  return params.options.as<EcsqOptions>();
}

constexpr int level_bits = 12;
// A level that names no step: the block is read as zeros, the mean.
constexpr std::uint64_t silence = (std::uint64_t{1} << level_bits) - 1;
static_assert(silence >= step_levels);
constexpr Bits most_bits_per_entry = 10;  // the finest step needs 8.05, and block headers little more

Bits total_bits(const PublicParams& params) {
  const Bits most = most_bits_per_entry * value_entries(params);
  return std::min(most, options_of(params).bits.value_or(most));
}

std::vector<CodedBlock> blocks_of(const PublicParams& params) {
  return cut_into_blocks(value_entries(params), total_bits(params), Index{1} << options_of(params).block);
}

int states_of(const PublicParams& params) {
  const Trellis trellis = options_of(params).trellis;
  return trellis == Trellis::none ? 1 : 2 << static_cast<int>(trellis);
}

// The level at which N(0,1) entries take about `rate` bits each at high rate: h(X) - log2(step) = 2.05 - log2(step),
// and one bit less in a trellis.
int expected_level(double rate, int states) {
  const double octaves = (states == 1 ? 2.05 : 1.05) - rate - std::log2(GaussianQuantiser::least_step);
  return static_cast<int>(std::clamp(256 * octaves, 0.0, step_levels - 1.0));
}

struct Coded {
  int level;  // step_levels: silence
  core::BitString code;
};

// A level with a code of at most `room` bits whose finer neighbour has a longer code; silence if even the coarsest
// level has. A larger step almost always gives a shorter code. Every level tried costs a pass over the values, so the
// search starts from `level` and follows the slope of the lengths; every try narrows it.
Coded finest(const std::vector<float>& values, Bits room, int states, int level) {
  int fine = -1, coarse = step_levels;  // `fine` does not fit, `coarse` does
  core::BitString code;
  // At high rate 256 levels are worth one bit an entry.
  double slope = values.size() / 256.0, last_bits = 0;
  int last_level = -1;
  for (int tries = 1; coarse - fine > 1; ++tries) {
    const auto quantiser = gaussian_quantiser(level, states);
    const auto path = quantiser->quantise(values);
    // The range coder adds at most one bit; it runs only if the code may still fit.
    core::BitString tried;
    bool fits = path.bits < room + 1.0;
    if (fits) fits = (tried = quantiser->encode(path)).size <= room;
    if (fits) {
      coarse = level;
      code = std::move(tried);
    } else {
      fine = level;
    }
    const double secant = (last_bits - path.bits) / (level - last_level);
    if (last_level >= 0 && secant > 0) slope = secant;
    last_level = level;
    last_bits = path.bits;
    const double over = (path.bits - room) / slope;
    level = tries < 6 ? static_cast<int>(std::clamp(std::ceil(level + over), fine + 1.0, coarse - 1.0))
                      : fine + (coarse - fine) / 2;
  }
  return {coarse, std::move(code)};
}

std::vector<float> decoded(const CodedBlock& block, core::BitReader& reader, int states) {
  const bool has_level = block.bits >= level_bits;
  const std::uint64_t level = has_level ? reader.get(level_bits) : silence;
  core::BitWriter code;
  for (Bits rest = block.bits - (has_level ? level_bits : 0); rest > 0; rest -= 64) {
    const int count = std::min<Bits>(rest, 64);
    code.put(reader.get(count), count);
  }
  if (level >= step_levels) return std::vector<float>(block.length, 0.0f);
  return gaussian_quantiser(level, states)->decode(code.bits(), block.length);
}

void append(core::BitWriter& writer, const core::BitString& bits) {
  for (Bits first = 0; first < bits.size; first += 64)
    writer.put(bits.words[first / 64], std::min<Bits>(bits.size - first, 64));
}

class EcsqEncoder : public Encoder {
 public:
  explicit EcsqEncoder(const PublicParams& params) : blocks_(blocks_of(params)), states_(states_of(params)) {}

  void absorb(const TokenBlock& tokens) override {
    for (Index i = 0; i < tokens.count(); ++i) {
      for (Index c = 0; c < tokens.values.cols(); ++c) {
        buffer_.push_back(tokens.values(i, c));
        if (std::ssize(buffer_) == blocks_[finished_].length) finish(blocks_[finished_]);
      }
    }
  }
  Bits state_bits() const override { return bits_.bits().size; }
  Bits working_bits() const override { return 32 * std::ssize(buffer_); }
  void write(core::BitWriter& writer) const override {
    writer.section("values");
    writer.reserve(bits_.bits().size);
    append(writer, bits_.bits());
  }

 private:
  // Level, code, zeros; zeros only where not even a level fits.
  void finish(const CodedBlock& block) {
    Bits rest = block.bits;
    if (rest >= level_bits) {
      const Bits room = rest - level_bits;
      if (level_ < 0) level_ = expected_level(1.0 * room / block.length, states_);
      const Coded found = finest(buffer_, room, states_, level_);
      level_ = std::min(found.level, step_levels - 1);
      bits_.put(found.level < step_levels ? found.level : silence, level_bits);
      append(bits_, found.code);
      rest = room - found.code.size;
    }
    for (; rest > 0; rest -= std::min<Bits>(rest, 64)) bits_.put(0, std::min<Bits>(rest, 64));
    buffer_.clear();
    ++finished_;
  }

  std::vector<CodedBlock> blocks_;
  int states_, level_ = -1;  // the last block's level, where the next search starts; -1: none yet
  Index finished_ = 0;
  std::vector<float> buffer_;
  core::BitWriter bits_;
};

class EcsqDecoder : public PublicKeysDecoder {
 public:
  EcsqDecoder(const PublicParams& params, core::BitReader reader) : PublicKeysDecoder(params) {
    for (const CodedBlock& block : blocks_of(params)) {
      const std::vector<float> part = decoded(block, reader, states_of(params));
      values_.insert(values_.end(), part.begin(), part.end());
    }
  }

 private:
  void values(Index first, core::RowMatrixD& out) const override {
    const float* value = values_.data() + first * out.cols();
    for (Index i = 0; i < out.size(); ++i) out.data()[i] = value[i];
  }

  std::vector<float> values_;
};

class Ecsq : public Scheme {
 public:
  std::string name() const override { return "ecsq"; }
  std::string summary() const override {
    return "public keys and values through an entropy-coded quantiser for N(0,1), scalar or with a trellis";
  }
  std::string paper() const override {
    return "Chou, Lookabaugh and Gray, IEEE Trans. ASSP 37 (1989); Fischer and Wang, IEEE Trans. Inf. Theory 38 (1992)";
  }
  int version() const override { return 2; }
  std::string guarantee() const override {
    return "N(0,1) values at high rate: mean squared error within 1.53 dB of 4^-b without a trellis (Gish and Pierce "
           "1968)";
  }
  const core::OptionTable& options() const override { return core::table_of<EcsqOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return total_bits(params); }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    EcsqOptions options = options_of(params);
    options.bits = std::min(budget_bits, most_bits_per_entry * value_entries(params));
    return {options, 0};
  }
  void check(const PublicParams& params, const std::string& path) const override { require_public_keys(params, path); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<EcsqEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<EcsqDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams&) const override { return PublicKeysDecoder::held_rows; }
  double operations(const PublicParams& params, Index queries) const override {
    // The search makes three or four passes, of 100 operations a value and 10 a state; the range coder runs twice.
    return value_entries(params) * (4.0 * queries + 600 + 40.0 * states_of(params));
  }
};

const core::Registration<Scheme, Ecsq> registration;

}  // namespace
}  // namespace kvfrontier::schemes::ecsq
