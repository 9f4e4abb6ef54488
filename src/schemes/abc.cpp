// Attention with bounded memory: every token is spread over a fixed number of slots by a control vector phi, K' = sum
// phi k^T and V' = sum phi v^T, and queries attend over the slots. The members of the family differ in phi alone.

#include <algorithm>
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
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

struct Shape {
  explicit Shape(const PublicParams& params)
      : member(params.options.at("member")),
        d(params.d),
        slots(std::min(params.options.at("slots").get<Index>(), params.tokens())),
        block(params.options.at("block").get<Index>()),
        rounds(params.options.at("rounds").get<int>()),
        temperature(params.options.at("temperature").get<double>()),
        clamped(params.options.at("official").get<bool>()),
        rows(RowFormat::of(params)),
        key(params.key) {}
  // Equal keys leave clusters over, so the message says how many there are, where Bob cannot see the keys.
  int count_bits() const {
    return member == "cluster" && rows.stored_keys ? std::bit_width(static_cast<std::uint64_t>(slots)) : 0;
  }
  // Windows and clusters fill up with the tokens, the others are whole from the first.
  Index sent(Index count) const { return member == "window" || member == "cluster" ? std::min(slots, count) : slots; }
  std::uint64_t bits(Index count) const {
    return static_cast<std::uint64_t>(sent(count)) * rows.bits_per_row() + static_cast<std::uint64_t>(count_bits());
  }

  std::string member;
  Index d, slots, block;
  int rounds;
  double temperature;
  bool clamped;
  RowFormat rows;
  core::RandomKey key;
};

// The slots of a stream. Bob, who regenerates public keys, runs them with values of width 0.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual void add(Index token, const float* key, const float* value) = 0;

  // Slots that hold something, in the order in which they are sent.
  struct Rows {
    RowMatrixF keys, values;
  };
  virtual Rows rows() const = 0;
  virtual std::uint64_t held_bits() const = 0;
};

// phi = e_newest, all older slots shift by one: a ring of the last tokens.
class Window : public Memory {
 public:
  Window(const Shape& shape, Index value_width) : keys_(shape.slots, shape.d), values_(shape.slots, value_width) {}
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
  std::uint64_t held_bits() const override {
    return 32 * static_cast<std::uint64_t>(std::min(count_, keys_.rows()) * (keys_.cols() + values_.cols()));
  }

 private:
  RowMatrixF keys_, values_;
  Index count_ = 0;
};

// phi = e_c(i)/count: centroids, without the log counts that would weigh them.
class Clusters : public Memory {
 public:
  Clusters(const Shape& shape, Index value_width)
      : clusters_({shape.d, shape.slots, shape.block, shape.rounds, shape.key}, value_width) {}
  void add(Index, const float* key, const float* value) override { clusters_.add(key, value); }
  Rows rows() const override {
    StreamingClusters final = clusters_;
    final.reduce();
    return {final.keys(), final.values()};
  }
  // Rows in single precision with a count each.
  std::uint64_t held_bits() const override {
    return static_cast<std::uint64_t>(clusters_.filled() *
                                      (32 * (clusters_.keys().cols() + clusters_.values().cols()) + 32));
  }

 private:
  StreamingClusters clusters_;
};

// Slots that are weighted sums of all tokens, divided by the sum of weights where they are means. Tokens wait for a
// product of matrices, a fixed number of the stream at a time.
class WeightedSums : public Memory {
 public:
  WeightedSums(const Shape& shape, Index value_width)
      : shape_(shape),
        sums_(RowMatrixD::Zero(shape.slots, shape.d + value_width)),
        totals_(Eigen::VectorXd::Zero(shape.slots)),
        rows_(run, shape.d + value_width),
        weights_(shape.slots, run) {
    if (shape.member != "mlp_rand") return;
    maxima_.setConstant(shape.slots, -std::numeric_limits<double>::infinity());
    control_.resize(shape.slots, shape.d);
    for (Index j = 0; j < shape.slots; ++j) {
      core::Stream stream(shape.key, core::Purpose("abc/control"), static_cast<std::uint64_t>(j));
      boost::random::normal_distribution<double> normal(0, shape.temperature);
      for (Index c = 0; c < shape.d; ++c) control_(j, c) = normal(stream);
    }
  }

  void add(Index token, const float* key, const float* value) override {
    auto row = rows_.row(waiting_);
    row.head(shape_.d) = Eigen::Map<const Eigen::RowVectorXf>(key, shape_.d).cast<double>();
    row.tail(row.size() - shape_.d) = Eigen::Map<const Eigen::RowVectorXf>(value, row.size() - shape_.d).cast<double>();
    if (shape_.member == "random") {
      const Index slot = random_slot(shape_, token);
      sums_.row(slot) += row;
      totals_[slot] += 1;
      return;
    }
    if (shape_.member != "mlp_rand") draw_column(token);
    if (++waiting_ == run) settle();
  }

