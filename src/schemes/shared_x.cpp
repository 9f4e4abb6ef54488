// One stored row for two consumers: keys and values are both made from the hidden row x, so x is stored once and the
// decoder computes K = X W_K and V = X W_V again. Without weights, the joint low-rank fit [K|V] = X A takes their
// place.

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/low_rank.hpp"
#include "schemes/codec/map_buffer.hpp"
#include "schemes/codec/step_quantiser.hpp"

namespace kvfrontier::schemes::shared_x {

enum class Mode { joint_svd, given_weights };

}  // namespace kvfrontier::schemes::shared_x

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::shared_x::Mode> {
  static constexpr std::array names{"joint_svd", "given_weights"};
};

namespace kvfrontier::schemes::shared_x {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

constexpr core::FloatFormat half = core::FloatFormat::fp16;  // of root mean squares

struct SharedXOptions {
  std::optional<int> bits;
  Mode mode = Mode::joint_svd;
  std::optional<Index> rank;
  bool normalised = false;
  core::FloatFormat format = core::FloatFormat::fp16;

  static core::MemberList<SharedXOptions> members() {
    return {core::member("bits", &SharedXOptions::bits,
                         "bits of a stored entry: 1 to 4 for the step function, or 16 for half floats")
                .range(1, 16)
                .sized(),
            core::member("mode", &SharedXOptions::mode,
                         "joint_svd: [K|V] = X A map by map, A is sent; given_weights: A is public, for instances that "
                         "have weights"),
            core::member("rank", &SharedXOptions::rank,
                         "joint_svd: columns of X, 0: d; given_weights has the D of the weights")
                .range(0, 131072)
                .sized(),
            core::member("normalised", &SharedXOptions::normalised,
                         "divide every stored row by its root mean square, which costs 16 bits per token"),
            format_member(&SharedXOptions::format)};
  }
};

const SharedXOptions& options_of(const PublicParams& params) {
  return params.options.as<SharedXOptions>();
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params) : Layout(params, options_of(params)) {}
  Layout(const PublicParams& params, const SharedXOptions& options)
      : schedule(params.schedule),
        d(params.d),
        joint(options.mode == Mode::joint_svd),
        normalised(options.normalised),
        bits(options.bits.value()),
        rank(options.rank.value_or(0)),
        width(params.projection ? params.projection->width : params.d),
        rows{params.d, true, options.format} {
    if (rank == 0) rank = d;
  }
  Index tokens(int map) const { return schedule.first_token(map + 1) - schedule.first_token(map); }
  Index map_rank(int map) const { return std::min({rank, tokens(map), 2 * d}); }

  // Of one token's x, and of a whole map with its A.
  Bits token_bits(Index entries) const { return entries * bits + (normalised ? core::bits_of(half) : 0); }
  Bits factored_bits(int map) const {
    return tokens(map) * token_bits(map_rank(map)) + map_rank(map) * 2 * d * core::bits_of(rows.format);
  }
  // A map whose factors are no shorter than its rows is sent raw.
  Bits raw_bits(int map) const { return tokens(map) * rows.bits_per_row(); }
  bool raw(int map) const { return factored_bits(map) >= raw_bits(map); }
  Bits message_bits() const {
    if (!joint) return schedule.tokens() * token_bits(width);
    Bits sum = 0;
    for (int map = 0; map < schedule.map_count(); ++map) sum += std::min(raw_bits(map), factored_bits(map));
    return sum;
  }

  geometry::Schedule schedule;
  Index d;
  bool joint, normalised;
  int bits;
  Index rank, width;
  RowFormat rows;
};

// [W_K | W_V], D x 2d.
RowMatrixD joint_weights(const PublicParams& params) {
  RowMatrixD weights(params.projection->width, 2 * params.d);
  weights.leftCols(params.d) =
      geometry::projection_weights(params.coins, *params.projection, params.d, geometry::Projected::keys).matrix();
  weights.rightCols(params.d) =
      geometry::projection_weights(params.coins, *params.projection, params.d, geometry::Projected::values).matrix();
  return weights;
}

// Stored rows x: their codes, and their root mean squares if rows are normalised.
struct StoredRows {
  std::vector<std::uint16_t> codes;
  std::vector<std::uint16_t> norms;
};

class RowCoder {
 public:
  explicit RowCoder(const Layout& layout) : quantiser_(layout.bits), normalised_(layout.normalised) {}

