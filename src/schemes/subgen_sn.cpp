// SubGen with its numerator's samples in the denominator too: importance sampling by the squared length of values,
// self-normalised, so answers are means of values again.

#include <algorithm>

#include "attention/attention.hpp"
#include "schemes/codec/value_reservoir.hpp"

namespace kvfrontier::schemes::subgen_sn {
namespace {

struct SubgenSnOptions {
  std::optional<Index> samples;
  core::FloatFormat format = core::FloatFormat::fp16;

  static core::MemberList<SubgenSnOptions> members() {
    return {core::member("samples", &SubgenSnOptions::samples, "s, sampled values").range(1, 1e7).sized(),
            format_member(&SubgenSnOptions::format)};
  }
};

Index samples_of(const PublicParams& params) {
  return params.options.as<SubgenSnOptions>().samples.value();
}
core::FloatFormat format_of(const PublicParams& params) {
  return params.options.as<SubgenSnOptions>().format;
}

class SubgenSnEncoder : public Encoder {
 public:
  explicit SubgenSnEncoder(const PublicParams& params) : values_(format_of(params), params, samples_of(params)) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i)
      values_.offer(block.first + i, block.keys.row(i).data(), block.values.row(i).data());
  }
  Bits state_bits() const override { return values_.bits(); }
  void write(core::BitWriter& writer) const override { values_.write(writer); }

 private:
  ValueReservoir values_;
};

class SubgenSnDecoder : public Decoder {
 public:
  SubgenSnDecoder(const PublicParams& params, core::BitReader reader)
      : samples_(format_of(params), params, reader, samples_of(params)) {
    // A slot without a value has weight 0.
    log_weights_ = samples_.weights.array().log();
  }
  core::RowMatrixD attend(core::RowsViewD queries) const override {
    if (samples_.weights.isZero(0)) return core::RowMatrixD::Zero(queries.rows(), samples_.values.cols());
    attention::SoftmaxAttention<double> attention(queries, samples_.values.cols());
    attention.absorb(samples_.keys, samples_.values, log_weights_.data());
    return attention.result();
  }

 private:
  ValueSamples samples_;
  Eigen::VectorXd log_weights_;
};

class SubgenSn : public Scheme {
 public:
  std::string name() const override { return "subgen_sn"; }
  std::string summary() const override {
    return "SubGen's value samples alone, self-normalised: the same samples estimate the denominator";
  }
  std::string paper() const override {
    return "a variant of ours of Zandieh et al., SubGen, arXiv 2402.06082; self-normalised importance sampling";
  }
  std::string guarantee() const override {
    return "answers are means of sampled values; biased: tokens whose value is 0 are never sampled, so the denominator "
           "misses them";
  }
  bool sends_keys(const core::Options&) const override { return true; }
  const core::OptionTable& options() const override { return core::table_of<SubgenSnOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return ValueReservoir::bits(format_of(params), samples_of(params), params.d);
  }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    const Bits head = ValueReservoir::bits(format_of(params), 0, params.d);
    const Bits least = ValueReservoir::bits(format_of(params), 1, params.d);
    if (budget_bits < least) return {std::nullopt, least};
    SubgenSnOptions options = params.options.as<SubgenSnOptions>();
    options.samples = std::min((budget_bits - head) / (least - head), params.tokens());
    return {options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<SubgenSnEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<SubgenSnDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override { return samples_of(params); }
};

const core::Registration<Scheme, SubgenSn> registration;

}  // namespace
}  // namespace kvfrontier::schemes::subgen_sn
