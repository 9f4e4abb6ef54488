// Attention with bounded memory: every token is spread over a fixed number of slots by a control vector phi, K' = sum
// phi k^T and V' = sum phi v^T, and queries attend over the slots. The members of the family differ in phi alone.

#include <algorithm>
#include <array>
#include <bit>
#include <boost/random/exponential_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/map_buffer.hpp"
#include "schemes/codec/streaming_clusters.hpp"

namespace kvfrontier::schemes::abc {

enum class Control { mlp_rand, window, cluster, random, linformer_jl, linformer_avg };

}  // namespace kvfrontier::schemes::abc

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::abc::Control> {
  static constexpr std::array names{"mlp_rand", "window", "cluster", "random", "linformer_jl", "linformer_avg"};
};

namespace kvfrontier::schemes::abc {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

struct AbcOptions {
  std::optional<Index> slots;
  Control member = Control::mlp_rand;
  double temperature = 16;
  Index block = 256;
  int rounds = 8;
  bool official = false;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<AbcOptions> members() {
    return {core::member("slots", &AbcOptions::slots, "number of slots").range(1, 1e7).sized(),
            core::member(
                "member", &AbcOptions::member,
                "window: the newest tokens; cluster: centroids; random: a public slot for each token; linformer_jl "
                "and linformer_avg: public signed columns or positive means; mlp_rand: softmax-weighted means"),
            core::member("temperature", &AbcOptions::temperature,
                         "mlp_rand: standard deviation of the entries of the score matrix")
                .range(0, 1e6),
            core::member("block", &AbcOptions::block, "cluster: tokens collected before slots are formed anew")
                .range(1, 1e6),
            core::member("rounds", &AbcOptions::rounds, "cluster: largest number of rounds of Lloyd's algorithm")
                .range(0, 1000),
            core::member("official", &AbcOptions::official,
                         "mlp_rand: clamp scores to [-32, 32], as a published kernel does"),
            format_member(&AbcOptions::format),
            keys_member(&AbcOptions::keys)};
  }
};

const AbcOptions& options_of(const PublicParams& params) {
  return params.options.as<AbcOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, stores_keys(params), options_of(params).format};
}

// What both parties know about the slots and the message.
struct Layout {
  explicit Layout(const PublicParams& params)
      : control(options_of(params).member),
        d(params.d),
        slots(std::min(options_of(params).slots.value(), params.tokens())),
        block(options_of(params).block),
        rounds(options_of(params).rounds),
        temperature(options_of(params).temperature),
        clamped(options_of(params).official),
        rows(format_of(params)),
        coins(params.coins) {}
  // Where keys are equal, there are fewer clusters than slots. Bob cannot see stored keys, so the message says how
  // many.
  int count_bits() const {
    return control == Control::cluster && rows.stored_keys ? std::bit_width<std::uint64_t>(slots) : 0;
  }
  // Windows and clusters fill up with the tokens; the other members send all slots from the first token on.
  Index sent(Index count) const {
    return control == Control::window || control == Control::cluster ? std::min(slots, count) : slots;
  }
  Bits bits(Index count) const { return sent(count) * rows.bits_per_row() + count_bits(); }

  Control control;
  Index d, slots, block;
  int rounds;
  double temperature;
  bool clamped;
  RowFormat rows;
  core::Coins coins;
};

// The slots of a stream. Bob, who regenerates public keys, runs them with values of width 0.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual void add(Index token, const float* key, const float* value) = 0;

  // The slots that hold something, in the order in which they are sent.
  struct Rows {
    RowMatrixF keys, values;
  };
  virtual Rows rows() const = 0;
  virtual Bits held_bits() const = 0;
};

