// One threshold for all maps: every map of the pyramid keeps the shortest prefix of its tokens, sorted by received
// attention, whose share of the map's attention reaches p, and bisection finds the p that fills the budget. (The paper
// has layers where a single head has maps.)

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/rng.hpp"
#include "schemes/codec/attention_scores.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::prefixkv {

enum class Ratios { online, offline };

}  // namespace kvfrontier::schemes::prefixkv

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::prefixkv::Ratios> {
  static constexpr std::array names{"online", "offline"};
};

namespace kvfrontier::schemes::prefixkv {
namespace {

struct PrefixKvOptions {
  std::optional<Index> kept;
  Index start = 1;
  Ratios ratios = Ratios::online;
  Proxy proxy = Proxy::k2k;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<PrefixKvOptions> members() {
    return {core::member("kept", &PrefixKvOptions::kept, "tokens kept, of all maps together").range(0, 1e9).sized(),
            core::member("start", &PrefixKvOptions::start,
                         "first tokens that are kept whatever their score, and the last one with them; 0: none")
                .range(0, 1e6),
            core::member("ratios", &PrefixKvOptions::ratios,
                         "source of the number of tokens that each map keeps; online: this stream, offline: a public "
                         "one"),
            proxy_member(&PrefixKvOptions::proxy),
            format_member(&PrefixKvOptions::format),
            keys_member(&PrefixKvOptions::keys)};
  }
};

const PrefixKvOptions& options_of(const PublicParams& params) {
  return params.options.as<PrefixKvOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, stores_keys(params), options_of(params).format};
}
Index kept(const PublicParams& params) {
  return options_of(params).kept.value();
}
Index held(const PublicParams& params) {
  return std::min(kept(params), params.tokens());
}

// The most tokens that are held at a time: the kept ones and the current map.
Index most_held(const PublicParams& params) {
  Index largest = 0;
  for (int map = 0; map < params.schedule.map_count(); ++map)
    largest = std::max(largest, params.schedule.first_token(map + 1) - params.schedule.first_token(map));
  return std::min(kept(params) + largest, params.tokens());
}

// One map's tokens, best first, with the running sum of their shares of its attention.
struct Prefixes {
  std::vector<Index> order;
  std::vector<double> cumulative;

  Index size() const { return std::ssize(order); }
  // The least number of tokens whose share is at least p.
  Index reaching(double p) const {
    if (p <= 0) return 0;
    return std::lower_bound(cumulative.begin(), cumulative.end(), p) - cumulative.begin() +
           (cumulative.empty() ? 0 : 1);
  }
  double share(Index i) const { return cumulative[i] - (i > 0 ? cumulative[i - 1] : 0); }
};

// How many tokens each map keeps: `budget` together, or all there are. Bisection finds the largest common p; what is
// left of the budget goes one by one to the largest next share, among equal ones to the coarsest map.
std::vector<Index> prefix_lengths(const std::vector<Prefixes>& maps, Index budget) {
  constexpr int halvings = 60;
  std::vector<Index> lengths(maps.size());
  const auto at = [&](double p) {
    std::transform(maps.begin(), maps.end(), lengths.begin(), [&](const Prefixes& map) { return map.reaching(p); });
    return std::accumulate(lengths.begin(), lengths.end(), Index{0});
  };
  double low = 0, high = 1;
  if (at(high) <= budget) low = high;
  for (int i = 0; i < halvings && low < high; ++i) {
    const double middle = (low + high) / 2;
    (at(middle) <= budget ? low : high) = middle;
  }
  for (Index left = budget - at(low); left > 0; --left) {
    Index best = -1;
    for (Index k = 0; k < std::ssize(maps); ++k) {
      if (lengths[k] == maps[k].size()) continue;
      if (best < 0 || maps[k].share(lengths[k]) > maps[best].share(lengths[best])) best = k;
    }
    if (best < 0) break;
    ++lengths[best];
  }
  return lengths;
}

// The policy, on keys alone. It evicts at the end of every map and holds all tokens that came since the last one.
class PrefixPolicy {
 public:
  using Quotas = std::vector<std::vector<Index>>;  // after every map: tokens that each map keeps

  explicit PrefixPolicy(const PublicParams& params)
      : schedule_(params.schedule),
        budget_(kept(params)),
        start_(options_of(params).start),
        proxy_(options_of(params).proxy, params),
        keys_(most_held(params), params.d) {
    if (options_of(params).ratios == Ratios::offline && budget_ < params.tokens()) quotas_ = calibrated(params);
  }

