// Slots hold a centroid of keys, the mean value and the number of its tokens, whose logarithm is added to the logit.
// The stream is clustered block by block: the slots so far, as weighted points, and the new tokens are reduced to k
// slots.

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

struct KmeansOptions {
  std::optional<Index> slots;
  Index block = 256;
  int rounds = 8;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<KmeansOptions> members() {
    return {
        core::member("slots", &KmeansOptions::slots, "number of clusters").range(1, 1e7).sized(),
        core::member("block", &KmeansOptions::block, "tokens that are collected before slots are formed anew")
            .range(1, 1e6),
        core::member("rounds", &KmeansOptions::rounds, "largest number of rounds of Lloyd's algorithm").range(0, 1000),
        format_member(&KmeansOptions::format), keys_member(&KmeansOptions::keys)};
  }
};

const KmeansOptions& options_of(const PublicParams& params) {
  return params.options.as<KmeansOptions>();
}

// What both parties know about the slots and the message.
struct Layout {
  explicit Layout(const PublicParams& params)
      : d(params.d),
        slots(std::min(options_of(params).slots.value(), params.tokens())),
        block(options_of(params).block),
        rounds(options_of(params).rounds),
        count_bits(std::bit_width<std::uint64_t>(params.tokens())),
        rows{d, options_of(params).keys == Keys::stored, options_of(params).format},
        coins(params.coins) {}
  // If keys are public, so are the counts of their clustering.
  Bits slot_bits() const { return rows.bits_per_row() + (rows.stored_keys ? count_bits : 0); }
  StreamingClusters::Shape clusters() const { return {d, slots, block, rounds, coins}; }
  Index d, slots, block;
  int rounds, count_bits;
  RowFormat rows;
  core::Coins coins;
};

class KmeansEncoder : public Encoder {
 public:
  explicit KmeansEncoder(const PublicParams& params) : layout_(params), clusters_(layout_.clusters(), params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) clusters_.add(block.keys.row(i).data(), block.values.row(i).data());
    count_ += block.count();
  }
  Bits state_bits() const override { return sent() * layout_.slot_bits(); }
  // Rows not clustered yet, and slots in single precision with a count, beyond what the message holds of them.
  Bits working_bits() const override {
    const Bits held = clusters_.filled() * (64 * layout_.d + layout_.count_bits);
    return std::max<Bits>(0, held - state_bits());
  }

  void write(core::BitWriter& writer) const override {
    StreamingClusters final = clusters_;
    final.reduce();
    // If keys are equal, fewer slots may be filled; the others are sent as zeros.
    const Index slots = sent();
    core::RowMatrixF keys = core::RowMatrixF::Zero(slots, layout_.d), values = keys;
    keys.topRows(final.filled()) = final.keys();
    values.topRows(final.filled()) = final.values();
    if (layout_.rows.stored_keys) {
      writer.section("counts");
      for (Index j = 0; j < slots; ++j) {
        const std::uint64_t tokens = j < final.filled() ? final.weight(j) : 0;
        writer.put(tokens, layout_.count_bits);
      }
      writer.section("keys");
      core::put_floats(writer, layout_.rows.format, keys.data(), keys.size());
    }
    writer.section("values");
    core::put_floats(writer, layout_.rows.format, values.data(), values.size());
  }

 private:
  Index sent() const { return std::min(layout_.slots, count_); }

  Layout layout_;
  StreamingClusters clusters_;
  Index count_ = 0;
};

class KmeansDecoder : public Decoder {
 public:
  KmeansDecoder(const PublicParams& params, core::BitReader reader) {
    const Layout layout(params);
    core::RowMatrixF keys = core::RowMatrixF::Zero(layout.slots, layout.d), values = keys;
    log_counts_.assign(layout.slots, -std::numeric_limits<double>::infinity());
    if (layout.rows.stored_keys) {
      double tokens = 0;
      for (double& log_count : log_counts_) {
        const double count = reader.get(layout.count_bits);
        tokens += count;
        log_count = std::log(count);
      }
      if (tokens != params.tokens()) throw core::DataError("the slots do not hold all tokens");
      core::get_floats(reader, layout.rows.format, keys.data(), keys.size());
    } else {
      const StreamingClusters clusters = public_clusters(params, layout.clusters());
      keys.topRows(clusters.filled()) = clusters.keys();
      for (Index j = 0; j < clusters.filled(); ++j) log_counts_[j] = std::log(clusters.weight(j));
    }
    core::get_floats(reader, layout.rows.format, values.data(), values.size());
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
  const core::OptionTable& options() const override { return core::table_of<KmeansOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    const Layout layout(params);
    return layout.slots * layout.slot_bits();
  }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    KmeansOptions options = options_of(params);
    options.slots = 1;
    PublicParams trial = params;
    trial.options = options;
    const Bits least = Layout(trial).slot_bits();
    if (budget_bits < least) return {std::nullopt, least};
    options.slots = std::min(budget_bits / least, params.tokens());
    return {options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<KmeansEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<KmeansDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override {
    const Layout layout(params);
    return std::min(params.tokens(), layout.slots + layout.block);
  }
  double workspace_bytes(const PublicParams& params) const override {
    return kmeans_workspace_bytes(held_rows(params));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const Layout layout(params);
    const double slots = layout.slots, parties = layout.rows.stored_keys ? 1 : 2;
    // As long as every token has a slot of its own, nothing is clustered.
    const double merged = std::max(0.0, params.tokens() - slots);
    return Scheme::operations(params, queries) + parties * merged * (1 + slots / layout.block) * slots * params.d *
                                                     (2.0 * layout.rounds + 3 * (2 + std::log(slots + 1)));
  }
};

const core::Registration<Scheme, Kmeans> registration;

}  // namespace
}  // namespace kvfrontier::schemes::kmeans_scheme
