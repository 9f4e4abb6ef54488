// LoMA-LS: every chunk of t c tokens becomes t slots. The published slots are written by a model trained to repeat the
// chunk; these are fitted: keys are centroids, log-masses make the slots' partition function that of the chunk, and
// values make their answers those of the chunk, both in least squares over stand-ins for queries.

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
namespace {

struct Shape {
  explicit Shape(const PublicParams& params)
      : tokens(params.tokens()),
        slots(params.options.at("slots").get<Index>()),
        ratio(params.options.at("ratio").get<Index>()),
        rows(RowFormat::of(params)) {}

  Index chunk() const { return slots * ratio; }
  // Slots for single tokens would only cost more than the tokens.
  bool compresses() const { return ratio > 1; }
  Index chunks() const { return compresses() ? tokens / chunk() : 0; }
  std::uint64_t chunk_bits() const {
    const Index masses = rows.stored_keys ? slots * core::bits_of(rows.format) : 0;
    return static_cast<std::uint64_t>(slots) * rows.bits_per_row() + static_cast<std::uint64_t>(masses);
  }
  std::uint64_t message_bits() const {
    return static_cast<std::uint64_t>(chunks()) * chunk_bits() +
           static_cast<std::uint64_t>(tokens - chunks() * chunk()) * rows.bits_per_row();
  }

  Index tokens, slots, ratio;
  RowFormat rows;
};

// A weight that is none, in every format.
constexpr float no_mass = -60000;
constexpr int sweeps = 100;

struct Slots {
  core::RowMatrixF keys;  // as Bob will have them
  Eigen::VectorXf log_masses;
  std::vector<Index> cluster;  // of every token of the chunk
};

// Fits slots to chunks. Bob, who knows public keys, fits keys and log-masses too.
class SlotFitter {
 public:
  explicit SlotFitter(const PublicParams& params)
      : shape_(params),
        key_(params.key),
        norm_(static_cast<float>(params.tau)),
        own_keys_(params.options.at("proxy") == "k2k"),
        random_(own_keys_ ? 0 : params.options.at("queries").get<Index>(), params.d) {
    core::Stream coins(key_, core::Purpose("loma/queries"), 0);
    boost::random::normal_distribution<double> normal;
    for (Index i = 0; i < random_.size(); ++i) random_.data()[i] = static_cast<float>(normal(coins));
    scale(random_);
  }

  Slots slots(const core::RowMatrixF& keys, Index chunk) const {
    const Index tokens = keys.rows();
    const std::vector<double> ones(static_cast<std::size_t>(tokens), 1);
    core::Stream coins(key_, core::Purpose("loma/seeds"), static_cast<std::uint64_t>(chunk));
    Clustering found = kmeans(keys, ones, shape_.slots, 8, coins);
    const std::vector<double> counts = cluster_weights(ones, found.cluster, found.centres.rows());
    // Tokens with equal keys may leave slots over.
    Slots slots{core::RowMatrixF::Zero(shape_.slots, keys.cols()), Eigen::VectorXf::Constant(shape_.slots, no_mass),
                std::move(found.cluster)};
    slots.keys.topRows(found.centres.rows()) = found.centres;
    if (shape_.rows.stored_keys) slots.keys = slots.keys.unaryExpr([&](float x) { return stored(x); });
    fit_masses(keys, counts, slots);
    return slots;
  }

