// SubGen's streaming algorithm: the denominator of attention from a few uniform samples of every cluster of keys, the
// numerator from values sampled in proportion to their squared length, independently of each other.
//
// There is no variant with public keys: Bob would sum the denominator over all keys exactly, at no cost, and clusters,
// which are what SubGen is about, would have nothing left to do.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "schemes/codec/value_reservoir.hpp"

namespace kvfrontier::schemes::subgen {
namespace {

struct Shape {
  explicit Shape(const PublicParams& params)
      : d(params.d),
        clusters(params.options.at("clusters").get<Index>()),
        per_cluster(params.options.at("keys_per_cluster").get<Index>()),
        samples(params.options.at("samples").get<Index>()),
        radius(params.options.at("radius").get<double>()),
        count_bits(std::bit_width(static_cast<std::uint64_t>(params.tokens()))),
        format(core::float_format(params.options.at("format").get<std::string>())) {}
  std::uint64_t cluster_bits() const {
    return static_cast<std::uint64_t>(per_cluster * d * core::bits_of(format) + count_bits);
  }
  Index d, clusters, per_cluster, samples;
  double radius;
  int count_bits;
  core::FloatFormat format;
};

class Clusters {
 public:
  Clusters(const Shape& shape, core::RandomKey key)
      : shape_(shape), key_(key), radius_(shape.radius), arrived_(shape.d), representatives_(0, shape.d) {}

  void offer(Index token, const float* key) {
    arrived_ = Eigen::Map<const Eigen::RowVectorXf>(key, shape_.d);
    const Index near = within_radius(arrived_, count());
    if (near < 0) {
      open(arrived_);
      if (count() > shape_.clusters) merge(token);
      return;
    }
    Index& members = members_[static_cast<std::size_t>(near)];
    ++members;
    core::Stream coins(key_, core::Purpose("subgen/keys"), static_cast<std::uint64_t>(token));
    for_each_hit(coins, 1.0 / static_cast<double>(members), shape_.per_cluster,
                 [&](Index slot) { store(slots_of(near) + slot * shape_.d, arrived_); });
  }

  Index count() const { return static_cast<Index>(members_.size()); }
  std::uint64_t bits() const {
    return static_cast<std::uint64_t>(shape_.count_bits) + static_cast<std::uint64_t>(count()) * shape_.cluster_bits();
  }
  void write(core::BitWriter& writer) const {
    writer.section("counts");
    writer.put(static_cast<std::uint64_t>(count()), shape_.count_bits);
    for (const Index members : members_) writer.put(static_cast<std::uint64_t>(members), shape_.count_bits);
    writer.section("keys");
    core::put_floats(writer, shape_.format, samples_.data(), samples_.size());
  }

 private:
  float* slots_of(Index cluster) { return samples_.data() + cluster * shape_.per_cluster * shape_.d; }
  void store(float* slot, const Eigen::RowVectorXf& key) {
    core::store_floats(shape_.format, key.data(), slot, static_cast<std::size_t>(shape_.d));
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
    samples_.resize(samples_.size() + static_cast<std::size_t>(shape_.per_cluster * shape_.d));
    for (Index slot = 0; slot < shape_.per_cluster; ++slot) store(slots_of(cluster) + slot * shape_.d, key);
  }

  // Our rule for a budget: the radius doubles, and representatives within it of an earlier one join its cluster, until
  // there are few enough. A slot of two joined clusters is one of theirs in proportion to their sizes, which keeps it
  // uniform over all members.
  void merge(Index token) {
    core::Stream coins(key_, core::Purpose("subgen/merge"), static_cast<std::uint64_t>(token));
    while (count() > shape_.clusters) {
      radius_ = radius_ > 0 ? 2 * radius_ : closest_pair();
      Index kept = 0;
      for (Index old = 0; old < count(); ++old) {
        const Eigen::RowVectorXf key = representatives_.row(old);
        const Index joined = members_[static_cast<std::size_t>(old)], into = within_radius(key, kept);
        const Index target = into < 0 ? kept++ : into;
        Index& members = members_[static_cast<std::size_t>(target)];
        double share = 1;
        if (into < 0) {
          representatives_.row(target) = key;
          half_squares_[target] = 0.5f * key.squaredNorm();
          members = joined;
        } else {
          members += joined;
          share = static_cast<double>(joined) / static_cast<double>(members);
        }
        if (target == old) continue;
        for_each_hit(coins, share, shape_.per_cluster, [&](Index slot) {
          std::copy_n(slots_of(old) + slot * shape_.d, shape_.d, slots_of(target) + slot * shape_.d);
        });
      }
      members_.resize(static_cast<std::size_t>(kept));
      samples_.resize(static_cast<std::size_t>(kept * shape_.per_cluster * shape_.d));
    }
  }

  double closest_pair() const {
    float least = std::numeric_limits<float>::infinity();
    for (Index i = 1; i < count(); ++i) {
      for (Index j = 0; j < i; ++j) least = std::min(least, (representatives_.row(i) - representatives_.row(j)).norm());
    }
    return static_cast<double>(least);
  }