// phi = e_newest, all older slots shift by one: a ring of the last tokens.
class Window : public Memory {
 public:
  Window(const Layout& layout, Index value_width) : keys_(layout.slots, layout.d), values_(layout.slots, value_width) {}
  void add(Index, const float* key, const float* value) override {
    const Index slot = count_++ % keys_.rows();
    keys_.row(slot) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
    values_.row(slot) = Eigen::Map<const Eigen::RowVectorXf>(value, values_.cols());
  }
  Rows rows() const override {
    const Index held = std::min(count_, keys_.rows()), oldest = count_ > held ? count_ % held : 0;
    Rows list{RowMatrixF(held, keys_.cols()), RowMatrixF(held, values_.cols())};
    for (Index i = 0; i < held; ++i) {
      list.keys.row(i) = keys_.row((oldest + i) % held);
      list.values.row(i) = values_.row((oldest + i) % held);
    }
    return list;
  }
  Bits held_bits() const override { return 32 * std::min(count_, keys_.rows()) * (keys_.cols() + values_.cols()); }

 private:
  RowMatrixF keys_, values_;
  Index count_ = 0;
};

// phi = e_c(i)/count: centroids, without the log counts that would weigh them.
class Clusters : public Memory {
 public:
  Clusters(const Layout& layout, Index value_width)
      : clusters_({layout.d, layout.slots, layout.block, layout.rounds, layout.coins}, value_width) {}
  void add(Index, const float* key, const float* value) override { clusters_.add(key, value); }
  Rows rows() const override {
    StreamingClusters final = clusters_;
    final.reduce();
    return {final.keys(), final.values()};
  }
  // Rows in single precision, each with a count.
  Bits held_bits() const override {
    return clusters_.filled() * (32 * (clusters_.keys().cols() + clusters_.values().cols()) + 32);
  }

 private:
  StreamingClusters clusters_;
};

// Slots that are weighted sums of all tokens, divided by the sum of weights where they are means. Tokens wait until a
// fixed number of them can be added by a product of matrices.
class WeightedSums : public Memory {
 public:
  WeightedSums(const Layout& layout, Index value_width)
      : layout_(layout),
        sums_(RowMatrixD::Zero(layout.slots, layout.d + value_width)),
        totals_(Eigen::VectorXd::Zero(layout.slots)),
        rows_(run, layout.d + value_width),
        weights_(layout.slots, run) {
    if (layout.control != Control::mlp_rand) return;
    maxima_.setConstant(layout.slots, -std::numeric_limits<double>::infinity());
    control_.resize(layout.slots, layout.d);
    for (Index j = 0; j < layout.slots; ++j) {
      core::Stream stream(layout.coins, core::Purpose("abc/control"), j);
      boost::random::normal_distribution<double> normal(0, layout.temperature);
      for (Index c = 0; c < layout.d; ++c) control_(j, c) = normal(stream);
    }
  }

  void add(Index token, const float* key, const float* value) override {
    auto row = rows_.row(waiting_);
    row.head(layout_.d) = Eigen::Map<const Eigen::RowVectorXf>(key, layout_.d).cast<double>();
    row.tail(row.size() - layout_.d) =
        Eigen::Map<const Eigen::RowVectorXf>(value, row.size() - layout_.d).cast<double>();
    if (layout_.control == Control::random) {
      const Index slot = random_slot(layout_, token);
      sums_.row(slot) += row;
      totals_[slot] += 1;
      return;
    }
    if (layout_.control != Control::mlp_rand) draw_column(token);
    if (++waiting_ == run) settle();
  }

  Rows rows() const override {
    WeightedSums final = *this;
    final.settle();
    for (Index j = 0; j < layout_.slots; ++j) {
      if (layout_.control != Control::linformer_jl && final.totals_[j] > 0) final.sums_.row(j) /= final.totals_[j];
    }
    return {final.sums_.leftCols(layout_.d).cast<float>(),
            final.sums_.rightCols(sums_.cols() - layout_.d).cast<float>()};
  }
  // Sums in double, and waiting rows in single precision. The normalisers of mlp_rand depend on the data and count too.
  Bits held_bits() const override {
    return 64 * (sums_.size() + (layout_.control == Control::mlp_rand ? 2 * layout_.slots : 0)) +
           32 * waiting_ * sums_.cols();
  }