  // Ridge regression that pulls towards the clusters' means, where no query tells.
  core::RowMatrixF values(const core::RowMatrixF& keys, const core::RowMatrixF& values, const Slots& slots) const {
    const core::RowMatrixF queries = queries_for(keys);
    const core::RowMatrixF exact = softmax(queries * keys.transpose()) * values;
    const core::RowMatrixF weights =
        softmax((queries * slots.keys.transpose()).rowwise() + slots.log_masses.transpose());
    const std::vector<double> ones(static_cast<std::size_t>(keys.rows()), 1);
    const Index used = *std::max_element(slots.cluster.begin(), slots.cluster.end()) + 1;
    core::RowMatrixF means = core::RowMatrixF::Zero(shape_.slots, values.cols());
    means.topRows(used) = cluster_means(values, ones, slots.cluster, used);
    const core::RowMatrixD a = weights.cast<double>(), rest = (exact - weights * means).cast<double>();
    core::RowMatrixD gram = a.transpose() * a;
    gram.diagonal().array() += 1e-6 * gram.trace();
    const core::RowMatrixD correction = gram.ldlt().solve(a.transpose() * rest);
    return (means + correction.cast<float>()).unaryExpr([&](float x) { return stored(x); });
  }

 private:
  float stored(float x) const { return core::stored(shape_.rows.format, x); }
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

  // Masses >= 0 that make sum_j mass_j exp(<q, key_j>) the chunk's partition function Z(q), in least squares of
  // their ratio to it; coordinate descent from the counts, so that slots which no query tells apart keep theirs.
  void fit_masses(const core::RowMatrixF& keys, const std::vector<double>& counts, Slots& slots) const {
    const core::RowMatrixF queries = queries_for(keys);
    const core::RowMatrixF logits = queries * keys.transpose();
    const Eigen::VectorXf most = logits.rowwise().maxCoeff();
    const Eigen::VectorXf partition = (logits.colwise() - most).array().exp().rowwise().sum();
    const auto used = static_cast<Index>(counts.size());
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
      const double least = 1e-6 * counts[static_cast<std::size_t>(j)];
      const auto log_mass = static_cast<float>(std::log(std::max(masses[j], least)));
      slots.log_masses[j] = shape_.rows.stored_keys ? stored(log_mass) : log_mass;
    }
  }

  Shape shape_;
  core::RandomKey key_;
  float norm_;
  bool own_keys_;
  core::RowMatrixF random_;  // public directions at norm tau
};

class LomaEncoder : public Encoder {
 public:
  explicit LomaEncoder(const PublicParams& params) : shape_(params), fitter_(params), d_(params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      keys_.insert(keys_.end(), block.keys.row(i).data(), block.keys.row(i).data() + d_);
      values_.insert(values_.end(), block.values.row(i).data(), block.values.row(i).data() + d_);
      if (shape_.compresses() && buffered() == shape_.chunk()) finish();
    }
  }
  std::uint64_t state_bits() const override {
    return chunks_.size() * shape_.chunk_bits() + static_cast<std::uint64_t>(buffered()) * shape_.rows.bits_per_row();
  }
  void write(core::BitWriter& writer) const override {
    const core::FloatFormat format = shape_.rows.format;
    for (const Chunk& chunk : chunks_) {
      if (shape_.rows.stored_keys) {
        writer.section("keys");
        put(writer, chunk.keys);
        writer.section("masses");
        core::put_floats(writer, format, chunk.log_masses.data(), static_cast<std::size_t>(shape_.slots));
      }
      writer.section("values");
      put(writer, chunk.values);
    }
    writer.section("tail");
    if (shape_.rows.stored_keys) core::put_floats(writer, format, keys_.data(), keys_.size());
    core::put_floats(writer, format, values_.data(), values_.size());
  }

 private:
  struct Chunk {
    core::RowMatrixF keys;
    Eigen::VectorXf log_masses;
    core::RowMatrixF values;
  };
  Index buffered() const { return static_cast<Index>(values_.size()) / d_; }
  void put(core::BitWriter& writer, const core::RowMatrixF& rows) const {
    core::put_floats(writer, shape_.rows.format, rows.data(), static_cast<std::size_t>(rows.size()));
  }
  void finish() {
    const core::RowMatrixF keys = Eigen::Map<const core::RowMatrixF>(keys_.data(), shape_.chunk(), d_),
                           values = Eigen::Map<const core::RowMatrixF>(values_.data(), shape_.chunk(), d_);
    const Slots slots = fitter_.slots(keys, static_cast<Index>(chunks_.size()));
    chunks_.push_back({slots.keys, slots.log_masses, fitter_.values(keys, values, slots)});
    keys_.clear();
    values_.clear();
  }

  Shape shape_;
  SlotFitter fitter_;
  Index d_;
  std::vector<Chunk> chunks_;
  std::vector<float> keys_, values_;  // of the unfinished chunk
};

