// SubGen's streaming algorithm: the denominator of attention from a few uniform samples of every cluster of keys, the
// numerator from values sampled in proportion to their squared length, independently of each other.
//
// There is no variant with public keys: Bob would sum the denominator over all keys exactly, at no cost, and the
// clusters, which SubGen is about, would be useless.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "schemes/codec/value_reservoir.hpp"

namespace kvfrontier::schemes::subgen {
namespace {

struct SubgenOptions {
  std::optional<Index> clusters, samples;
  Index keys_per_cluster = 1;
  double radius = 0.25;
  core::FloatFormat format = core::FloatFormat::fp16;

  static core::MemberList<SubgenOptions> members() {
    return {
        core::member("clusters", &SubgenOptions::clusters,
                     "largest number of clusters; beyond it the radius doubles and clusters join")
            .range(1, 1e9)
            .sized(),
        core::member("samples", &SubgenOptions::samples, "s, sampled values").range(1, 1e7).sized(),
        core::member("keys_per_cluster", &SubgenOptions::keys_per_cluster, "t, sampled keys of every cluster")
            .range(1, 1e5),
        core::member("radius", &SubgenOptions::radius, "delta: a key further from every representative opens a cluster")
            .range(0, 1000),
        format_member(&SubgenOptions::format)};
  }
};

const SubgenOptions& options_of(const PublicParams& params) {
  return params.options.as<SubgenOptions>();
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params)
      : d(params.d),
        clusters(options_of(params).clusters.value()),
        per_cluster(options_of(params).keys_per_cluster),
        samples(options_of(params).samples.value()),
        radius(options_of(params).radius),
        count_bits(std::bit_width<std::uint64_t>(params.tokens())),
        format(options_of(params).format) {}
  Bits cluster_bits() const { return per_cluster * d * core::bits_of(format) + count_bits; }
  Index d, clusters, per_cluster, samples;
  double radius;
  int count_bits;
  core::FloatFormat format;
};

class Clusters {
 public:
  Clusters(const Layout& layout, core::Coins coins)
      : layout_(layout), coins_(coins), radius_(layout.radius), arrived_(layout.d), representatives_(0, layout.d) {}

  void offer(Index token, const float* key) {
    arrived_ = Eigen::Map<const Eigen::RowVectorXf>(key, layout_.d);
    const Index near = within_radius(arrived_, count());
    if (near < 0) {
      open(arrived_);
      if (count() > layout_.clusters) merge(token);
      return;
    }
    Index& members = members_[near];
    ++members;
    core::Stream coins(coins_, core::Purpose("subgen/keys"), token);
    for_each_hit(coins, 1.0 / members, layout_.per_cluster,
                 [&](Index slot) { store(slots_of(near) + slot * layout_.d, arrived_); });
  }

  Index count() const { return std::ssize(members_); }
  Bits bits() const { return layout_.count_bits + count() * layout_.cluster_bits(); }
  void write(core::BitWriter& writer) const {
    writer.section("counts");
    writer.put(count(), layout_.count_bits);
    for (const Index members : members_) writer.put(members, layout_.count_bits);
    writer.section("keys");
    core::put_floats(writer, layout_.format, samples_.data(), samples_.size());
  }

 private:
  float* slots_of(Index cluster) { return samples_.data() + cluster * layout_.per_cluster * layout_.d; }
  void store(float* slot, const Eigen::RowVectorXf& key) {
    core::store_floats(layout_.format, key.data(), slot, layout_.d);
  }

  // The nearest of the first `known` representatives if it is within the radius, else -1.
  Index within_radius(const Eigen::RowVectorXf& key, Index known) {
    if (known == 0) return -1;
    scores_.noalias() = representatives_.topRows(known) * key.transpose();
    scores_ -= half_squares_.head(known);
    Index nearest;
    scores_.maxCoeff(&nearest);
    return (representatives_.row(nearest) - key).norm() <= radius_ ? nearest : -1;
  }