  static Index random_slot(const Layout& layout, Index token) {
    core::Stream stream(layout.coins, core::Purpose("abc/slot"), token);
    return boost::random::uniform_int_distribution<Index>(0, layout.slots - 1)(stream);
  }

 private:
  static constexpr Index run = 16;

  void settle() {
    if (waiting_ == 0) return;
    if (layout_.control == Control::mlp_rand) weigh_by_scores();
    sums_.noalias() += weights_.leftCols(waiting_) * rows_.topRows(waiting_);
    totals_ += weights_.leftCols(waiting_).rowwise().sum();
    waiting_ = 0;
  }
  // Weights are exp(score - running maximum); what is held shrinks as the maximum grows.
  void weigh_by_scores() {
    auto scores = weights_.leftCols(waiting_);
    scores.noalias() = control_ * rows_.topRows(waiting_).leftCols(layout_.d).transpose();
    if (layout_.clamped) scores = scores.cwiseMin(32.0).cwiseMax(-32.0).eval();
    for (Index j = 0; j < layout_.slots; ++j) {
      const double largest = scores.row(j).maxCoeff();
      if (largest > maxima_[j]) {
        const double shrink = std::exp(maxima_[j] - largest);
        sums_.row(j) *= shrink;
        totals_[j] *= shrink;
        maxima_[j] = largest;
      }
      scores.row(j) = (scores.row(j).array() - maxima_[j]).exp();
    }
  }
  void draw_column(Index token) {
    core::Stream stream(layout_.coins, core::Purpose("abc/column"), token);
    if (layout_.control == Control::linformer_avg) {
      boost::random::exponential_distribution<double> exponential;
      for (Index j = 0; j < layout_.slots; ++j) weights_(j, waiting_) = exponential(stream);
    } else {
      boost::random::normal_distribution<double> normal(0, 1 / std::sqrt(layout_.slots));
      for (Index j = 0; j < layout_.slots; ++j) weights_(j, waiting_) = normal(stream);
    }
  }

  Layout layout_;
  RowMatrixD sums_;  // slots x (d + value width)
  Eigen::VectorXd totals_, maxima_;
  RowMatrixD control_;  // W of mlp_rand, slots x d
  RowMatrixD rows_;     // that wait
  RowMatrixD weights_;  // slots x run: of the rows that wait
  Index waiting_ = 0;
};

std::unique_ptr<Memory> memory_of(const Layout& layout, Index value_width) {
  if (layout.control == Control::window) return std::make_unique<Window>(layout, value_width);
  if (layout.control == Control::cluster) return std::make_unique<Clusters>(layout, value_width);
  return std::make_unique<WeightedSums>(layout, value_width);
}

// Which slots can be attended to: all but random slots that got no token.
std::vector<bool> filled_slots(const Layout& layout, Index tokens) {
  const bool random = layout.control == Control::random;
  std::vector<bool> filled(layout.slots, !random);
  for (Index token = 0; token < tokens && random; ++token) {
    filled[WeightedSums::random_slot(layout, token)] = true;
  }
  return filled;
}

RowMatrixF padded(const RowMatrixF& rows, Index count) {
  RowMatrixF all = RowMatrixF::Zero(count, rows.cols());
  all.topRows(rows.rows()) = rows;
  return all;
}

class AbcEncoder : public Encoder {
 public:
  explicit AbcEncoder(const PublicParams& params) : layout_(params), memory_(memory_of(layout_, params.d)) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i)
      memory_->add(block.first + i, block.keys.row(i).data(), block.values.row(i).data());
    count_ += block.count();
  }
  Bits state_bits() const override { return layout_.bits(count_); }
  Bits working_bits() const override { return std::max<Bits>(0, memory_->held_bits() - state_bits()); }
  void write(core::BitWriter& writer) const override {
    const Memory::Rows rows = memory_->rows();
    if (layout_.count_bits() > 0) {
      writer.section("counts");
      writer.put(rows.keys.rows(), layout_.count_bits());
    }
    const Index sent = layout_.sent(count_);
    if (layout_.rows.stored_keys) {
      writer.section("keys");
      put_rows(writer, layout_.rows.format, padded(rows.keys, sent));
    }
    writer.section("values");
    put_rows(writer, layout_.rows.format, padded(rows.values, sent));
  }

 private:
  Layout layout_;
  std::unique_ptr<Memory> memory_;
  Index count_ = 0;
};