  Shape shape_;
  core::RandomKey key_;
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
      : d_(params.d), clusters_(Shape(params), params.key), values_(params, Shape(params).samples) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      clusters_.offer(block.first + i, block.keys.row(i).data());
      values_.offer(block.first + i, block.keys.row(i).data(), block.values.row(i).data());
    }
  }
  std::uint64_t state_bits() const override { return clusters_.bits() + values_.bits(); }
  // Representatives: new keys are compared with them, Bob does not need them.
  std::uint64_t working_bits() const override { return static_cast<std::uint64_t>(clusters_.count() * d_ * 32); }
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
      : shape_(params), keys_(read_clusters(params, reader)), samples_(params, reader, shape_.samples) {}

  core::RowMatrixD attend(core::RowsViewD queries) const override {
    const core::RowMatrixD key_logits = queries * keys_.transpose();
    core::RowMatrixD sample_logits = queries * samples_.keys.transpose();
    core::RowMatrixD answers(queries.rows(), shape_.d);
    for (Index i = 0; i < queries.rows(); ++i) {
      const Eigen::ArrayXd logits = key_logits.row(i).transpose().array() + log_weights_.array();
      const double most = logits.maxCoeff(), log_total = most + std::log((logits - most).exp().sum());
      // Two independent estimates: nothing bounds their ratio. What no double holds is far beyond any value.
      const Eigen::ArrayXd weights =
          samples_.weights.array() * (sample_logits.row(i).transpose().array() - log_total).min(300).exp();
      answers.row(i) = weights.matrix().transpose() * samples_.values;
    }
    return answers;
  }

 private:
  core::RowMatrixD read_clusters(const PublicParams& params, core::BitReader& reader) {
    const auto clusters = static_cast<Index>(reader.get(shape_.count_bits));
    if (clusters < 1 || clusters > std::min(shape_.clusters, params.tokens()))
      throw core::DataError("there are no or too many clusters");
    std::vector<double> members(static_cast<std::size_t>(clusters));
    double tokens = 0;
    for (double& count : members) tokens += count = static_cast<double>(reader.get(shape_.count_bits));
    if (tokens != static_cast<double>(params.tokens())) throw core::DataError("the clusters do not hold all tokens");
    log_weights_.resize(clusters * shape_.per_cluster);
    for (Index j = 0; j < log_weights_.size(); ++j) {
      log_weights_[j] =
          std::log(members[static_cast<std::size_t>(j / shape_.per_cluster)] / static_cast<double>(shape_.per_cluster));
    }
    core::RowMatrixF keys(log_weights_.size(), shape_.d);
    core::get_floats(reader, shape_.format, keys.data(), static_cast<std::size_t>(keys.size()));
    if (!keys.allFinite()) throw core::DataError("a key is not finite");
    return keys.cast<double>();
  }

  Shape shape_;
  Eigen::VectorXd log_weights_;
  core::RowMatrixD keys_;
  ValueSamples samples_;
};

class Subgen : public Scheme {
 public:
  std::string name() const override { return "subgen"; }
  std::string summary() const override {
    return "online clusters of keys with uniform samples for the denominator, values sampled by squared length for the "
           "numerator; the cap on clusters, met by doubling the radius, is ours; keys are always sent, for public ones "
           "would "
           "give the exact denominator for nothing";
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
  bool sends_keys(const core::Json&) const override { return true; }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("clusters", {}, 1, 1'000'000'000,
                              "most clusters; beyond it the radius doubles and clusters join")
            .sized(),
        core::Option::integer("samples", {}, 1, 10'000'000, "s, sampled values").sized(),
        core::Option::integer("keys_per_cluster", 1, 1, 100'000, "t, sampled keys of every cluster"),
        core::Option::real("radius", 0.25, 0, 1000, "delta: a key further from every representative opens a cluster"),
        format_option()};
    return table;
  }
  bool fixed_length() const override { return false; }
  std::optional<std::uint64_t> message_bits(const PublicParams&) const override { return std::nullopt; }

  // Half for each of the two sketches; neither has a use for more than N.
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    trial.options["clusters"] = trial.options["samples"] = 1;
    const Shape shape(trial);
    const std::uint64_t head = ValueReservoir::bits(shape.format, 0, shape.d) +
                               static_cast<std::uint64_t>(shape.count_bits),
                        cluster = shape.cluster_bits(),
                        row = ValueReservoir::bits(shape.format, 1, shape.d) -
                              ValueReservoir::bits(shape.format, 0, shape.d),
                        tokens = static_cast<std::uint64_t>(params.tokens()), least = head + cluster + row;
    if (budget_bits < least) return {std::nullopt, least};
    const std::uint64_t free = budget_bits - head;
    std::uint64_t clusters = std::clamp<std::uint64_t>(free / 2 / cluster, 1, tokens);
    clusters = std::min(clusters, (free - row) / cluster);
    const std::uint64_t samples = std::min((free - clusters * cluster) / row, tokens);
    clusters = std::min((free - samples * row) / cluster, tokens);
    trial.options["clusters"] = clusters;
    trial.options["samples"] = samples;
    return {trial.options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<SubgenEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<SubgenDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const Shape shape(params);
    return Scheme::operations(params, queries) +
           2.0 * static_cast<double>(params.tokens()) *
               static_cast<double>(std::min(shape.clusters, params.tokens()) * shape.d);
  }
  Index held_rows(const PublicParams& params) const override {
    const Shape shape(params);
    return std::min(shape.clusters, params.tokens()) * (1 + shape.per_cluster) + shape.samples;
  }
};

const core::Registration<Scheme, Subgen> registration;

}  // namespace
}  // namespace kvfrontier::schemes::subgen
