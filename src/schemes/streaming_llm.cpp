// Attention sinks and a recent window: the first `sinks` tokens for ever, and the last `window` tokens of the stream
// (raster order inside a map). The kept set is a function of N, so it costs no index bits.

#include <algorithm>

#include "schemes/codec/eviction.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::streaming_llm {
namespace {

// With `sink_scales` >= 0 the sinks are the tokens of that many coarsest maps.
Index sinks(const PublicParams& params) {
  const Index scales = params.options.at("sink_scales").get<Index>();
  const Index wanted =
      scales < 0 ? params.options.at("sinks").get<Index>()
                 : params.schedule.first_token(static_cast<int>(std::min<Index>(scales, params.schedule.scales())));
  return std::min(wanted, params.tokens());
}
Index window(const PublicParams& params) {
  return params.options.at("window").get<Index>();
}

Index held(const PublicParams& params) {
  return std::min(params.tokens(), sinks(params) + std::min(window(params), params.tokens()));
}

class StreamingLlmEncoder : public Encoder {
 public:
  explicit StreamingLlmEncoder(const PublicParams& params)
      : rows_(RowFormat::of(params), held(params)), policy_(sinks(params), window(params)) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const Index token = block.first + i;
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      const Index slot = policy_.offer(token, key);
      if (slot == rows_.count()) {
        rows_.add(token, key, value);
      } else if (slot >= 0) {
        rows_.replace(slot, token, key, value);
      }
    }
  }
  std::uint64_t state_bits() const override { return rows_.bits(); }
  void write(core::BitWriter& writer) const override { rows_.write(writer); }

 private:
  KeptRows rows_;
  SinksAndWindow policy_;
};

class StreamingLlm : public KeptRowsScheme {
 public:
  std::string name() const override { return "streaming_llm"; }
  std::string summary() const override {
    return "attention sinks and a sliding window of recent tokens; no positions, so no rotary re-indexing";
  }
  std::string paper() const override {
    return "Xiao et al., Efficient Streaming Language Models with Attention Sinks, ICLR 2024";
  }
  std::string guarantee() const override { return "none; bit error (1 - f)/2 on INDEX at kept fraction f"; }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("window", {}, 0, 1'000'000'000, "number of most recent tokens kept").sized(),
        core::Option::integer("sinks", 4, 0, 1'000'000'000, "number of first tokens kept for ever"),
        core::Option::integer("sink_scales", -1, -1, 64,
                              "keep all tokens of this many coarsest maps instead of `sinks`; -1: off"),
        format_option(), keys_option()};
    return table;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<StreamingLlmEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    SinksAndWindow policy(sinks(params), window(params));
    policy.offer(params.tokens() - 1, nullptr);
    return std::make_unique<KeptRowsDecoder>(params, reader, held(params), policy.tokens());
  }
  Index held_rows(const PublicParams& params) const override { return held(params); }

 protected:
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  Index least_rows(const PublicParams& params) const override { return std::max<Index>(1, sinks(params)); }
  void set_rows(const PublicParams& params, Index rows, core::Json& options) const override {
    options["window"] = rows - sinks(params);
  }
};

const core::Registration<Scheme, StreamingLlm> registration;

}  // namespace
}  // namespace kvfrontier::schemes::streaming_llm
