// Heavy hitters: a token's score is the attention it has received so far; over capacity, the lowest score outside the
// recent window goes for ever. No queries come with the stream, so a named proxy stands in for them.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/rng.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes {
namespace {

struct Policy {
  explicit Policy(const PublicParams& params)
      : heavy(params.options.at("heavy").get<Index>()),
        recent(params.options.at("recent").get<Index>()),
        random_proxy(params.options.at("proxy") == "random"),
        mean_score(params.options.at("score") == "mean"),
        query_norm(params.tau),
        d(params.d),
        key(params.key) {}
  Index capacity() const { return heavy + recent; }
  Index heavy, recent;
  bool random_proxy, mean_score;
  double query_norm;
  Index d;
  core::RandomKey key;
};

// The eviction policy on keys alone. Both parties can run it when the keys are public: then the kept set is a function
// of the public coins and needs no index.
class HeavyHitters {
 public:
  explicit HeavyHitters(const Policy& policy, Index tokens)
      : policy_(policy), keys_(std::min(policy.capacity(), tokens) + 1, policy.d), query_(policy.d) {}

  // Takes the next token of the stream. Returns the slot it is to be stored in (slots fill in order), or -1 when the
  // policy drops it at once.
  Index offer(Index token, const float* key) {
    const Index fresh = static_cast<Index>(tokens_.size());
    if (policy_.capacity() == 0) return -1;
    keys_.row(fresh) = Eigen::Map<const Eigen::RowVectorXf>(key, policy_.d);
    tokens_.push_back(token);
    scores_.push_back(0);
    add_scores(token, key);
    if (static_cast<Index>(tokens_.size()) <= policy_.capacity()) return fresh;
    const Index victim = lowest_score(token);
    keys_.row(victim) = keys_.row(fresh).eval();
    std::swap(tokens_[victim], tokens_[fresh]);
    std::swap(scores_[victim], scores_[fresh]);
    tokens_.pop_back();
    scores_.pop_back();
    return victim == fresh ? -1 : victim;
  }

  std::vector<Index> tokens() const {
    std::vector<Index> list = tokens_;
    std::sort(list.begin(), list.end());
    return list;
  }
  Index count() const { return static_cast<Index>(tokens_.size()); }

 private:
  // scores += softmax over the kept tokens, the newest included, for the proxy query of `token`.
  void add_scores(Index token, const float* key) {
    set_query(token, key);
    const Index held = static_cast<Index>(tokens_.size());
    logits_.noalias() = keys_.topRows(held) * query_;
    logits_ = (logits_.array() - logits_.maxCoeff()).exp();
    const float scale = 1.0f / logits_.sum();
    for (Index slot = 0; slot < held; ++slot) scores_[slot] += scale * logits_[slot];
  }

  void set_query(Index token, const float* key) {
    if (policy_.random_proxy) {
      core::Stream stream(policy_.key, core::Purpose("h2o/proxy"), static_cast<std::uint64_t>(token));
      boost::random::normal_distribution<double> normal;
      for (Index c = 0; c < policy_.d; ++c) query_[c] = static_cast<float>(normal(stream));
    } else {
      query_ = Eigen::Map<const Eigen::VectorXf>(key, policy_.d);
    }
    const float norm = query_.norm();
    if (norm > 0) query_ *= static_cast<float>(policy_.query_norm) / norm;
  }

  // Smaller score first, then older first, among the tokens that are not the `recent` newest.
  Index lowest_score(Index newest) const {
    Index victim = -1;
    double lowest = std::numeric_limits<double>::infinity();
    for (Index slot = 0; slot < count(); ++slot) {
      const Index age = newest - tokens_[slot];
      if (age < policy_.recent) continue;
      // The mean divides by the number of queries that could see the token.
      const double score = policy_.mean_score ? scores_[slot] / static_cast<double>(age + 1) : scores_[slot];
      if (score < lowest || (score == lowest && tokens_[slot] < tokens_[victim])) {
        lowest = score;
        victim = slot;
      }
    }
    return victim;
  }

  Policy policy_;
  core::RowMatrixF keys_;
  Eigen::VectorXf query_, logits_;
  std::vector<Index> tokens_;
  std::vector<double> scores_;
};

class H2oEncoder : public Encoder {
 public:
  explicit H2oEncoder(const PublicParams& params)
      : format_(RowFormat::of(params)), rows_(format_), hitters_(Policy(params), params.tokens()), key_(params.d) {}

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
    for (Index c = 0; c < format_.d; ++c) key_[c] = core::stored(format_.format, key[c]);
    return key_.data();
  }

  RowFormat format_;
  KeptRows rows_;
  HeavyHitters hitters_;
  Eigen::VectorXf key_;
};

Index held(const PublicParams& params) {
  return std::min(Policy(params).capacity(), params.tokens());
}

class H2o : public Scheme {
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
        core::Option::choice(
            "proxy", "k2k", {"k2k", "random"},
            "stand-in for the stream's queries: k2k = each token's own key at norm tau, random = one public "
            "random direction a token at norm tau"),
        core::Option::choice("score", "sum", {"sum", "mean"},
                             "sum of received attention, or its mean over the queries that could see the token"),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return static_cast<std::uint64_t>(held(params)) * RowFormat::of(params).bits_per_row();
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    const RowFormat format = RowFormat::of(params);
    const Index rows = rows_in(format, budget_bits, params.tokens());
    if (rows == 0) return {std::nullopt, format.bits_per_row()};
    core::Json options = params.options;
    options["heavy"] = rows - rows / 2;
    options["recent"] = rows / 2;
    return {options, format.bits_per_row()};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<H2oEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    std::vector<Index> tokens;
    if (!stores_keys(params)) {
      HeavyHitters hitters(Policy(params), params.tokens());
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
};

const core::Registration<Scheme, H2o> registration;

}  // namespace
}  // namespace kvfrontier::schemes
