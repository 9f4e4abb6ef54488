// One threshold for all scales: every map of the pyramid keeps the shortest prefix of its tokens, sorted by received
// attention, whose share of the map's attention reaches p, and bisection finds the p that fills the budget. (The paper
// has layers where a single head has maps.)

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/rng.hpp"
#include "schemes/codec/attention_scores.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::prefixkv {
namespace {

Index kept(const PublicParams& params) {
  return params.options.at("kept").get<Index>();
}
Index held(const PublicParams& params) {
  return std::min(kept(params), params.tokens());
}

// The most tokens that are held at a time: what is kept and a map in flight.
Index most_held(const PublicParams& params) {
  Index largest = 0;
  for (int scale = 0; scale < params.schedule.scales(); ++scale)
    largest = std::max(largest, params.schedule.first_token(scale + 1) - params.schedule.first_token(scale));
  return std::min(kept(params) + largest, params.tokens());
}

// One map's tokens, best first, with their shares of its attention added up.
struct Prefixes {
  std::vector<std::size_t> order;
  std::vector<double> cumulative;

  Index size() const { return static_cast<Index>(order.size()); }
  // The least number of tokens whose share is at least p.
  Index reaching(double p) const {
    if (p <= 0) return 0;
    return std::lower_bound(cumulative.begin(), cumulative.end(), p) - cumulative.begin() +
           (cumulative.empty() ? 0 : 1);
  }
  double share(Index position) const {
    const auto i = static_cast<std::size_t>(position);
    return cumulative[i] - (i > 0 ? cumulative[i - 1] : 0);
  }
};

// How many tokens each map keeps, `budget` in all or everything: the largest common p by bisection, and what is left of
// the budget one by one to the largest next share, of equal ones to the coarsest map.
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
    std::size_t best = maps.size();
    for (std::size_t k = 0; k < maps.size(); ++k) {
      if (lengths[k] == maps[k].size()) continue;
      if (best == maps.size() || maps[k].share(lengths[k]) > maps[best].share(lengths[best])) best = k;
    }
    if (best == maps.size()) break;
    ++lengths[best];
  }
  return lengths;
}

// The policy on keys alone. Between the ends of maps it holds all that came since.
class PrefixPolicy {
 public:
  using Quotas = std::vector<std::vector<Index>>;  // after every map: tokens that each map keeps

  explicit PrefixPolicy(const PublicParams& params)
      : schedule_(params.schedule),
        budget_(kept(params)),
        start_(params.options.at("start").get<Index>()),
        proxy_(params),
        keys_(most_held(params), params.d) {
    if (params.options.at("ratios") == "offline" && budget_ < params.tokens()) quotas_ = calibrated(params);
  }

  void add(Index token, const float* key) {
    keys_.row(count()) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
    tokens_.push_back(token);
    scores_.push_back(0);
  }
  bool map_is_complete() const {
    return tokens_.back() + 1 == schedule_.first_token(schedule_.scale_of(tokens_.back()) + 1);
  }

  // Every new token of the map asks all that is held. Returns, ascending, the places in tokens() that stay.
  std::vector<std::size_t> evict() {
    constexpr std::size_t batch = 64;
    while (scored_ < tokens_.size()) {
      const std::size_t end = std::min(scored_ + batch, tokens_.size());
      queries_.resize(static_cast<Index>(end - scored_), keys_.cols());
      for (Index q = 0; q < queries_.rows(); ++q, ++scored_)
        queries_.row(q) = proxy_.of(tokens_[scored_], keys_.row(static_cast<Index>(scored_)).data());
      add_attention(keys_.topRows(count()), queries_, logits_, scores_);
    }
    std::vector<std::size_t> stay = staying();
    for (std::size_t to = 0; to < stay.size(); ++to) {
      keys_.row(static_cast<Index>(to)) = keys_.row(static_cast<Index>(stay[to])).eval();
      tokens_[to] = tokens_[stay[to]];
      scores_[to] = scores_[stay[to]];
    }
    tokens_.resize(stay.size());
    scores_.resize(stay.size());
    scored_ = stay.size();
    return stay;
  }

  const std::vector<Index>& tokens() const { return tokens_; }
  const float* key(std::size_t place) const { return keys_.row(static_cast<Index>(place)).data(); }
  Index count() const { return static_cast<Index>(tokens_.size()); }

 private:
  bool is_protected(Index token) const { return start_ > 0 && (token < start_ || token == tokens_.back()); }

