// LoMA-LS: every chunk of t c tokens becomes t slots. The published slots are written by a model that is trained to
// repeat the chunk; here they are fitted. Keys are centroids, log-masses match the chunk's partition function and
// values match its answers, both in the least-squares sense over a proxy for the queries.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <vector>

#include <Eigen/Cholesky>

#include "attention/attention.hpp"
#include "core/rng.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/kmeans.hpp"

namespace kvfrontier::schemes::loma {

// What the fit asks.
enum class FitQueries { random, k2k };

}  // namespace kvfrontier::schemes::loma

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::loma::FitQueries> {
  static constexpr std::array names{"random", "k2k"};
};

namespace kvfrontier::schemes::loma {
namespace {

struct LomaOptions {
  std::optional<Index> ratio;
  Index slots = 8, queries = 128;
  FitQueries proxy = FitQueries::random;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<LomaOptions> members() {
    return {core::member("ratio", &LomaOptions::ratio, "c, tokens per slot; 1: all tokens as they are")
                .range(1, 1e6)
                .sized(),
            core::member("slots", &LomaOptions::slots, "t, slots of a chunk").range(1, 4096),
            core::member("queries", &LomaOptions::queries, "directions at which masses and values are fitted")
                .range(1, 65536),
            core::member("proxy", &LomaOptions::proxy,
                         "queries of the fit: public random directions, or the keys of the chunk, at norm tau"),
            format_member(&LomaOptions::format),
            keys_member(&LomaOptions::keys)};
  }
};

const LomaOptions& options_of(const PublicParams& params) {
  return params.options.as<LomaOptions>();
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params) : Layout(params, options_of(params)) {}
  Layout(const PublicParams& params, const LomaOptions& options)
      : tokens(params.tokens()),
        slots(options.slots),
        ratio(options.ratio.value()),
        rows{params.d, options.keys == Keys::stored, options.format} {}

  Index chunk() const { return slots * ratio; }
  // Slots for single tokens would only cost more than the tokens.
  bool compresses() const { return ratio > 1; }
  Index chunks() const { return compresses() ? tokens / chunk() : 0; }
  Bits chunk_bits() const {
    const Bits masses = rows.stored_keys ? slots * core::bits_of(rows.format) : 0;
    return slots * rows.bits_per_row() + masses;
  }
  Bits message_bits() const { return chunks() * chunk_bits() + (tokens - chunks() * chunk()) * rows.bits_per_row(); }

  Index tokens, slots, ratio;
  RowFormat rows;
};

// The log-mass of an unused slot, whose weight is 0 in every format.
constexpr float no_mass = -60000;
constexpr int sweeps = 100;

struct Slots {
  core::RowMatrixF keys;  // as Bob will have them
  Eigen::VectorXf log_masses;
  std::vector<Index> cluster;  // the slot of every token of the chunk
};

// Fits slots to chunks. Bob, who knows public keys, fits keys and log-masses too.
class SlotFitter {
 public:
  explicit SlotFitter(const PublicParams& params)
      : layout_(params),
        coins_(params.coins),
        norm_(params.tau),
        own_keys_(options_of(params).proxy == FitQueries::k2k),
        random_(own_keys_ ? 0 : options_of(params).queries, params.d) {
    core::Stream coins(coins_, core::Purpose("loma/queries"), 0);
    boost::random::normal_distribution<double> normal;
    for (Index i = 0; i < random_.size(); ++i) random_.data()[i] = normal(coins);
    scale(random_);
  }

  Slots slots(const core::RowMatrixF& keys, Index chunk) const {
    const Index tokens = keys.rows();
    const std::vector<double> ones(tokens, 1);
    core::Stream coins(coins_, core::Purpose("loma/seeds"), chunk);
    Clustering found = kmeans(keys, ones, layout_.slots, 8, coins);
    const std::vector<double> counts = cluster_weights(ones, found.cluster, found.centres.rows());
    // Tokens with equal keys may leave slots over.
    Slots slots{core::RowMatrixF::Zero(layout_.slots, keys.cols()), Eigen::VectorXf::Constant(layout_.slots, no_mass),
                std::move(found.cluster)};
    slots.keys.topRows(found.centres.rows()) = found.centres;
    if (layout_.rows.stored_keys) slots.keys = slots.keys.unaryExpr([&](float x) { return stored(x); });
    fit_masses(keys, counts, slots);
    return slots;
  }