  void add(Index token, const float* key) {
    keys_.row(count()) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
    tokens_.push_back(token);
    scores_.push_back(0);
  }
  bool map_is_complete() const {
    return tokens_.back() + 1 == schedule_.first_token(schedule_.map_of(tokens_.back()) + 1);
  }

  // Every new token of the map asks all tokens held. Returns, ascending, the places in tokens() that stay.
  std::vector<Index> evict() {
    constexpr Index batch = 64;
    while (scored_ < count()) {
      queries_.resize(std::min(batch, count() - scored_), keys_.cols());
      for (Index q = 0; q < queries_.rows(); ++q, ++scored_)
        queries_.row(q) = proxy_.of(tokens_[scored_], keys_.row(scored_).data());
      add_attention(keys_.topRows(count()), queries_, logits_, scores_);
    }
    std::vector<Index> stay = staying();
    for (Index to = 0; to < std::ssize(stay); ++to) {
      keys_.row(to) = keys_.row(stay[to]).eval();
      tokens_[to] = tokens_[stay[to]];
      scores_[to] = scores_[stay[to]];
    }
    tokens_.resize(stay.size());
    scores_.resize(stay.size());
    scored_ = count();
    return stay;
  }

  const std::vector<Index>& tokens() const { return tokens_; }
  const float* key(Index place) const { return keys_.row(place).data(); }
  Index count() const { return std::ssize(tokens_); }

 private:
  bool is_protected(Index token) const { return start_ > 0 && (token < start_ || token == tokens_.back()); }

  std::vector<Index> staying() const {
    if (count() <= budget_) return all_tokens(count());
    std::vector<Index> stay;
    // Protected tokens are not ranked; if even they are too many, the newest stay.
    for (Index i = count(); i-- > 0 && std::ssize(stay) < budget_;) {
      if (is_protected(tokens_[i])) stay.push_back(i);
    }
    const int last = schedule_.map_of(tokens_.back());
    std::vector<Prefixes> maps(last + 1);
    for (Index i = 0; i < count(); ++i) {
      if (!is_protected(tokens_[i])) maps[schedule_.map_of(tokens_[i])].order.push_back(i);
    }
    for (Prefixes& map : maps) rank(map);
    // Quotas hold for complete maps only.
    const std::vector<Index> lengths =
        quotas_.empty() || !map_is_complete() ? prefix_lengths(maps, budget_ - std::ssize(stay)) : quotas_[last];
    for (Index k = 0; k < std::ssize(maps); ++k)
      stay.insert(stay.end(), maps[k].order.begin(), maps[k].order.begin() + lengths[k]);
    std::sort(stay.begin(), stay.end());
    return stay;
  }

  // Higher score first, then older first.
  void rank(Prefixes& map) const {
    std::sort(map.order.begin(), map.order.end(),
              [&](Index a, Index b) { return scores_[a] > scores_[b] || (scores_[a] == scores_[b] && a < b); });
    double total = 0;
    for (const Index i : map.order) total += scores_[i];
    double sum = 0;
    for (const Index i : map.order) {
      sum += scores_[i];
      map.cumulative.push_back(total > 0 ? std::min(1.0, sum / total) : 1);
    }
    if (!map.cumulative.empty()) map.cumulative.back() = 1;
  }

  // What the online rule keeps of another stream, whose keys are uniform on the sphere and drawn from public coins.
  static Quotas calibrated(PublicParams params) {
    PrefixKvOptions online = options_of(params);
    online.ratios = Ratios::online;
    params.options = online;
    params.coins = {core::Stream(params.coins, core::Purpose("prefixkv/calibration"), 0).next64()};
    PrefixPolicy policy(params);
    Quotas quotas;
    core::RowMatrixF key(1, params.d);
    for (Index token = 0; token < params.tokens(); ++token) {
      geometry::Embeddings::find("sphere", "embedding").rows(params.coins, params.tokens(), token, key);
      policy.add(token, key.data());
      if (!policy.map_is_complete()) continue;
      policy.evict();
      quotas.emplace_back(params.schedule.map_count());
      for (const Index stays : policy.tokens()) {
        if (!policy.is_protected(stays)) ++quotas.back()[params.schedule.map_of(stays)];
      }
    }
    return quotas;
  }