  std::vector<std::size_t> staying() const {
    std::vector<std::size_t> stay;
    if (count() <= budget_) {
      stay.resize(tokens_.size());
      std::iota(stay.begin(), stay.end(), std::size_t{0});
      return stay;
    }
    // Protected tokens stand outside the ranking; the newest first where even they are too many.
    for (std::size_t i = tokens_.size(); i-- > 0 && static_cast<Index>(stay.size()) < budget_;) {
      if (is_protected(tokens_[i])) stay.push_back(i);
    }
    const int last = schedule_.scale_of(tokens_.back());
    std::vector<Prefixes> maps(static_cast<std::size_t>(last) + 1);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!is_protected(tokens_[i])) maps[static_cast<std::size_t>(schedule_.scale_of(tokens_[i]))].order.push_back(i);
    }
    for (Prefixes& map : maps) rank(map);
    // Quotas are of whole maps.
    const std::vector<Index> lengths = quotas_.empty() || !map_is_complete()
                                           ? prefix_lengths(maps, budget_ - static_cast<Index>(stay.size()))
                                           : quotas_[static_cast<std::size_t>(last)];
    for (std::size_t k = 0; k < maps.size(); ++k)
      stay.insert(stay.end(), maps[k].order.begin(), maps[k].order.begin() + lengths[k]);
    std::sort(stay.begin(), stay.end());
    return stay;
  }

  // Higher score first, then older first.
  void rank(Prefixes& map) const {
    std::sort(map.order.begin(), map.order.end(), [&](std::size_t a, std::size_t b) {
      return scores_[a] > scores_[b] || (scores_[a] == scores_[b] && a < b);
    });
    double total = 0;
    for (const std::size_t i : map.order) total += scores_[i];
    double sum = 0;
    for (const std::size_t i : map.order) {
      sum += scores_[i];
      map.cumulative.push_back(total > 0 ? std::min(1.0, sum / total) : 1);
    }
    if (!map.cumulative.empty()) map.cumulative.back() = 1;
  }

  // What the online rule keeps of another stream: keys uniform on the sphere, from public coins.
  static Quotas calibrated(PublicParams params) {
    params.options["ratios"] = "online";
    params.key = {core::Stream(params.key, core::Purpose("prefixkv/calibration"), 0).next64()};
    PrefixPolicy policy(params);
    Quotas quotas;
    core::RowMatrixF key(1, params.d);
    for (Index token = 0; token < params.tokens(); ++token) {
      geometry::Embeddings::find("sphere", "embedding").rows(params.key, params.tokens(), token, key);
      policy.add(token, key.data());
      if (!policy.map_is_complete()) continue;
      policy.evict();
      quotas.emplace_back(static_cast<std::size_t>(params.schedule.scales()));
      for (const Index stays : policy.tokens()) {
        if (!policy.is_protected(stays)) ++quotas.back()[static_cast<std::size_t>(params.schedule.scale_of(stays))];
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
  std::size_t scored_ = 0;  // the first tokens have asked already
  Quotas quotas_;
};

class PrefixKvEncoder : public Encoder {
 public:
  explicit PrefixKvEncoder(const PublicParams& params)
      : format_(RowFormat::of(params)), kept_(kept(params)), policy_(params), key_(params.d) {
    values_.reserve(static_cast<std::size_t>(most_held(params) * params.d));
  }

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const float *key = block.keys.row(i).data(), *value = block.values.row(i).data();
      // A streaming cache scores with what it has stored.
      core::store_floats(format_.stored_keys ? format_.format : core::FloatFormat::fp32, key, key_.data(),
                         static_cast<std::size_t>(format_.d));
      policy_.add(block.first + i, key_.data());
      values_.insert(values_.end(), value, value + format_.d);
      ++count_;
      if (!policy_.map_is_complete()) continue;
      keep(policy_.evict());
    }
  }
  std::uint64_t state_bits() const override {
    return static_cast<std::uint64_t>(std::min(kept_, count_)) * format_.bits_per_row();
  }
  // The map in flight beyond the budget, and a score for every token held.
  std::uint64_t working_bits() const override {
    const Index row = 2 * format_.d * core::bits_of(format_.format), sent = std::min(kept_, count_);
    return static_cast<std::uint64_t>((policy_.count() - sent) * row + 32 * policy_.count());
  }
  void write(core::BitWriter& writer) const override {
    KeptRows rows(format_, std::min(kept_, count_));
    if (policy_.count() > 0) {
      PrefixPolicy final = policy_;
      for (const std::size_t i : final.evict()) {
        rows.add(policy_.tokens()[i], policy_.key(i), values_.data() + static_cast<Index>(i) * format_.d);
      }
    }
    rows.write(writer);
  }

 private:
  void keep(const std::vector<std::size_t>& stay) {
    const auto d = static_cast<std::size_t>(format_.d);
    float* rows = values_.data();
    for (std::size_t to = 0; to < stay.size(); ++to) std::copy_n(rows + stay[to] * d, d, rows + to * d);
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
    return "every map keeps the tokens that receive most attention, up to one common share of it, which bisection fits "
           "to the budget";
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
  int version() const override { return 2; }  // 1 summed its scores query by query
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("kept", {}, 0, 1'000'000'000, "tokens kept, of all maps together").sized(),
        core::Option::integer("start", 1, 0, 1'000'000,
                              "first tokens that are kept whatever they score, and the last one with them; 0: none"),
        core::Option::choice("ratios", "online", {"online", "offline"},
                             "where the number of tokens of each map comes from: this stream, or a public one"),
        proxy_option(),
        format_option(),
        keys_option()};
    return table;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<PrefixKvEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    std::vector<Index> tokens;
    if (!stores_keys(params)) {
      PrefixPolicy policy(params);
      core::RowMatrixF key(1, params.d);
      for (Index token = 0; token < params.tokens(); ++token) {
        params.keys().rows(params.key, params.tokens(), token, key);
        policy.add(token, key.data());
        if (policy.map_is_complete()) policy.evict();
      }
      tokens = policy.tokens();
    }
    return std::make_unique<KeptRowsDecoder>(params, reader, held(params), tokens);
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = (stores_keys(params) ? 1 : 2) + (params.options.at("ratios") == "offline" ? 1 : 0);
    const double tokens = static_cast<double>(params.tokens());
    return Scheme::operations(params, queries) + parties * tokens *
                                                     std::min(tokens, static_cast<double>(kept(params)) + tokens / 2) *
                                                     (2.0 * static_cast<double>(params.d) + 8);
  }

 protected:
  Index sent_rows(const PublicParams& params) const override { return held(params); }
  void set_rows(const PublicParams&, Index rows, core::Json& options) const override { options["kept"] = rows; }
};

const core::Registration<Scheme, PrefixKv> registration;

}  // namespace
}  // namespace kvfrontier::schemes::prefixkv