  // Ridge regression that pulls towards the clusters' means where no query decides.
  core::RowMatrixF values(const core::RowMatrixF& keys, const core::RowMatrixF& values, const Slots& slots) const {
    const core::RowMatrixF queries = queries_for(keys);
    const core::RowMatrixF exact = softmax(queries * keys.transpose()) * values;
    const core::RowMatrixF weights =
        softmax((queries * slots.keys.transpose()).rowwise() + slots.log_masses.transpose());
    const std::vector<double> ones(keys.rows(), 1);
    const Index used = *std::max_element(slots.cluster.begin(), slots.cluster.end()) + 1;
    core::RowMatrixF means = core::RowMatrixF::Zero(layout_.slots, values.cols());
    means.topRows(used) = cluster_means(values, ones, slots.cluster, used);
    const core::RowMatrixD a = weights.cast<double>(), rest = (exact - weights * means).cast<double>();
    core::RowMatrixD gram = a.transpose() * a;
    gram.diagonal().array() += 1e-6 * gram.trace();
    const core::RowMatrixD correction = gram.ldlt().solve(a.transpose() * rest);
    return (means + correction.cast<float>()).unaryExpr([&](float x) { return stored(x); });
  }

 private:
  float stored(float x) const { return core::stored(layout_.rows.format, x); }
  void scale(core::RowMatrixF& queries) const {
    for (Index i = 0; i < queries.rows(); ++i) {
      if (const float length = queries.row(i).norm(); length > 0) queries.row(i) *= norm_ / length;
    }
  }
  core::RowMatrixF queries_for(const core::RowMatrixF& keys) const {
    if (!own_keys_) return random_;
    core::RowMatrixF queries = keys;
    scale(queries);
    return queries;
  }
  static core::RowMatrixF softmax(const core::RowMatrixF& logits) {
    core::RowMatrixF weights = (logits.colwise() - logits.rowwise().maxCoeff()).array().exp();
    const Eigen::VectorXf sums = weights.rowwise().sum();
    return sums.cwiseInverse().asDiagonal() * weights;
  }

  // Masses >= 0 for which sum_j mass_j exp(<q, key_j>) is the chunk's partition function Z(q), in least squares of the
  // ratio of the two. Coordinate descent from the counts, so that slots which no query tells apart keep their counts.
  void fit_masses(const core::RowMatrixF& keys, const std::vector<double>& counts, Slots& slots) const {
    const core::RowMatrixF queries = queries_for(keys);
    const core::RowMatrixF logits = queries * keys.transpose();
    const Eigen::VectorXf most = logits.rowwise().maxCoeff();
    const Eigen::VectorXf partition = (logits.colwise() - most).array().exp().rowwise().sum();
    const Index used = std::ssize(counts);
    const core::RowMatrixF slot_logits = queries * slots.keys.topRows(used).transpose();
    const core::RowMatrixD shares =
        (partition.cwiseInverse().asDiagonal() * (slot_logits.colwise() - most).array().exp().matrix()).cast<double>();
    const core::RowMatrixD gram = shares.transpose() * shares;
    const Eigen::VectorXd target = shares.colwise().sum().transpose();
    Eigen::VectorXd masses = Eigen::Map<const Eigen::VectorXd>(counts.data(), used);
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      for (Index j = 0; j < used; ++j) {
        if (gram(j, j) > 0) masses[j] = std::max(0.0, masses[j] - (gram.row(j).dot(masses) - target[j]) / gram(j, j));
      }
    }
    for (Index j = 0; j < used; ++j) {
      const double least = 1e-6 * counts[j];
      const float log_mass = std::log(std::max(masses[j], least));
      slots.log_masses[j] = layout_.rows.stored_keys ? stored(log_mass) : log_mass;
    }
  }

  Layout layout_;
  core::Coins coins_;
  float norm_;
  bool own_keys_;
  core::RowMatrixF random_;  // public directions at norm tau
};

class LomaEncoder : public Encoder {
 public:
  explicit LomaEncoder(const PublicParams& params) : layout_(params), fitter_(params), d_(params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      keys_.insert(keys_.end(), block.keys.row(i).data(), block.keys.row(i).data() + d_);
      values_.insert(values_.end(), block.values.row(i).data(), block.values.row(i).data() + d_);
      if (layout_.compresses() && buffered() == layout_.chunk()) finish();
    }
  }
  Bits state_bits() const override {
    return std::ssize(chunks_) * layout_.chunk_bits() + buffered() * layout_.rows.bits_per_row();
  }
  void write(core::BitWriter& writer) const override {
    const core::FloatFormat format = layout_.rows.format;
    for (const Chunk& chunk : chunks_) {
      if (layout_.rows.stored_keys) {
        writer.section("keys");
        put(writer, chunk.keys);
        writer.section("masses");
        core::put_floats(writer, format, chunk.log_masses.data(), layout_.slots);
      }
      writer.section("values");
      put(writer, chunk.values);
    }
    writer.section("tail");
    if (layout_.rows.stored_keys) core::put_floats(writer, format, keys_.data(), keys_.size());
    core::put_floats(writer, format, values_.data(), values_.size());
  }

 private:
  struct Chunk {
    core::RowMatrixF keys;
    Eigen::VectorXf log_masses;
    core::RowMatrixF values;
  };
  Index buffered() const { return std::ssize(values_) / d_; }
  void put(core::BitWriter& writer, const core::RowMatrixF& rows) const {
    core::put_floats(writer, layout_.rows.format, rows.data(), rows.size());
  }
  void finish() {
    const core::RowMatrixF keys = Eigen::Map<const core::RowMatrixF>(keys_.data(), layout_.chunk(), d_),
                           values = Eigen::Map<const core::RowMatrixF>(values_.data(), layout_.chunk(), d_);
    const Slots slots = fitter_.slots(keys, std::ssize(chunks_));
    chunks_.push_back({slots.keys, slots.log_masses, fitter_.values(keys, values, slots)});
    keys_.clear();
    values_.clear();
  }

  Layout layout_;
  SlotFitter fitter_;
  Index d_;
  std::vector<Chunk> chunks_;
  std::vector<float> keys_, values_;  // of the unfinished chunk
};

