// Attention sinks and a recent window: the first `sinks` tokens for ever, and the last `window` tokens of the stream
// (raster order inside a map). The kept set is a function of N, so it costs no index bits.

#include <algorithm>

#include "schemes/codec/eviction.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::streaming_llm {
namespace {

struct StreamingLlmOptions {
  std::optional<Index> window;
  Index sinks = 4;
  int sink_maps = -1;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<StreamingLlmOptions> members() {
    return {
        core::member("window", &StreamingLlmOptions::window, "number of most recent tokens kept").range(0, 1e9).sized(),
        core::member("sinks", &StreamingLlmOptions::sinks, "number of first tokens kept for ever").range(0, 1e9),
        core::member("sink_scales", &StreamingLlmOptions::sink_maps,
                     "keep all tokens of this many coarsest maps instead of `sinks`; -1: off")
            .range(-1, 64),
        format_member(&StreamingLlmOptions::format), keys_member(&StreamingLlmOptions::keys)};
  }
};

const StreamingLlmOptions& options_of(const PublicParams& params) {
  return params.options.as<StreamingLlmOptions>();
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, options_of(params).keys == Keys::stored, options_of(params).format};
}

Index sinks(const PublicParams& params) {
  const StreamingLlmOptions& options = options_of(params);
  const Index wanted = options.sink_maps < 0
                           ? options.sinks
                           : params.schedule.first_token(std::min(options.sink_maps, params.schedule.map_count()));
  return std::min(wanted, params.tokens());
}
Index window(const PublicParams& params) {
  return options_of(params).window.value();
}
Index held(const PublicParams& params) {
  return std::min(params.tokens(), sinks(params) + std::min(window(params), params.tokens()));
}

class StreamingLlmEncoder : public Encoder {
 public:
  explicit StreamingLlmEncoder(const PublicParams& params)
      : rows_(format_of(params), held(params)), policy_(sinks(params), window(params)) {}

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
  Bits state_bits() const override { return rows_.bits(); }
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
  const core::OptionTable& options() const override { return core::table_of<StreamingLlmOptions>(); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<StreamingLlmEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    SinksAndWindow policy(sinks(params), window(params));
    policy.offer(params.tokens() - 1, nullptr);
    return std::make_unique<KeptRowsDecoder>(format_of(params), params, reader, held(params), policy.tokens());
  }
  Index held_rows(const PublicParams& params) const override { return held(params); }

 protected:
  RowFormat row_format(const PublicParams& params) const override { return format_of(params); }
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  Index least_rows(const PublicParams& params) const override { return std::max<Index>(1, sinks(params)); }
  core::Options with_rows(const PublicParams& params, Index rows) const override {
    StreamingLlmOptions options = options_of(params);
    options.window = rows - sinks(params);
    return options;
  }
};

const core::Registration<Scheme, StreamingLlm> registration;

}  // namespace
}  // namespace kvfrontier::schemes::streaming_llm