  geometry::Schedule schedule_;
  Index budget_, start_;
  ProxyQuery proxy_;
  core::RowMatrixF keys_;  // the first count() rows
  core::RowMatrixF queries_, logits_;
  std::vector<Index> tokens_;
  std::vector<double> scores_;
  Index scored_ = 0;  // the first tokens have asked already
  Quotas quotas_;
};

class PrefixKvEncoder : public Encoder {
 public:
  explicit PrefixKvEncoder(const PublicParams& params)
      : format_(format_of(params)), kept_(kept(params)), policy_(params), key_(params.d) {
    values_.reserve(most_held(params) * params.d);
  }

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      // A streaming cache scores with what it has stored.
      core::store_floats(format_.stored_keys ? format_.format : core::FloatFormat::fp32, key, key_.data(), format_.d);
      policy_.add(block.first + i, key_.data());
      values_.insert(values_.end(), value, value + format_.d);
      ++count_;
      if (!policy_.map_is_complete()) continue;
      keep(policy_.evict());
    }
  }
  Bits state_bits() const override { return std::min(kept_, count_) * format_.bits_per_row(); }
  // The part of the current map beyond the budget, and a score for every token held.
  Bits working_bits() const override {
    const Bits row = 2 * format_.d * core::bits_of(format_.format);
    return (policy_.count() - std::min(kept_, count_)) * row + 32 * policy_.count();
  }
  void write(core::BitWriter& writer) const override {
    KeptRows rows(format_, std::min(kept_, count_));
    if (policy_.count() > 0) {
      PrefixPolicy final = policy_;
      for (const Index i : final.evict()) rows.add(policy_.tokens()[i], policy_.key(i), values_.data() + i * format_.d);
    }
    rows.write(writer);
  }

 private:
  void keep(const std::vector<Index>& stay) {
    const Index d = format_.d;
    float* rows = values_.data();
    for (Index to = 0; to < std::ssize(stay); ++to) std::copy_n(rows + stay[to] * d, d, rows + to * d);
    values_.resize(stay.size() * d);
  }

  RowFormat format_;
  Index kept_;
  PrefixPolicy policy_;
  std::vector<float> values_;  // of policy_.tokens()
  Eigen::VectorXf key_;
  Index count_ = 0;
};

class PrefixKv : public KeptRowsScheme {
 public:
  std::string name() const override { return "prefixkv"; }
  std::string summary() const override {
    return "every map keeps the tokens that receive the most attention, up to one common share of it, which bisection "
           "fits to the budget";
  }
  std::string surrogates() const override {
    return "maps of the pyramid in place of layers; a proxy for the stream's queries; offline ratios from public keys "
           "in place of sample prompts";
  }
  std::string paper() const override {
    return "Wang et al., PrefixKV: Adaptive Prefix KV Cache is What Vision Instruction-Following Models Need for "
           "Efficient Generation, arXiv 2412.03409; what is left of the budget goes token by token, where the authors' "
           "code rescales what it drops";
  }
  std::string guarantee() const override {
    return "none on INDEX, where all tokens look alike to any proxy: bit error (1 - f)/2 at kept fraction f";
  }
  int version() const override { return 2; }  // 1 summed the scores query by query
  const core::OptionTable& options() const override { return core::table_of<PrefixKvOptions>(); }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<PrefixKvEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    std::vector<Index> tokens;
    if (!stores_keys(params)) {
      PrefixPolicy policy(params);
      core::RowMatrixF key(1, params.d);
      for (Index token = 0; token < params.tokens(); ++token) {
        params.keys().rows(params.coins, params.tokens(), token, key);
        policy.add(token, key.data());
        if (policy.map_is_complete()) policy.evict();
      }
      tokens = policy.tokens();
    }
    return std::make_unique<KeptRowsDecoder>(format_of(params), params, reader, held(params), tokens);
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = (stores_keys(params) ? 1 : 2) + (options_of(params).ratios == Ratios::offline ? 1 : 0);
    const double tokens = params.tokens(), scored = std::min(tokens, kept(params) + tokens / 2);
    return Scheme::operations(params, queries) + parties * tokens * scored * (2.0 * params.d + 8);
  }

 protected:
  RowFormat row_format(const PublicParams& params) const override { return format_of(params); }
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  core::Options with_rows(const PublicParams& params, Index rows) const override {
    PrefixKvOptions options = options_of(params);
    options.kept = rows;
    return options;
  }
};

const core::Registration<Scheme, PrefixKv> registration;

}  // namespace
}  // namespace kvfrontier::schemes::prefixkv