  void open(const Eigen::RowVectorXf& key) {
    const Index cluster = count();
    if (cluster == representatives_.rows()) {
      representatives_.conservativeResize(2 * cluster + 8, Eigen::NoChange);
      half_squares_.conservativeResize(2 * cluster + 8);
    }
    representatives_.row(cluster) = key;
    half_squares_[cluster] = 0.5f * key.squaredNorm();
    members_.push_back(1);
    samples_.resize(samples_.size() + layout_.per_cluster * layout_.d);
    for (Index slot = 0; slot < layout_.per_cluster; ++slot) store(slots_of(cluster) + slot * layout_.d, key);
  }

  // Our rule for a budget: until there are few enough clusters, the radius doubles, and a representative within the
  // radius of an earlier one joins its cluster. A slot of the joined cluster is taken from either of the two in
  // proportion to their sizes, which keeps it uniform over all members.
  void merge(Index token) {
    core::Stream coins(coins_, core::Purpose("subgen/merge"), token);
    while (count() > layout_.clusters) {
      radius_ = radius_ > 0 ? 2 * radius_ : closest_pair();
      Index kept = 0;
      for (Index old = 0; old < count(); ++old) {
        const Eigen::RowVectorXf key = representatives_.row(old);
        const Index joined = members_[old], into = within_radius(key, kept);
        const Index target = into < 0 ? kept++ : into;
        Index& members = members_[target];
        double share = 1;
        if (into < 0) {
          representatives_.row(target) = key;
          half_squares_[target] = 0.5f * key.squaredNorm();
          members = joined;
        } else {
          members += joined;
          share = 1.0 * joined / members;
        }
        if (target == old) continue;
        for_each_hit(coins, share, layout_.per_cluster, [&](Index slot) {
          std::copy_n(slots_of(old) + slot * layout_.d, layout_.d, slots_of(target) + slot * layout_.d);
        });
      }
      members_.resize(kept);
      samples_.resize(kept * layout_.per_cluster * layout_.d);
    }
  }

  double closest_pair() const {
    float least = std::numeric_limits<float>::infinity();
    for (Index i = 1; i < count(); ++i) {
      for (Index j = 0; j < i; ++j) least = std::min(least, (representatives_.row(i) - representatives_.row(j)).norm());
    }
    return least;
  }

  Layout layout_;
  core::Coins coins_;
  double radius_;
  Eigen::RowVectorXf arrived_;
  core::RowMatrixF representatives_;  // rows beyond count() are room to grow
  Eigen::VectorXf half_squares_, scores_;
  std::vector<Index> members_;
  std::vector<float> samples_;  // count() x per_cluster x d
};

class SubgenEncoder : public Encoder {
 public:
  explicit SubgenEncoder(const PublicParams& params)
      : d_(params.d),
        clusters_(Layout(params), params.coins),
        values_(options_of(params).format, params, Layout(params).samples) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      clusters_.offer(block.first + i, block.keys.row(i).data());
      values_.offer(block.first + i, block.keys.row(i).data(), block.values.row(i).data());
    }
  }
  Bits state_bits() const override { return clusters_.bits() + values_.bits(); }
  // The representatives: the encoder compares new keys with them, and Bob does not need them.
  Bits working_bits() const override { return clusters_.count() * d_ * 32; }
  void write(core::BitWriter& writer) const override {
    clusters_.write(writer);
    values_.write(writer);
  }

 private:
  Index d_;
  Clusters clusters_;
  ValueReservoir values_;
};

class SubgenDecoder : public Decoder {
 public:
  SubgenDecoder(const PublicParams& params, core::BitReader reader)
      : layout_(params),
        keys_(read_clusters(params, reader)),
        samples_(layout_.format, params, reader, layout_.samples) {}

  core::RowMatrixD attend(core::RowsViewD queries) const override {
    const core::RowMatrixD key_logits = queries * keys_.transpose();
    core::RowMatrixD sample_logits = queries * samples_.keys.transpose();
    core::RowMatrixD answers(queries.rows(), layout_.d);
    for (Index i = 0; i < queries.rows(); ++i) {
      const Eigen::ArrayXd logits = key_logits.row(i).transpose().array() + log_weights_.array();
      const double most = logits.maxCoeff(), log_total = most + std::log((logits - most).exp().sum());
      // The two estimates are independent, so nothing bounds their ratio; beyond exp(300) it is far beyond any value.
      const Eigen::ArrayXd weights =
          samples_.weights.array() * (sample_logits.row(i).transpose().array() - log_total).min(300).exp();
      answers.row(i) = weights.matrix().transpose() * samples_.values;
    }
    return answers;
  }

