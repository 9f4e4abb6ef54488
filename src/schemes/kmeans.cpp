// Slots: centroids of keys with the mean value and the number of their tokens, whose logarithm is added to the logit.
// The stream is clustered block by block: the slots so far, as weighted points, and the new tokens are reduced to k.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "attention/attention.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/kmeans.hpp"
#include "schemes/codec/streaming_clusters.hpp"

namespace kvfrontier::schemes::kmeans_scheme {
namespace {

struct Shape {
  explicit Shape(const PublicParams& params)
      : d(params.d),
        slots(std::min(params.options.at("slots").get<Index>(), params.tokens())),
        block(params.options.at("block").get<Index>()),
        rounds(params.options.at("rounds").get<int>()),
        count_bits(std::bit_width(static_cast<std::uint64_t>(params.tokens()))),
        rows(RowFormat::of(params)),
        key(params.key) {}
  // The counts of a clustering of public keys are public too.
  std::uint64_t slot_bits() const {
    return rows.bits_per_row() + (rows.stored_keys ? static_cast<std::uint64_t>(count_bits) : 0);
  }
  StreamingClusters::Shape clusters() const { return {d, slots, block, rounds, key}; }
  Index d, slots, block;
  int rounds, count_bits;
  RowFormat rows;
  core::RandomKey key;
};

class KmeansEncoder : public Encoder {
 public:
  explicit KmeansEncoder(const PublicParams& params) : shape_(params), clusters_(shape_.clusters(), params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) clusters_.add(block.keys.row(i).data(), block.values.row(i).data());
    count_ += block.count();
  }
  std::uint64_t state_bits() const override { return sent() * shape_.slot_bits(); }
  // Rows not clustered yet, and slots in single precision with a count, beyond what is sent of them.
  std::uint64_t working_bits() const override {
    const std::uint64_t held =
        static_cast<std::uint64_t>(clusters_.filled()) * static_cast<std::uint64_t>(64 * shape_.d + shape_.count_bits);
    return held > state_bits() ? held - state_bits() : 0;
  }

  void write(core::BitWriter& writer) const override {
    StreamingClusters final = clusters_;
    final.reduce();
    // Tokens with equal keys may leave slots over; they are sent as zeros.
    const auto slots = static_cast<Index>(sent());
    core::RowMatrixF keys = core::RowMatrixF::Zero(slots, shape_.d), values = keys;
    keys.topRows(final.filled()) = final.keys();
    values.topRows(final.filled()) = final.values();
    if (shape_.rows.stored_keys) {
      writer.section("counts");
      for (Index j = 0; j < slots; ++j) {
        const double tokens = j < final.filled() ? final.weight(j) : 0;
        writer.put(static_cast<std::uint64_t>(tokens), shape_.count_bits);
      }
      writer.section("keys");
      core::put_floats(writer, shape_.rows.format, keys.data(), static_cast<std::size_t>(keys.size()));
    }
    writer.section("values");
    core::put_floats(writer, shape_.rows.format, values.data(), static_cast<std::size_t>(values.size()));
  }

 private:
  std::uint64_t sent() const { return static_cast<std::uint64_t>(std::min(shape_.slots, count_)); }

  Shape shape_;
  StreamingClusters clusters_;
  Index count_ = 0;
};

class KmeansDecoder : public Decoder {
 public:
  KmeansDecoder(const PublicParams& params, core::BitReader reader) {
    const Shape shape(params);
    core::RowMatrixF keys = core::RowMatrixF::Zero(shape.slots, shape.d), values = keys;
    log_counts_.assign(static_cast<std::size_t>(shape.slots), -std::numeric_limits<double>::infinity());
    if (shape.rows.stored_keys) {
      double tokens = 0;
      for (double& log_count : log_counts_) {
        const auto count = static_cast<double>(reader.get(shape.count_bits));
        tokens += count;
        log_count = std::log(count);
      }
      if (tokens != static_cast<double>(params.tokens()))
        throw core::DataError("the slots do not stand for all tokens");
      core::get_floats(reader, shape.rows.format, keys.data(), static_cast<std::size_t>(keys.size()));
    } else {
      const StreamingClusters clusters = public_clusters(params, shape.clusters());
      keys.topRows(clusters.filled()) = clusters.keys();
      for (Index j = 0; j < clusters.filled(); ++j)
        log_counts_[static_cast<std::size_t>(j)] = std::log(clusters.weight(j));
    }
    core::get_floats(reader, shape.rows.format, values.data(), static_cast<std::size_t>(values.size()));
    keys_ = keys.cast<double>();
    values_ = values.cast<double>();
  }

  core::RowMatrixD attend(core::RowsViewD queries) const override {
    attention::SoftmaxAttention<double> attention(queries, values_.cols());
    attention.absorb(keys_, values_, log_counts_.data());
    return attention.result();
  }

 private:
  core::RowMatrixD keys_, values_;
  std::vector<double> log_counts_;
};

class Kmeans : public Scheme {
 public:
  std::string name() const override { return "kmeans"; }
  std::string summary() const override {
    return "slots of a streaming k-means of the keys: centroid, mean value and token count, whose logarithm joins the "
           "logit";
  }
  std::string paper() const override {
    return "Arthur and Vassilvitskii, k-means++, SODA 2007; streaming by merge and reduce: Guha et al., FOCS 2000";
  }
  std::string guarantee() const override {
    return "1 <= Z/Z' <= exp(delta^2 |q|^2 / 2) for the partition function when every key is within delta of its "
           "centroid (Jensen, Hoeffding); exact for at most k distinct keys with equal values";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("slots", {}, 1, 10'000'000, "number of clusters").sized(),
        core::Option::integer("block", 256, 1, 1'000'000, "tokens that are collected before slots are formed anew"),
        core::Option::integer("rounds", 8, 0, 1000, "rounds of Lloyd's algorithm at most"), format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    const Shape shape(params);
    return static_cast<std::uint64_t>(shape.slots) * shape.slot_bits();
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    trial.options["slots"] = 1;
    const std::uint64_t least = Shape(trial).slot_bits();
    if (budget_bits < least) return {std::nullopt, least};
    trial.options["slots"] = std::min<std::uint64_t>(budget_bits / least, static_cast<std::uint64_t>(params.tokens()));
    return {trial.options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<KmeansEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<KmeansDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override {
    const Shape shape(params);
    return std::min(params.tokens(), shape.slots + shape.block);
  }
  double workspace_bytes(const PublicParams& params) const override {
    return kmeans_workspace_bytes(held_rows(params));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const Shape shape(params);
    const double slots = static_cast<double>(shape.slots), parties = shape.rows.stored_keys ? 1 : 2;
    // As long as every token has a slot of its own, nothing is clustered.
    const double merged = std::max(0.0, static_cast<double>(params.tokens()) - slots);
    return Scheme::operations(params, queries) + parties * merged * (1 + slots / static_cast<double>(shape.block)) *
                                                     slots * static_cast<double>(params.d) *
                                                     (2.0 * shape.rounds + 3 * (2 + std::log(slots + 1)));
  }
};

const core::Registration<Scheme, Kmeans> registration;

}  // namespace
}  // namespace kvfrontier::schemes::kmeans_scheme
