// What SubGen's experiments are reported to have run: the recent tokens, and of the others greedy k-centres of the
// keys, each with its own value and the weight of one token. Offline: the encoder holds the whole stream until the
// hand-over.

#include <algorithm>
#include <limits>
#include <vector>

#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::subgen_kcenter {
namespace {

struct SubgenKcenterOptions {
  std::optional<Index> centres, recent;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<SubgenKcenterOptions> members() {
    return {core::member("centres", &SubgenKcenterOptions::centres, "k, centres among the older tokens")
                .range(0, 1e9)
                .sized(),
            core::member("recent", &SubgenKcenterOptions::recent, "most recent tokens kept").range(0, 1e9).sized(),
            format_member(&SubgenKcenterOptions::format), keys_member(&SubgenKcenterOptions::keys)};
  }
};

const SubgenKcenterOptions& options_of(const PublicParams& params) {
  return params.options.as<SubgenKcenterOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, stores_keys(params), options_of(params).format};
}

struct Sizes {
  explicit Sizes(const PublicParams& params)
      : centres(options_of(params).centres.value()), recent(options_of(params).recent.value()) {}
  Index kept(Index count) const { return std::min(count, centres + std::min(recent, count)); }
  Index centres, recent;
};

// The tokens among the rows of `keys` that are kept, ascending. Gonzalez' rule takes the first token, then repeatedly
// the one farthest from all centres so far, and of equally far ones the oldest.
std::vector<Index> kept_tokens(const core::RowMatrixF& keys, const Sizes& sizes) {
  const Index old = std::max<Index>(0, keys.rows() - sizes.recent), centres = std::min(sizes.centres, old);
  std::vector<bool> kept(keys.rows());
  std::fill(kept.begin() + old, kept.end(), true);
  Eigen::ArrayXf distances = Eigen::ArrayXf::Constant(old, std::numeric_limits<float>::infinity());
  for (Index i = 0; i < centres; ++i) {
    Index farthest;
    distances.maxCoeff(&farthest);
    kept[farthest] = true;
    distances = distances.min((keys.topRows(old).rowwise() - keys.row(farthest)).rowwise().squaredNorm().array());
    distances[farthest] = -1;  // below its copies
  }
  std::vector<Index> tokens;
  for (Index token = 0; token < keys.rows(); ++token) {
    if (kept[token]) tokens.push_back(token);
  }
  return tokens;
}

class SubgenKcenterEncoder : public Encoder {
 public:
  explicit SubgenKcenterEncoder(const PublicParams& params)
      : format_(format_of(params)), sizes_(params), keys_(params.tokens(), params.d), values_(keys_) {}

  void absorb(const TokenBlock& block) override {
    keys_.middleRows(count_, block.count()) = block.keys;
    values_.middleRows(count_, block.count()) = block.values;
    count_ += block.count();
  }
  Bits state_bits() const override { return sizes_.kept(count_) * format_.bits_per_row(); }
  Bits working_bits() const override {
    return (count_ - sizes_.kept(count_)) * 2 * format_.d * core::bits_of(format_.format);
  }
  void write(core::BitWriter& writer) const override {
    KeptRows rows(format_, sizes_.kept(count_));
    for (const Index token : kept_tokens(keys_.topRows(count_), sizes_))
      rows.add(token, keys_.row(token).data(), values_.row(token).data());
    rows.write(writer);
  }

 private:
  RowFormat format_;
  Sizes sizes_;
  core::RowMatrixF keys_, values_;
  Index count_ = 0;
};

class SubgenKcenter : public KeptRowsScheme {
 public:
  std::string name() const override { return "subgen_kcenter"; }
  std::string summary() const override {
    return "recent tokens and greedy k-centres of the older keys with their own values, unweighted; one offline pass "
           "over the whole cache";
  }
  std::string paper() const override { return "the experiments of Zandieh et al., SubGen, arXiv 2402.06082"; }
  std::string guarantee() const override {
    return "centres cover the older keys within twice the least radius of k centres (Gonzalez 1985); none for the "
           "answers: bit error (1 - f)/2 on INDEX at kept fraction f";
  }
  const core::OptionTable& options() const override { return core::table_of<SubgenKcenterOptions>(); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<SubgenKcenterEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    const Sizes sizes(params);
    std::vector<Index> tokens;
    if (!stores_keys(params)) tokens = kept_tokens(public_keys(params, all_tokens(params.tokens())), sizes);
    return std::make_unique<KeptRowsDecoder>(format_of(params), params, reader, sizes.kept(params.tokens()), tokens);
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2, entries = Sizes(params).centres * params.d;
    return Scheme::operations(params, queries) + parties * 3.0 * params.tokens() * entries;
  }

 protected:
  RowFormat row_format(const PublicParams& params) const override { return format_of(params); }
  Index sent_rows(const PublicParams& params) const override { return Sizes(params).kept(params.tokens()); }
  core::Options with_rows(const PublicParams& params, Index rows) const override {
    SubgenKcenterOptions options = options_of(params);
    options.centres = rows - rows / 2;
    options.recent = rows / 2;
    return options;
  }
};

const core::Registration<Scheme, SubgenKcenter> registration;

}  // namespace
}  // namespace kvfrontier::schemes::subgen_kcenter