  Rows rows() const override {
    WeightedSums final = *this;
    final.settle();
    for (Index j = 0; j < shape_.slots; ++j) {
      if (shape_.member != "linformer_jl" && final.totals_[j] > 0) final.sums_.row(j) /= final.totals_[j];
    }
    return {final.sums_.leftCols(shape_.d).cast<float>(), final.sums_.rightCols(sums_.cols() - shape_.d).cast<float>()};
  }
  // Sums in double and single-precision rows that wait; of the normalisers those of mlp_rand are data.
  std::uint64_t held_bits() const override {
    return 64 * static_cast<std::uint64_t>(sums_.size() + (shape_.member == "mlp_rand" ? 2 * shape_.slots : 0)) +
           32 * static_cast<std::uint64_t>(waiting_ * sums_.cols());
  }

  static Index random_slot(const Shape& shape, Index token) {
    core::Stream stream(shape.key, core::Purpose("abc/slot"), static_cast<std::uint64_t>(token));
    return boost::random::uniform_int_distribution<Index>(0, shape.slots - 1)(stream);
  }

 private:
  static constexpr Index run = 16;

  void settle() {
    if (waiting_ == 0) return;
    if (shape_.member == "mlp_rand") weigh_by_scores();
    sums_.noalias() += weights_.leftCols(waiting_) * rows_.topRows(waiting_);
    totals_ += weights_.leftCols(waiting_).rowwise().sum();
    waiting_ = 0;
  }
  // Weights exp(score - running maximum), and what is held shrinks as the maximum grows.
  void weigh_by_scores() {
    auto scores = weights_.leftCols(waiting_);
    scores.noalias() = control_ * rows_.topRows(waiting_).leftCols(shape_.d).transpose();
    if (shape_.clamped) scores = scores.cwiseMin(32.0).cwiseMax(-32.0).eval();
    for (Index j = 0; j < shape_.slots; ++j) {
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
    core::Stream stream(shape_.key, core::Purpose("abc/column"), static_cast<std::uint64_t>(token));
    if (shape_.member == "linformer_avg") {
      boost::random::exponential_distribution<double> exponential;
      for (Index j = 0; j < shape_.slots; ++j) weights_(j, waiting_) = exponential(stream);
    } else {
      boost::random::normal_distribution<double> normal(0, 1 / std::sqrt(static_cast<double>(shape_.slots)));
      for (Index j = 0; j < shape_.slots; ++j) weights_(j, waiting_) = normal(stream);
    }
  }

  Shape shape_;
  RowMatrixD sums_;  // slots x (d + value width)
  Eigen::VectorXd totals_, maxima_;
  RowMatrixD control_;  // W of mlp_rand, slots x d
  RowMatrixD rows_;     // that wait
  RowMatrixD weights_;  // slots x run: of the rows that wait
  Index waiting_ = 0;
};

std::unique_ptr<Memory> memory_of(const Shape& shape, Index value_width) {
  if (shape.member == "window") return std::make_unique<Window>(shape, value_width);
  if (shape.member == "cluster") return std::make_unique<Clusters>(shape, value_width);
  return std::make_unique<WeightedSums>(shape, value_width);
}

// A random slot that no token fell into holds nothing to attend to.
std::vector<bool> filled_slots(const Shape& shape, Index tokens) {
  std::vector<bool> filled(static_cast<std::size_t>(shape.slots), shape.member != "random");
  for (Index token = 0; token < tokens && shape.member == "random"; ++token) {
    filled[static_cast<std::size_t>(WeightedSums::random_slot(shape, token))] = true;
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
  explicit AbcEncoder(const PublicParams& params) : shape_(params), memory_(memory_of(shape_, params.d)) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i)
      memory_->add(block.first + i, block.keys.row(i).data(), block.values.row(i).data());
    count_ += block.count();
  }
  std::uint64_t state_bits() const override { return shape_.bits(count_); }
  std::uint64_t working_bits() const override {
    const std::uint64_t held = memory_->held_bits();
    return held > state_bits() ? held - state_bits() : 0;
  }
  void write(core::BitWriter& writer) const override {
    const Memory::Rows rows = memory_->rows();
    if (shape_.count_bits() > 0) {
      writer.section("counts");
      writer.put(static_cast<std::uint64_t>(rows.keys.rows()), shape_.count_bits());
    }
    const Index sent = shape_.sent(count_);
    if (shape_.rows.stored_keys) {
      writer.section("keys");
      put_rows(writer, shape_.rows.format, padded(rows.keys, sent));
    }
    writer.section("values");
    put_rows(writer, shape_.rows.format, padded(rows.values, sent));
  }