class LomaDecoder : public Decoder {
 public:
  LomaDecoder(const PublicParams& params, core::BitReader reader) {
    const Shape shape(params);
    const Index chunks = shape.chunks(), slots = chunks * shape.slots, tail = shape.tokens - chunks * shape.chunk();
    core::RowMatrixF keys(slots + tail, params.d), values(slots + tail, params.d);
    Eigen::VectorXf log_masses = Eigen::VectorXf::Zero(slots + tail);
    const auto read = [&](core::RowMatrixF& rows, Index first, Index count) {
      core::get_floats(reader, shape.rows.format, rows.row(0).data() + first * params.d,
                       static_cast<std::size_t>(count * params.d));
    };
    const SlotFitter fitter(params);
    for (Index chunk = 0; chunk < chunks; ++chunk) {
      const Index first = chunk * shape.slots;
      if (shape.rows.stored_keys) {
        read(keys, first, shape.slots);
        core::get_floats(reader, shape.rows.format, log_masses.data() + first, static_cast<std::size_t>(shape.slots));
      } else {
        core::RowMatrixF tokens(shape.chunk(), params.d);
        params.keys().rows(params.key, params.tokens(), chunk * shape.chunk(), tokens);
        const Slots fitted = fitter.slots(tokens, chunk);
        keys.middleRows(first, shape.slots) = fitted.keys;
        log_masses.segment(first, shape.slots) = fitted.log_masses;
      }
      read(values, first, shape.slots);
    }
    if (tail > 0) {
      if (shape.rows.stored_keys) {
        read(keys, slots, tail);
      } else {
        params.keys().rows(params.key, params.tokens(), chunks * shape.chunk(), keys.bottomRows(tail));
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
    return "slots by clustering and least squares in place of the trained model that writes memory tokens; the fit's "
           "queries are a proxy";
  }
  std::string paper() const override {
    return "Wang and Xiao, LoMA: Lossless Compressed Memory Attention, arXiv 2401.09486";
  }
  std::string guarantee() const override {
    return "exact up to stored floats for ratio 1, and for chunks of at most t distinct keys with equal values each; "
           "else none: the published losslessness is a trained model's, of token ids";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("ratio", {}, 1, 1'000'000, "c, tokens a slot stands for; 1: all tokens as they are")
            .sized(),
        core::Option::integer("slots", 8, 1, 4096, "t, slots of a chunk"),
        core::Option::integer("queries", 128, 1, 65536, "directions that masses and values are fitted at"),
        core::Option::choice("proxy", "random", {"random", "k2k"},
                             "what the fit asks: public random directions, or the keys of the chunk, at norm tau"),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return Shape(params).message_bits();
  }

  // The smallest ratio that fits.
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    trial.options["ratio"] = 1;
    Shape shape(trial);
    Fit fit{std::nullopt, shape.message_bits()};
    for (const Index most = std::max<Index>(1, shape.tokens / shape.slots); shape.ratio <= most; ++shape.ratio) {
      const std::uint64_t bits = shape.message_bits();
      fit.least_bits = std::min(fit.least_bits, bits);
      if (fit.options || bits > budget_bits) continue;
      trial.options["ratio"] = shape.ratio;
      fit.options = trial.options;
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
    const double fit = params.options.at("queries").get<double>() * 6 + 30 * Shape(params).slots;
    return Scheme::operations(params, queries) + static_cast<double>(params.tokens() * params.d) * fit;
  }
};

const core::Registration<Scheme, Loma> registration;

}  // namespace
}  // namespace kvfrontier::schemes::loma