class AbcDecoder : public Decoder {
 public:
  AbcDecoder(const PublicParams& params, core::BitReader reader) {
    const Layout layout(params);
    const Index sent = layout.sent(params.tokens());
    Index clusters = sent;
    if (layout.count_bits() > 0) {
      clusters = reader.get(layout.count_bits());
      if (clusters < 1 || clusters > sent) throw core::DataError("an impossible number of clusters");
    }
    if (layout.rows.stored_keys) {
      keys_ = get_rows(reader, layout.rows.format, sent, params.d);
    } else {
      const RowMatrixF found = keys_of_slots(params, layout);
      clusters = found.rows();
      keys_ = padded(found, sent);
    }
    values_ = get_rows(reader, layout.rows.format, sent, params.d);

    const std::vector<bool> filled = filled_slots(layout, params.tokens());
    Index held = 0;
    for (Index slot = 0; slot < clusters; ++slot) {
      if (!filled[slot]) continue;
      keys_.row(held) = keys_.row(slot).eval();
      values_.row(held++) = values_.row(slot).eval();
    }
    keys_.conservativeResize(held, params.d);
    values_.conservativeResize(held, params.d);
  }
  RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  static RowMatrixF keys_of_slots(const PublicParams& params, const Layout& layout) {
    const auto memory = memory_of(layout, 0);
    RowMatrixF key(1, params.d);
    for (Index token = 0; token < params.tokens(); ++token) {
      params.keys().rows(params.coins, params.tokens(), token, key);
      memory->add(token, key.data(), nullptr);
    }
    return memory->rows().keys;
  }

  RowMatrixF keys_, values_;
};

class Abc : public Scheme {
 public:
  std::string name() const override { return "abc"; }
  std::string summary() const override {
    return "attention with bounded memory: slots that are sums or means of tokens under a control vector, read without "
           "counts";
  }
  std::string surrogates() const override {
    return "linformer_jl, linformer_avg and mlp_rand replace learned controls by public random ones (Gaussian columns, "
           "means with exponential weights, a Gaussian score matrix on keys); cluster runs k-means on the stream";
  }
  std::string paper() const override {
    return "Peng et al., ABC: Attention with Bounded-Memory Control, ACL 2022; Wang et al., Linformer, 2020";
  }
  std::string guarantee() const override {
    return "equal values come back exactly from every member but linformer_jl; window is exact on its last tokens; "
           "means lose single tokens: bit error about 1/2 on INDEX";
  }
  const core::OptionTable& options() const override { return core::table_of<AbcOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return Layout(params).bits(params.tokens());
  }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    PublicParams trial = params;
    AbcOptions options = options_of(params);
    const auto bits = [&](Index slots) {
      options.slots = slots;
      trial.options = options;
      return *message_bits(trial);
    };
    const Bits least = bits(1);
    if (budget_bits < least) return {std::nullopt, least};
    // The count of clusters takes bits too, so the rows alone may fill the budget beyond its end.
    Index slots = rows_in(format_of(params), budget_bits, params.tokens());
    while (bits(slots) > budget_bits) --slots;
    return {trial.options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<AbcEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<AbcDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override {
    const Layout layout(params);
    return layout.control == Control::cluster ? std::min(params.tokens(), layout.slots + layout.block) : layout.slots;
  }
  double workspace_bytes(const PublicParams& params) const override {
    return Layout(params).control == Control::cluster ? kmeans_workspace_bytes(held_rows(params)) : 0;
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2;
    return Scheme::operations(params, queries) +
           parties * params.tokens() * Layout(params).slots * (30.0 + 6.0 * params.d);
  }
};

const core::Registration<Scheme, Abc> registration;

}  // namespace
}  // namespace kvfrontier::schemes::abc
