// Value entries as N(0,1) numbers through an entropy-coded quantiser, scalar or with a trellis: the upper side of the
// Gaussian floor 4^-b. Made for Gaussian values; others are coded with the same public model, at whatever that costs.
//
// The code is of variable length and the message is not: a block of entries gets a fixed share of the bits, and the
// encoder looks for the finest of 3072 public steps (1/256 octave apart) whose code fits, names it in 12 bits and fills
// up with zeros.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "schemes/codec/block_cut.hpp"
#include "schemes/codec/gaussian_quantiser.hpp"
#include "schemes/codec/public_keys.hpp"

namespace kvfrontier::schemes::ecsq {
namespace {

constexpr int level_bits = 12;
// Any level that names no step: the block is read as zeros, the mean.
constexpr std::uint64_t silence = (std::uint64_t{1} << level_bits) - 1;
static_assert(silence >= step_levels);
constexpr std::uint64_t most_bits_per_entry = 10;  // the finest step needs 8.05, and block headers little more

Index total_bits(const PublicParams& params) {
  const std::uint64_t most = most_bits_per_entry * value_entries(params);
  const core::Json& bits = params.options.at("bits");
  return static_cast<Index>(bits.is_null() ? most : std::min(most, bits.get<std::uint64_t>()));
}

std::vector<CodedBlock> blocks_of(const PublicParams& params) {
  return cut_into_blocks(static_cast<Index>(value_entries(params)), total_bits(params),
                         Index{1} << params.options.at("block").get<int>());
}

int states_of(const PublicParams& params) {
  const auto trellis = params.options.at("trellis").get<std::string>();
  return trellis == "none" ? 1 : std::stoi(trellis);
}

// The level at which N(0,1) entries take about `rate` bits each, at high rate: h(X) - log2(step) = 2.05 - log2(step),
// and a bit less in a trellis.
int expected_level(double rate, int states) {
  const double octaves = (states == 1 ? 2.05 : 1.05) - rate - std::log2(GaussianQuantiser::least_step);
  return static_cast<int>(std::clamp(256 * octaves, 0.0, step_levels - 1.0));
}

struct Coded {
  int level;  // step_levels: silence
  core::BitString code;
};

// The code of at most `room` bits of a level whose finer neighbour has a longer one; silence if the coarsest has too.
// Lengths fall with the step but for accidents. Every level that is tried costs a pass over the values, so the search
// starts from `level` and goes where the slope of the lengths points; it must narrow in any case.
Coded finest(const std::vector<float>& values, std::size_t room, int states, int level) {
  int fine = -1, coarse = step_levels;  // `fine` does not fit, `coarse` does
  core::BitString code;
  // At high rate 256 levels are a bit an entry.
  double slope = static_cast<double>(values.size()) / 256, last_bits = 0;
  int last_level = -1;
  for (int tries = 1; coarse - fine > 1; ++tries) {
    const auto quantiser = gaussian_quantiser(level, states);
    const auto path = quantiser->quantise(values);
    // The range coder adds a bit at most; it runs only where that may still fit.
    core::BitString tried;
    bool fits = path.bits < static_cast<double>(room) + 1;
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
    const double over = (path.bits - static_cast<double>(room)) / slope;
    level = tries < 6 ? static_cast<int>(std::clamp(std::ceil(level + over), fine + 1.0, coarse - 1.0))
                      : fine + (coarse - fine) / 2;
  }
  return {coarse, std::move(code)};
}

std::vector<float> decoded(const CodedBlock& block, core::BitReader& reader, int states) {
  const bool has_level = block.bits >= level_bits;
  const std::uint64_t level = has_level ? reader.get(level_bits) : silence;
  core::BitWriter code;
  for (Index rest = block.bits - (has_level ? level_bits : 0); rest > 0; rest -= 64) {
    const int count = static_cast<int>(std::min<Index>(rest, 64));
    code.put(reader.get(count), count);
  }
  const auto count = static_cast<std::size_t>(block.length);
  if (level >= step_levels) return std::vector<float>(count, 0.0f);
  return gaussian_quantiser(static_cast<int>(level), states)->decode(code.bits(), count);
}

void append(core::BitWriter& writer, const core::BitString& bits) {
  for (std::uint64_t first = 0; first < bits.size; first += 64)
    writer.put(bits.words[first / 64], static_cast<int>(std::min<std::uint64_t>(bits.size - first, 64)));
}

class EcsqEncoder : public Encoder {
 public:
  explicit EcsqEncoder(const PublicParams& params) : blocks_(blocks_of(params)), states_(states_of(params)) {}

  void absorb(const TokenBlock& tokens) override {
    for (Index i = 0; i < tokens.count(); ++i) {
      for (Index c = 0; c < tokens.values.cols(); ++c) {
        buffer_.push_back(tokens.values(i, c));
        if (static_cast<Index>(buffer_.size()) == blocks_[finished_].length) finish(blocks_[finished_]);
      }
    }
  }
  std::uint64_t state_bits() const override { return bits_.bits().size; }
  std::uint64_t working_bits() const override { return 32 * buffer_.size(); }
  void write(core::BitWriter& writer) const override {
    writer.section("values");
    writer.reserve(bits_.bits().size);
    append(writer, bits_.bits());
  }

 private:
  // Level, code, zeros. All of them zeros where not even a level fits.
  void finish(const CodedBlock& block) {
    auto rest = static_cast<std::uint64_t>(block.bits);
    if (rest >= level_bits) {
      const std::uint64_t room = rest - level_bits;
      if (level_ < 0) level_ = expected_level(static_cast<double>(room) / static_cast<double>(block.length), states_);
      const Coded found = finest(buffer_, room, states_, level_);
      level_ = std::min(found.level, step_levels - 1);
      bits_.put(found.level < step_levels ? static_cast<std::uint64_t>(found.level) : silence, level_bits);
      append(bits_, found.code);
      rest = room - found.code.size;
    }
    for (; rest > 0; rest -= std::min<std::uint64_t>(rest, 64))
      bits_.put(0, static_cast<int>(std::min<std::uint64_t>(rest, 64)));
    buffer_.clear();
    ++finished_;
  }

  std::vector<CodedBlock> blocks_;
  int states_, level_ = -1;  // of the last block, from which the next is searched
  std::size_t finished_ = 0;
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
    for (Index i = 0; i < out.size(); ++i) out.data()[i] = static_cast<double>(value[i]);
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
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("bits", {}, 0, 9'000'000'000'000'000, "length of the message; at most 10 N d").sized(),
        core::Option::integer(
            "block", 14, 6, 20,
            "log2 of the number of value entries coded together; the last block may hold almost twice as many"),
        core::Option::choice("trellis", "8", {"none", "4", "8", "16", "32", "64", "128", "256"},
                             "states of the trellis; none: scalar quantisation. Time grows with them")};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return static_cast<std::uint64_t>(total_bits(params));
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    core::Json options = params.options;
    options["bits"] = std::min(budget_bits, most_bits_per_entry * value_entries(params));
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
    // Three or four passes of the search, 100 operations a value and 10 a state each, and twice the range coder.
    return static_cast<double>(value_entries(params)) *
           (4.0 * static_cast<double>(queries) + 600 + 40.0 * states_of(params));
  }
};

const core::Registration<Scheme, Ecsq> registration;

}  // namespace
}  // namespace kvfrontier::schemes::ecsq
