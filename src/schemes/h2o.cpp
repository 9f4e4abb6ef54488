// Heavy hitters: a token's score is the attention it has received so far; over capacity, the lowest score outside the
// recent window goes for ever. No queries come with the stream, so a named proxy stands in for them.

#include <algorithm>
#include <vector>

#include "schemes/codec/eviction.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::h2o {
namespace {

Index capacity(const PublicParams& params) {
  return params.options.at("heavy").get<Index>() + params.options.at("recent").get<Index>();
}
Index held(const PublicParams& params) {
  return std::min(capacity(params), params.tokens());
}
HeavyHitters policy(const PublicParams& params) {
  return {params, params.options.at("heavy").get<Index>(), params.options.at("recent").get<Index>(),
          params.options.at("score") == "mean"};
}

class H2oEncoder : public Encoder {
 public:
  explicit H2oEncoder(const PublicParams& params)
      : format_(RowFormat::of(params)), rows_(format_, held(params)), hitters_(policy(params)), key_(params.d) {}

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
  std::uint64_t state_bits() const override { return rows_.bits(); }
  std::uint64_t working_bits() const override {
    return 32 * static_cast<std::uint64_t>(rows_.count());
  }  // one score each
  void write(core::BitWriter& writer) const override { rows_.write(writer); }

 private:
  // A streaming cache scores with what it has stored, not with the key as it arrived.
  const float* scored_key(const float* key) {
    if (!format_.stored_keys) return key;
    core::store_floats(format_.format, key, key_.data(), static_cast<std::size_t>(format_.d));
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
    return "the stream has no queries: a proxy stands in for them, the keys themselves or public random directions";
  }
  std::string paper() const override {
    return "Zhang et al., H2O: Heavy-Hitter Oracle for Efficient Generative Inference of LLMs, NeurIPS 2023";
  }
  std::string guarantee() const override {
    return "none on INDEX, where all tokens look alike to any proxy: bit error (1 - f)/2 at kept fraction f";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("heavy", {}, 0, 1'000'000'000, "tokens kept for their score").sized(),
        core::Option::integer("recent", {}, 0, 1'000'000'000, "most recent tokens kept").sized(),
        proxy_option(),
        core::Option::choice("score", "sum", {"sum", "mean"},
                             "sum of received attention, or its mean over the queries that could see the token"),
        format_option(),
        keys_option()};
    return table;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<H2oEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    std::vector<Index> tokens;
    if (!stores_keys(params)) {
      HeavyHitters hitters = policy(params);
      core::RowMatrixF key(1, params.d);
      for (Index token = 0; token < params.tokens(); ++token) {
        params.keys().rows(params.key, params.tokens(), token, key);
        hitters.offer(token, key.data());
      }
      tokens = hitters.tokens();
    }
    return std::make_unique<KeptRowsDecoder>(params, reader, held(params), tokens);
  }
  Index held_rows(const PublicParams& params) const override { return held(params); }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2, rows = static_cast<double>(held(params));
    return Scheme::operations(params, queries) +
           parties * static_cast<double>(params.tokens()) * rows * (2.0 * static_cast<double>(params.d) + 16.0);
  }

 protected:
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  void set_rows(const PublicParams&, Index rows, core::Json& options) const override {
    options["heavy"] = rows - rows / 2;
    options["recent"] = rows / 2;
  }
};

const core::Registration<Scheme, H2o> registration;

}  // namespace
}  // namespace kvfrontier::schemes::h2o