  void append(const Eigen::RowVectorXf& x, StoredRows& rows) const {
    float norm = 1;
    if (normalised_) {
      const float width = x.size();
      const std::uint64_t code = core::encode_float(half, x.norm() / std::sqrt(width));
      rows.norms.push_back(code);
      norm = core::decode_float(half, code);
    }
    for (Index c = 0; c < x.size(); ++c) rows.codes.push_back(quantiser_.code(norm > 0 ? x[c] / norm : 0.0f));
  }
  void write(core::BitWriter& writer, const StoredRows& rows) const {
    if (normalised_) {
      writer.section("norms");
      for (const auto code : rows.norms) writer.put(code, core::bits_of(half));
    }
    writer.section("shared rows");
    for (const auto code : rows.codes) writer.put(code, quantiser_.bits());
  }
  RowMatrixF read(core::BitReader& reader, Index count, Index width) const {
    Eigen::VectorXf norms = Eigen::VectorXf::Ones(count);
    if (normalised_) {
      for (Index i = 0; i < count; ++i) norms[i] = core::decode_float(half, reader.get(core::bits_of(half)));
    }
    RowMatrixF rows(count, width);
    for (Index i = 0; i < count; ++i) {
      for (Index c = 0; c < width; ++c) rows(i, c) = norms[i] * quantiser_.value(reader.get(quantiser_.bits()));
    }
    return rows;
  }

 private:
  StepQuantiser quantiser_;
  bool normalised_;
};

// x = [k|v] W^T (W W^T)^-1 for the public W = [W_K | W_V].
class GivenWeightsEncoder : public Encoder {
 public:
  explicit GivenWeightsEncoder(const PublicParams& params) : layout_(params), coder_(layout_) {
    const RowMatrixD weights = joint_weights(params);
    inverse_ = (weights * weights.transpose()).ldlt().solve(weights).transpose();
  }
  void absorb(const TokenBlock& block) override {
    Eigen::RowVectorXd row(2 * layout_.d);
    for (Index i = 0; i < block.count(); ++i) {
      row << block.keys.row(i).cast<double>(), block.values.row(i).cast<double>();
      coder_.append((row * inverse_).cast<float>(), rows_);
    }
    count_ += block.count();
  }
  Bits state_bits() const override { return count_ * layout_.token_bits(layout_.width); }
  void write(core::BitWriter& writer) const override { coder_.write(writer, rows_); }

 private:
  Layout layout_;
  RowCoder coder_;
  RowMatrixD inverse_;  // 2d x D
  StoredRows rows_;
  Index count_ = 0;
};

// Per map the singular value decomposition of [K|V]: columns of X have unit mean square, A carries the singular values.
class JointEncoder : public Encoder {
 public:
  explicit JointEncoder(const PublicParams& params)
      : layout_(params), coder_(layout_), buffer_(params.schedule, layout_.rows) {}

  void absorb(const TokenBlock& block) override {
    if (!buffer_.add(block)) return;
    const int map = buffer_.map();
    Map coded;
    coded.rows.resize(buffer_.count(), 2 * layout_.d);
    coded.rows << buffer_.keys(), buffer_.values();
    if (!layout_.raw(map)) factor(coded, layout_.map_rank(map));
    bits_ += std::min(layout_.raw_bits(map), layout_.factored_bits(map));
    maps_.push_back(std::move(coded));
    buffer_.clear();
  }
  Bits state_bits() const override { return bits_ + buffer_.bits(); }
  Bits working_bits() const override { return buffer_.working_bits(); }
  void write(core::BitWriter& writer) const override {
    for (const Map& map : maps_) {
      writer.section("bases");
      put_rows(writer, layout_.rows.format, map.basis);
      coder_.write(writer, map.codes);
      writer.section("rows");
      put_rows(writer, layout_.rows.format, map.rows);
    }
    buffer_.write(writer);
  }

 private:
  struct Map {
    RowMatrixF rows, basis;  // one of the two is empty
    StoredRows codes;
  };

  void factor(Map& map, Index rank) const {
    const LowRank fit = truncated_svd(map.rows, rank);
    const double root = std::sqrt(map.rows.rows());
    map.basis.resize(rank, 2 * layout_.d);
    RowMatrixF codes(map.rows.rows(), rank);
    for (Index j = 0; j < rank; ++j) {
      const double size = fit.codes.col(j).norm() / root;
      map.basis.row(j) = (size * fit.basis.row(j)).cast<float>();
      codes.col(j) = (fit.codes.col(j) / std::max(size, 1e-30)).cast<float>();
    }
    for (Index i = 0; i < codes.rows(); ++i) coder_.append(codes.row(i), map.codes);
    map.rows.resize(0, 0);
  }

