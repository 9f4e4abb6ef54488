// Heavy hitters: a token's score is the attention it has received so far; over capacity, the token with the lowest
// score outside the recent window goes for ever. The stream has no queries, so a named proxy replaces them.

#include <algorithm>
#include <array>
#include <vector>

#include "schemes/codec/eviction.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::h2o {

enum class Score { sum, mean };

}  // namespace kvfrontier::schemes::h2o

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::h2o::Score> {
  static constexpr std::array names{"sum", "mean"};
};

namespace kvfrontier::schemes::h2o {
namespace {

struct H2oOptions {
  std::optional<Index> heavy, recent;
  Proxy proxy = Proxy::k2k;
  Score score = Score::sum;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<H2oOptions> members() {
    return {core::member("heavy", &H2oOptions::heavy, "tokens kept for their score").range(0, 1e9).sized(),
            core::member("recent", &H2oOptions::recent, "most recent tokens kept").range(0, 1e9).sized(),
            proxy_member(&H2oOptions::proxy),
            core::member("score", &H2oOptions::score,
                         "sum of received attention, or its mean over the queries that could see the token"),
            format_member(&H2oOptions::format),
            keys_member(&H2oOptions::keys)};
  }
};

const H2oOptions& options_of(const PublicParams& params) {
  return params.options.as<H2oOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, stores_keys(params), options_of(params).format};
}
Index held(const PublicParams& params) {
  const H2oOptions& options = options_of(params);
  return std::min(options.heavy.value() + options.recent.value(), params.tokens());
}
HeavyHitters policy(const PublicParams& params) {
  const H2oOptions& options = options_of(params);
  return {options.proxy, params, options.heavy.value(), options.recent.value(), options.score == Score::mean};
}

class H2oEncoder : public Encoder {
 public:
  explicit H2oEncoder(const PublicParams& params)
      : format_(format_of(params)), rows_(format_, held(params)), hitters_(policy(params)), key_(params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      const Index slot = hitters_.offer(block.first + i, scored_key(key));
      if (slot < 0) continue;
      if (slot == rows_.count()) {
        rows_.add(block.first + i, key, value);
      } else {
        rows_.replace(slot, block.first + i, key, value);
      }
    }
  }
  Bits state_bits() const override { return rows_.bits(); }
  Bits working_bits() const override { return 32 * rows_.count(); }  // one score each
  void write(core::BitWriter& writer) const override { rows_.write(writer); }

 private:
  // A streaming cache computes scores from the stored key, not from the key as it arrived.
  const float* scored_key(const float* key) {
    if (!format_.stored_keys) return key;
    core::store_floats(format_.format, key, key_.data(), format_.d);
    return key_.data();
  }

  RowFormat format_;
  KeptRows rows_;
  HeavyHitters hitters_;
  Eigen::VectorXf key_;
};

class H2o : public KeptRowsScheme {
 public:
  std::string name() const override { return "h2o"; }
  std::string summary() const override { return "heavy hitters by accumulated attention and a recent window"; }
  std::string surrogates() const override {
    return "the stream has no queries: a proxy replaces them, the keys themselves or public random directions";
  }
  std::string paper() const override {
    return "Zhang et al., H2O: Heavy-Hitter Oracle for Efficient Generative Inference of LLMs, NeurIPS 2023";
  }
  std::string guarantee() const override {
    return "none on INDEX, where all tokens look alike to any proxy: bit error (1 - f)/2 at kept fraction f";
  }
  const core::OptionTable& options() const override { return core::table_of<H2oOptions>(); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<H2oEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    std::vector<Index> tokens;
    if (!stores_keys(params)) {
      HeavyHitters hitters = policy(params);
      core::RowMatrixF key(1, params.d);
      for (Index token = 0; token < params.tokens(); ++token) {
        params.keys().rows(params.coins, params.tokens(), token, key);
        hitters.offer(token, key.data());
      }
      tokens = hitters.tokens();
    }
    return std::make_unique<KeptRowsDecoder>(format_of(params), params, reader, held(params), tokens);
  }
  Index held_rows(const PublicParams& params) const override { return held(params); }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2;
    return Scheme::operations(params, queries) + parties * params.tokens() * held(params) * (2.0 * params.d + 16.0);
  }

 protected:
  RowFormat row_format(const PublicParams& params) const override { return format_of(params); }
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  core::Options with_rows(const PublicParams& params, Index rows) const override {
    H2oOptions options = options_of(params);
    options.heavy = rows - rows / 2;
    options.recent = rows / 2;
    return options;
  }
};

const core::Registration<Scheme, H2o> registration;

}  // namespace
}  // namespace kvfrontier::schemes::h2o
