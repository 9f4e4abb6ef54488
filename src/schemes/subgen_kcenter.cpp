// What SubGen's experiments are reported to have run: the recent tokens, and of the others greedy k-centres of the
// keys, each with its own value and the weight of one token. Offline: the whole stream is held until the hand-over.

#include <algorithm>
#include <limits>
#include <vector>

#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::subgen_kcenter {
namespace {

struct Sizes {
  explicit Sizes(const PublicParams& params)
      : centres(params.options.at("centres").get<Index>()), recent(params.options.at("recent").get<Index>()) {}
  Index kept(Index count) const { return std::min(count, centres + std::min(recent, count)); }
  Index centres, recent;
};

// Ascending tokens among the rows of `keys` that are kept. Gonzalez' rule: the first token, then always the one that is
// farthest from all centres so far, of equally far ones the oldest.
std::vector<Index> kept_tokens(const core::RowMatrixF& keys, const Sizes& sizes) {
  const Index old = std::max<Index>(0, keys.rows() - sizes.recent), centres = std::min(sizes.centres, old);
  std::vector<bool> kept(static_cast<std::size_t>(keys.rows()));
  std::fill(kept.begin() + old, kept.end(), true);
  Eigen::ArrayXf distances = Eigen::ArrayXf::Constant(old, std::numeric_limits<float>::infinity());
  for (Index i = 0; i < centres; ++i) {
    Index farthest;
    distances.maxCoeff(&farthest);
    kept[static_cast<std::size_t>(farthest)] = true;
    distances = distances.min((keys.topRows(old).rowwise() - keys.row(farthest)).rowwise().squaredNorm().array());
    distances[farthest] = -1;  // below its copies
  }
  std::vector<Index> tokens;
  for (Index token = 0; token < keys.rows(); ++token) {
    if (kept[static_cast<std::size_t>(token)]) tokens.push_back(token);
  }
  return tokens;
}

class SubgenKcenterEncoder : public Encoder {
 public:
  explicit SubgenKcenterEncoder(const PublicParams& params)
      : format_(RowFormat::of(params)), sizes_(params), keys_(params.tokens(), params.d), values_(keys_) {}

  void absorb(const TokenBlock& block) override {
    keys_.middleRows(count_, block.count()) = block.keys;
    values_.middleRows(count_, block.count()) = block.values;
    count_ += block.count();
  }
  std::uint64_t state_bits() const override {
    return static_cast<std::uint64_t>(sizes_.kept(count_)) * format_.bits_per_row();
  }
  std::uint64_t working_bits() const override {
    return static_cast<std::uint64_t>((count_ - sizes_.kept(count_)) * 2 * format_.d * core::bits_of(format_.format));
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
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("centres", {}, 0, 1'000'000'000, "k, centres among the older tokens").sized(),
        core::Option::integer("recent", {}, 0, 1'000'000'000, "most recent tokens kept").sized(), format_option(),
        keys_option()};
    return table;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<SubgenKcenterEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    const Sizes sizes(params);
    std::vector<Index> tokens;
    if (!stores_keys(params)) tokens = kept_tokens(public_keys(params, all_tokens(params.tokens())), sizes);
    return std::make_unique<KeptRowsDecoder>(params, reader, sizes.kept(params.tokens()), tokens);
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2;
    return Scheme::operations(params, queries) +
           parties * 3.0 * static_cast<double>(params.tokens()) * static_cast<double>(Sizes(params).centres * params.d);
  }

 protected:
  Index sent_rows(const PublicParams& params) const override { return Sizes(params).kept(params.tokens()); }
  void set_rows(const PublicParams&, Index rows, core::Json& options) const override {
    options["centres"] = rows - rows / 2;
    options["recent"] = rows / 2;
  }
};

const core::Registration<Scheme, SubgenKcenter> registration;

}  // namespace
}  // namespace kvfrontier::schemes::subgen_kcenter