 private:
  Shape shape_;
  std::unique_ptr<Memory> memory_;
  Index count_ = 0;
};

class AbcDecoder : public Decoder {
 public:
  AbcDecoder(const PublicParams& params, core::BitReader reader) {
    const Shape shape(params);
    const Index sent = shape.sent(params.tokens());
    Index clusters = sent;
    if (shape.count_bits() > 0) {
      clusters = static_cast<Index>(reader.get(shape.count_bits()));
      if (clusters < 1 || clusters > sent) throw core::DataError("an impossible number of clusters");
    }
    if (shape.rows.stored_keys) {
      keys_ = get_rows(reader, shape.rows.format, sent, params.d);
    } else {
      const RowMatrixF found = keys_of_slots(params, shape);
      clusters = found.rows();
      keys_ = padded(found, sent);
    }
    values_ = get_rows(reader, shape.rows.format, sent, params.d);

    const std::vector<bool> filled = filled_slots(shape, params.tokens());
    Index held = 0;
    for (Index slot = 0; slot < clusters; ++slot) {
      if (!filled[static_cast<std::size_t>(slot)]) continue;
      keys_.row(held) = keys_.row(slot).eval();
      values_.row(held++) = values_.row(slot).eval();
    }
    keys_.conservativeResize(held, params.d);
    values_.conservativeResize(held, params.d);
  }
  RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  static RowMatrixF keys_of_slots(const PublicParams& params, const Shape& shape) {
    const auto memory = memory_of(shape, 0);
    RowMatrixF key(1, params.d);
    for (Index token = 0; token < params.tokens(); ++token) {
      params.keys().rows(params.key, params.tokens(), token, key);
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
    return "linformer_jl, linformer_avg and mlp_rand put public random controls for learned ones (Gaussian columns, "
           "means with exponential weights, a Gaussian score matrix on keys); cluster runs k-means on the stream";
  }
  std::string paper() const override {
    return "Peng et al., ABC: Attention with Bounded-Memory Control, ACL 2022; Wang et al., Linformer, 2020";
  }
  std::string guarantee() const override {
    return "equal values come back exactly from every member but linformer_jl; window is exact on its last tokens; "
           "means lose single tokens: bit error about 1/2 on INDEX";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("slots", {}, 1, 10'000'000, "number of slots").sized(),
        core::Option::choice(
            "member", "mlp_rand", {"mlp_rand", "window", "cluster", "random", "linformer_jl", "linformer_avg"},
            "window: the newest tokens; cluster: centroids; random: a public slot for each token; linformer_jl and "
            "linformer_avg: public signed columns or positive means; mlp_rand: softmax-weighted means"),
        core::Option::real("temperature", 16.0, 0, 1e6, "mlp_rand: deviation of the entries of the score matrix"),
        core::Option::integer("block", 256, 1, 1'000'000, "cluster: tokens collected before slots are formed anew"),
        core::Option::integer("rounds", 8, 0, 1000, "cluster: rounds of Lloyd's algorithm at most"),
        core::Option::boolean("official", false, "mlp_rand: scores clamped to [-32, 32], as in a published kernel"),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return Shape(params).bits(params.tokens());
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    const auto bits = [&](Index slots) {
      trial.options["slots"] = slots;
      return *message_bits(trial);
    };
    const std::uint64_t least = bits(1);
    if (budget_bits < least) return {std::nullopt, least};
    // The number of clusters grows with their logarithm, so the last step is down.
    Index slots = std::min<Index>(params.tokens(), rows_in(RowFormat::of(params), budget_bits, params.tokens()));
    while (bits(slots) > budget_bits) --slots;
    trial.options["slots"] = slots;
    return {trial.options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<AbcEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<AbcDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override {
    const Shape shape(params);
    return shape.member == "cluster" ? std::min(params.tokens(), shape.slots + shape.block) : shape.slots;
  }
  double workspace_bytes(const PublicParams& params) const override {
    return Shape(params).member == "cluster" ? kmeans_workspace_bytes(held_rows(params)) : 0;
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2;
    return Scheme::operations(params, queries) + parties * static_cast<double>(params.tokens()) *
                                                     static_cast<double>(Shape(params).slots) *
                                                     (30.0 + 6.0 * static_cast<double>(params.d));
  }
};

const core::Registration<Scheme, Abc> registration;

}  // namespace
}  // namespace kvfrontier::schemes::abc
