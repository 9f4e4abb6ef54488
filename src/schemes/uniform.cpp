// Uniform sampling of tokens by public priorities: every token has a priority drawn from the public coins, and the m
// smallest are kept. The same law as a reservoir, but independent of block sizes, and the kept set is public, so that
// it costs no index bits.

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "core/rng.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::uniform {
namespace {

struct UniformOptions {
  std::optional<Index> kept;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<UniformOptions> members() {
    return {core::member("kept", &UniformOptions::kept, "number of tokens kept").range(0, 1e9).sized(),
            format_member(&UniformOptions::format), keys_member(&UniformOptions::keys)};
  }
};

const UniformOptions& options_of(const PublicParams& params) {
  return params.options.as<UniformOptions>();
}
Index held(const PublicParams& params) {
  return std::min(options_of(params).kept.value(), params.tokens());
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, options_of(params).keys == Keys::stored, options_of(params).format};
}

// A kept token and the slot of its row.
struct Kept {
  std::uint64_t priority;
  Index token, slot;
  // Ties (probability about N^2 / 2^65) fall to the smaller token.
  bool operator<(const Kept& other) const { return std::tie(priority, token) < std::tie(other.priority, other.token); }
};

// The largest priority still kept is on top.
class SmallestPriorities {
 public:
  SmallestPriorities(core::Coins coins, Index capacity) : coins_(coins), capacity_(capacity) {}

  // The slot of `token`, which is the next free one or that of the token that has to go; -1 when it is not kept.
  Index offer(Index token) {
    Kept fresh{core::Stream(coins_, core::Purpose("uniform/priority"), static_cast<std::uint64_t>(token)).next64(),
               token, static_cast<Index>(heap_.size())};
    if (fresh.slot == capacity_) {
      if (capacity_ == 0 || heap_.top() < fresh) return -1;
      fresh.slot = heap_.top().slot;
      heap_.pop();
    }
    heap_.push(fresh);
    return fresh.slot;
  }

  std::vector<Index> tokens() && {
    std::vector<Index> list;
    for (; !heap_.empty(); heap_.pop()) list.push_back(heap_.top().token);
    std::sort(list.begin(), list.end());
    return list;
  }

 private:
  core::Coins coins_;
  Index capacity_;
  std::priority_queue<Kept> heap_;
};

class UniformEncoder : public Encoder {
 public:
  explicit UniformEncoder(const PublicParams& params)
      : rows_(format_of(params), held(params)), smallest_(params.coins, held(params)) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const Index token = block.first + i, slot = smallest_.offer(token);
      if (slot < 0) continue;
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      if (slot == rows_.count()) {
        rows_.add(token, key, value);
      } else {
        rows_.replace(slot, token, key, value);
      }
    }
  }
  Bits state_bits() const override { return rows_.bits(); }
  void write(core::BitWriter& writer) const override { rows_.write(writer); }

 private:
  KeptRows rows_;
  SmallestPriorities smallest_;
};

class Uniform : public KeptRowsScheme {
 public:
  std::string name() const override { return "uniform"; }
  std::string summary() const override { return "a uniform sample of tokens, chosen by public priorities"; }
  std::string paper() const override { return "reservoir sampling; bottom-k sketches"; }
  std::string guarantee() const override {
    return "bit error (1 - f)/2 on INDEX at kept fraction f; E[output] has no bound";
  }
  const core::OptionTable& options() const override { return core::table_of<UniformOptions>(); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<UniformEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    std::vector<Index> tokens;
    if (options_of(params).keys == Keys::open) {
      SmallestPriorities smallest(params.coins, held(params));
      for (Index token = 0; token < params.tokens(); ++token) smallest.offer(token);
      tokens = std::move(smallest).tokens();
    }
    return std::make_unique<KeptRowsDecoder>(format_of(params), params, reader, held(params), tokens);
  }
  Index held_rows(const PublicParams& params) const override { return held(params); }

 protected:
  RowFormat row_format(const PublicParams& params) const override { return format_of(params); }
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  core::Options with_rows(const PublicParams& params, Index rows) const override {
    UniformOptions options = options_of(params);
    options.kept = rows;
    return options;
  }
};

const core::Registration<Scheme, Uniform> registration;

}  // namespace
}  // namespace kvfrontier::schemes::uniform