class LomaDecoder : public Decoder {
 public:
  LomaDecoder(const PublicParams& params, core::BitReader reader) {
    const Layout layout(params);
    const Index chunks = layout.chunks(), slots = chunks * layout.slots, tail = layout.tokens - chunks * layout.chunk();
    core::RowMatrixF keys(slots + tail, params.d), values(slots + tail, params.d);
    Eigen::VectorXf log_masses = Eigen::VectorXf::Zero(slots + tail);
    const auto read = [&](core::RowMatrixF& rows, Index first, Index count) {
      core::get_floats(reader, layout.rows.format, rows.row(0).data() + first * params.d, count * params.d);
    };
    const SlotFitter fitter(params);
    for (Index chunk = 0; chunk < chunks; ++chunk) {
      const Index first = chunk * layout.slots;
      if (layout.rows.stored_keys) {
        read(keys, first, layout.slots);
        core::get_floats(reader, layout.rows.format, log_masses.data() + first, layout.slots);
      } else {
        core::RowMatrixF tokens(layout.chunk(), params.d);
        params.keys().rows(params.coins, params.tokens(), chunk * layout.chunk(), tokens);
        const Slots fitted = fitter.slots(tokens, chunk);
        keys.middleRows(first, layout.slots) = fitted.keys;
        log_masses.segment(first, layout.slots) = fitted.log_masses;
      }
      read(values, first, layout.slots);
    }
    if (tail > 0) {
      if (layout.rows.stored_keys) {
        read(keys, slots, tail);
      } else {
        params.keys().rows(params.coins, params.tokens(), chunks * layout.chunk(), keys.bottomRows(tail));
      }
      read(values, slots, tail);
    }
    keys_ = keys.cast<double>();
    values_ = values.cast<double>();
    log_masses_ = log_masses.cast<double>();
  }

  core::RowMatrixD attend(core::RowsViewD queries) const override {
    attention::SoftmaxAttention<double> attention(queries, values_.cols());
    attention.absorb(keys_, values_, log_masses_.data());
    return attention.result();
  }

 private:
  core::RowMatrixD keys_, values_;
  Eigen::VectorXd log_masses_;
};

class Loma : public Scheme {
 public:
  std::string name() const override { return "loma"; }
  std::string summary() const override {
    return "chunks of t c tokens as t slots of key, log-mass and value (LoMA-LS); the rest of the stream as it is";
  }
  std::string surrogates() const override {
    return "slots by clustering and least squares in place of the trained model that writes memory tokens; the queries "
           "of the fit are a proxy";
  }
  std::string paper() const override {
    return "Wang and Xiao, LoMA: Lossless Compressed Memory Attention, arXiv 2401.09486";
  }
  std::string guarantee() const override {
    return "exact up to stored floats for ratio 1, and for chunks of at most t distinct keys with equal values each; "
           "otherwise none: the published method is lossless in token ids, by a trained model";
  }
  const core::OptionTable& options() const override { return core::table_of<LomaOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return Layout(params).message_bits(); }

  // The smallest ratio that fits.
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    LomaOptions options = options_of(params);
    options.ratio = 1;
    Layout layout(params, options);
    Fit fit{std::nullopt, layout.message_bits()};
    for (const Index most = std::max<Index>(1, layout.tokens / layout.slots); layout.ratio <= most; ++layout.ratio) {
      const Bits bits = layout.message_bits();
      fit.least_bits = std::min(fit.least_bits, bits);
      if (fit.options || bits > budget_bits) continue;
      options.ratio = layout.ratio;
      fit.options = options;
    }
    return fit;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<LomaEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<LomaDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double fit = 6 * options_of(params).queries + 30 * options_of(params).slots;
    return Scheme::operations(params, queries) + params.tokens() * params.d * fit;
  }
};

const core::Registration<Scheme, Loma> registration;

}  // namespace
}  // namespace kvfrontier::schemes::loma