  Layout layout_;
  RowCoder coder_;
  MapBuffer buffer_;
  std::vector<Map> maps_;
  Bits bits_ = 0;
};

class SharedXDecoder : public Decoder {
 public:
  SharedXDecoder(const PublicParams& params, core::BitReader reader) {
    const Layout layout(params);
    const RowCoder coder(layout);
    RowMatrixF rows(params.tokens(), 2 * params.d);
    if (layout.joint) {
      for (int map = 0; map < params.schedule.map_count(); ++map) {
        auto part = rows.middleRows(params.schedule.first_token(map), layout.tokens(map));
        if (layout.raw(map)) {
          part = get_rows(reader, layout.rows.format, part.rows(), part.cols());
          continue;
        }
        const RowMatrixF basis = get_rows(reader, layout.rows.format, layout.map_rank(map), part.cols());
        part.noalias() = coder.read(reader, part.rows(), basis.rows()) * basis;
      }
    } else {
      rows.noalias() = coder.read(reader, params.tokens(), layout.width) * joint_weights(params).cast<float>();
    }
    keys_ = rows.leftCols(params.d);
    values_ = rows.rightCols(params.d);
  }
  RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  RowMatrixF keys_, values_;
};

constexpr int widths[] = {1, 2, 3, 4, 16};

class SharedX : public Scheme {
 public:
  std::string name() const override { return "shared_x"; }
  std::string summary() const override {
    return "the hidden row that keys and values are made of, stored once and quantised by a fixed public step "
           "function; a single head with hidden width D gains only for D bits < 2 d bits of its rows, a layer whose "
           "heads share the row always gains";
  }
  std::string surrogates() const override {
    return "the whole scheme is an analogy to memory sharing in training; joint_svd: a fit to the data, which is sent, "
           "in place of the weights";
  }
  std::string paper() const override {
    return "after Yang et al., Reducing Fine-Tuning Memory Overhead by Approximate and Memory-Sharing "
           "Backpropagation, ICML 2024; caching X is XQuant's idea";
  }
  std::string guarantee() const override {
    return "given_weights at 16 bits: exact up to half floats; N(0,1) entries at b bits: the Lloyd-Max error";
  }
  bool sends_keys(const core::Options&) const override { return true; }
  const core::OptionTable& options() const override { return core::table_of<SharedXOptions>(); }
  void check(const PublicParams& params, const std::string& path) const override {
    const SharedXOptions& options = options_of(params);
    if (options.mode == Mode::given_weights && !params.projection)
      throw core::ConfigError(core::join_path(path, "mode"), "\"given_weights\"",
                              "joint_svd, because this instance has no public weights");
    if (options.bits && std::find(std::begin(widths), std::end(widths), *options.bits) == std::end(widths))
      throw core::ConfigError(core::join_path(path, "bits"), std::to_string(*options.bits), "1 to 4, or 16");
  }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return Layout(params).message_bits(); }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    SharedXOptions options = options_of(params);
    Fit fit;
    const auto offer = [&](int bits, Index rank) {
      options.bits = bits;
      options.rank = rank;
      fit.least_bits = Layout(params, options).message_bits();
      if (!fit.options && fit.least_bits <= budget_bits) fit.options = options;
    };
    const Index most = std::min(2 * params.d, params.tokens());
    for (int i = std::ssize(widths); i-- > 0;) {
      if (options.mode == Mode::given_weights) {
        offer(widths[i], 0);
        continue;
      }
      // Half floats when all columns fit, otherwise as many columns as fit at four bits; fewer bits for one column.
      for (Index r = widths[i] >= 4 ? most : 1; r >= (widths[i] == 16 ? most : 1); --r) offer(widths[i], r);
    }
    return fit;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    if (options_of(params).mode == Mode::joint_svd) return std::make_unique<JointEncoder>(params);
    return std::make_unique<GivenWeightsEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<SharedXDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double d = params.d;
    return Scheme::operations(params, queries) + 32 * params.tokens() * d * d +
           300 * params.schedule.map_count() * d * d * d;
  }
};

const core::Registration<Scheme, SharedX> registration;

}  // namespace
}  // namespace kvfrontier::schemes::shared_x