 private:
  core::RowMatrixD read_clusters(const PublicParams& params, core::BitReader& reader) {
    const Index clusters = reader.get(layout_.count_bits);
    if (clusters < 1 || clusters > std::min(layout_.clusters, params.tokens()))
      throw core::DataError("there are no or too many clusters");
    std::vector<double> members(clusters);
    double tokens = 0;
    for (double& count : members) tokens += count = reader.get(layout_.count_bits);
    if (tokens != params.tokens()) throw core::DataError("the clusters do not hold all tokens");
    log_weights_.resize(clusters * layout_.per_cluster);
    for (Index j = 0; j < log_weights_.size(); ++j) {
      log_weights_[j] = std::log(members[j / layout_.per_cluster] / layout_.per_cluster);
    }
    core::RowMatrixF keys(log_weights_.size(), layout_.d);
    core::get_floats(reader, layout_.format, keys.data(), keys.size());
    if (!keys.allFinite()) throw core::DataError("a key is not finite");
    return keys.cast<double>();
  }

  Layout layout_;
  Eigen::VectorXd log_weights_;
  core::RowMatrixD keys_;
  ValueSamples samples_;
};

class Subgen : public Scheme {
 public:
  std::string name() const override { return "subgen"; }
  std::string summary() const override {
    return "online clusters of keys with uniform samples for the denominator, values sampled by squared length for the "
           "numerator; the cap on clusters, met by doubling the radius, is ours; keys are always sent, because public "
           "keys would give the exact denominator for nothing";
  }
  std::string paper() const override {
    return "Zandieh, Han, Mirrokni and Karbasi, SubGen: Token Generation in Sublinear Time and Memory, arXiv "
           "2402.06082";
  }
  std::string guarantee() const override {
    return "numerator and denominator are unbiased; error <= eps |softmax|_2 |V|_op for keys in few clusters of the "
           "radius, keys_per_cluster of order eps^-2 exp(2 radius |q|) ln N and samples of order d eps^-2, while the "
           "cap is not reached";
  }
  bool sends_keys(const core::Options&) const override { return true; }
  const core::OptionTable& options() const override { return core::table_of<SubgenOptions>(); }
  bool fixed_length() const override { return false; }
  std::optional<Bits> message_bits(const PublicParams&) const override { return std::nullopt; }

  // Half of the budget for each of the two sketches; neither can use more than N clusters or samples.
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    SubgenOptions options = options_of(params);
    options.clusters = options.samples = 1;
    PublicParams trial = params;
    trial.options = options;
    const Layout layout(trial);
    const Bits reservoir = ValueReservoir::bits(layout.format, 0, layout.d), head = reservoir + layout.count_bits;
    const Bits cluster = layout.cluster_bits(), row = ValueReservoir::bits(layout.format, 1, layout.d) - reservoir;
    const Bits least = head + cluster + row;
    if (budget_bits < least) return {std::nullopt, least};
    const Bits free = budget_bits - head;
    const Index tokens = params.tokens(), half = std::clamp<Index>(free / 2 / cluster, 1, tokens);
    const Index clusters = std::min(half, (free - row) / cluster);
    const Index samples = std::min((free - clusters * cluster) / row, tokens);
    options.clusters = std::min((free - samples * row) / cluster, tokens);
    options.samples = samples;
    return {options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<SubgenEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<SubgenDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const Layout layout(params);
    const double clustered = std::min(layout.clusters, params.tokens()) * layout.d;
    return Scheme::operations(params, queries) + 2.0 * params.tokens() * clustered;
  }
  Index held_rows(const PublicParams& params) const override {
    const Layout layout(params);
    return std::min(layout.clusters, params.tokens()) * (1 + layout.per_cluster) + layout.samples;
  }
};

const core::Registration<Scheme, Subgen> registration;

}  // namespace
}  // namespace kvfrontier::schemes::subgen
