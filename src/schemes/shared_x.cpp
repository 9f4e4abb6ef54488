// One stored row for two consumers: keys and values are both made from the hidden row x, so x is stored once and K = X
// W_K, V = X W_V are made again by the decoder. Without weights, the joint low-rank fit [K|V] = X A takes their place.

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/low_rank.hpp"
#include "schemes/codec/map_buffer.hpp"
#include "schemes/codec/step_quantiser.hpp"

namespace kvfrontier::schemes::shared_x {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

constexpr core::FloatFormat half = core::FloatFormat::fp16;  // of root mean squares

struct Shape {
  explicit Shape(const PublicParams& params)
      : schedule(params.schedule),
        d(params.d),
        joint(params.options.at("mode") == "joint_svd"),
        normalised(params.options.at("normalised").get<bool>()),
        bits(params.options.at("bits").get<int>()),
        rank(params.options.at("rank").is_null() ? 0 : params.options.at("rank").get<Index>()),
        width(params.projection ? params.projection->width : params.d),
        rows{params.d, true, core::float_format(params.options.at("format").get<std::string>())} {
    if (rank == 0) rank = d;
  }
  Index tokens(int scale) const { return schedule.first_token(scale + 1) - schedule.first_token(scale); }
  Index map_rank(int scale) const { return std::min({rank, tokens(scale), 2 * d}); }

  // Of one token's x, and of a whole map with its A.
  std::uint64_t token_bits(Index entries) const {
    return static_cast<std::uint64_t>(entries * bits + (normalised ? core::bits_of(half) : 0));
  }
  std::uint64_t factored_bits(int scale) const {
    return static_cast<std::uint64_t>(tokens(scale)) * token_bits(map_rank(scale)) +
           static_cast<std::uint64_t>(map_rank(scale) * 2 * d * core::bits_of(rows.format));
  }
  // A map whose factors are no shorter than its rows is sent as it is.
  std::uint64_t raw_bits(int scale) const { return static_cast<std::uint64_t>(tokens(scale)) * rows.bits_per_row(); }
  bool raw(int scale) const { return factored_bits(scale) >= raw_bits(scale); }
  std::uint64_t message_bits() const {
    if (!joint) return static_cast<std::uint64_t>(schedule.tokens()) * token_bits(width);
    std::uint64_t sum = 0;
    for (int scale = 0; scale < schedule.scales(); ++scale) sum += std::min(raw_bits(scale), factored_bits(scale));
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
      geometry::projection_weights(params.key, *params.projection, params.d, geometry::Projected::keys).matrix();
  weights.rightCols(params.d) =
      geometry::projection_weights(params.key, *params.projection, params.d, geometry::Projected::values).matrix();
  return weights;
}

// A stored row x: codes, and its root mean square where rows are normalised.
struct StoredRows {
  std::vector<std::uint16_t> codes;
  std::vector<std::uint16_t> norms;
};

class RowCoder {
 public:
  explicit RowCoder(const Shape& shape) : quantiser_(shape.bits), normalised_(shape.normalised) {}

  void append(const Eigen::RowVectorXf& x, StoredRows& rows) const {
    float scale = 1;
    if (normalised_) {
      const std::uint64_t code = core::encode_float(half, x.norm() / std::sqrt(static_cast<float>(x.size())));
      rows.norms.push_back(static_cast<std::uint16_t>(code));
      scale = core::decode_float(half, code);
    }
    for (Index c = 0; c < x.size(); ++c)
      rows.codes.push_back(static_cast<std::uint16_t>(quantiser_.code(scale > 0 ? x[c] / scale : 0.0f)));
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
    Eigen::VectorXf scales = Eigen::VectorXf::Ones(count);
    if (normalised_) {
      for (Index i = 0; i < count; ++i) scales[i] = core::decode_float(half, reader.get(core::bits_of(half)));
    }
    RowMatrixF rows(count, width);
    for (Index i = 0; i < count; ++i) {
      for (Index c = 0; c < width; ++c) rows(i, c) = scales[i] * quantiser_.value(reader.get(quantiser_.bits()));
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
  explicit GivenWeightsEncoder(const PublicParams& params) : shape_(params), coder_(shape_) {
    const RowMatrixD weights = joint_weights(params);
    inverse_ = (weights * weights.transpose()).ldlt().solve(weights).transpose();
  }
  void absorb(const TokenBlock& block) override {
    Eigen::RowVectorXd row(2 * shape_.d);
    for (Index i = 0; i < block.count(); ++i) {
      row << block.keys.row(i).cast<double>(), block.values.row(i).cast<double>();
      coder_.append((row * inverse_).cast<float>(), rows_);
    }
    count_ += block.count();
  }
  std::uint64_t state_bits() const override {
    return static_cast<std::uint64_t>(count_) * shape_.token_bits(shape_.width);
  }
  void write(core::BitWriter& writer) const override { coder_.write(writer, rows_); }

 private:
  Shape shape_;
  RowCoder coder_;
  RowMatrixD inverse_;  // 2d x D
  StoredRows rows_;
  Index count_ = 0;
};

// Per map the singular value decomposition of [K|V]: X has columns of unit mean square, A carries the singular values.
class JointEncoder : public Encoder {
 public:
  explicit JointEncoder(const PublicParams& params)
      : shape_(params), coder_(shape_), buffer_(params.schedule, shape_.rows) {}

  void absorb(const TokenBlock& block) override {
    if (!buffer_.add(block)) return;
    const int scale = buffer_.scale();
    Map map;
    map.rows.resize(buffer_.count(), 2 * shape_.d);
    map.rows << buffer_.keys(), buffer_.values();
    if (!shape_.raw(scale)) factor(map, shape_.map_rank(scale));
    bits_ += std::min(shape_.raw_bits(scale), shape_.factored_bits(scale));
    maps_.push_back(std::move(map));
    buffer_.clear();
  }
  std::uint64_t state_bits() const override { return bits_ + buffer_.bits(); }
  std::uint64_t working_bits() const override { return buffer_.working_bits(); }
  void write(core::BitWriter& writer) const override {
    for (const Map& map : maps_) {
      writer.section("bases");
      put_rows(writer, shape_.rows.format, map.basis);
      coder_.write(writer, map.codes);
      writer.section("rows");
      put_rows(writer, shape_.rows.format, map.rows);
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
    const double root = std::sqrt(static_cast<double>(map.rows.rows()));
    map.basis.resize(rank, 2 * shape_.d);
    RowMatrixF codes(map.rows.rows(), rank);
    for (Index j = 0; j < rank; ++j) {
      const double size = fit.codes.col(j).norm() / root;
      map.basis.row(j) = (size * fit.basis.row(j)).cast<float>();
      codes.col(j) = (fit.codes.col(j) / std::max(size, 1e-30)).cast<float>();
    }
    for (Index i = 0; i < codes.rows(); ++i) coder_.append(codes.row(i), map.codes);
    map.rows.resize(0, 0);
  }

  Shape shape_;
  RowCoder coder_;
  MapBuffer buffer_;
  std::vector<Map> maps_;
  std::uint64_t bits_ = 0;
};

class SharedXDecoder : public Decoder {
 public:
  SharedXDecoder(const PublicParams& params, core::BitReader reader) {
    const Shape shape(params);
    const RowCoder coder(shape);
    RowMatrixF rows(params.tokens(), 2 * params.d);
    if (shape.joint) {
      for (int scale = 0; scale < params.schedule.scales(); ++scale) {
        auto map = rows.middleRows(params.schedule.first_token(scale), shape.tokens(scale));
        if (shape.raw(scale)) {
          map = get_rows(reader, shape.rows.format, map.rows(), map.cols());
          continue;
        }
        const RowMatrixF basis = get_rows(reader, shape.rows.format, shape.map_rank(scale), map.cols());
        map.noalias() = coder.read(reader, map.rows(), basis.rows()) * basis;
      }
    } else {
      rows.noalias() = coder.read(reader, params.tokens(), shape.width) * joint_weights(params).cast<float>();
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
    return "the hidden row that keys and values are made of, stored once in a fixed public step function; a single "
           "head with hidden width D gains only for D bits < 2 d bits of its rows, a layer whose heads share it always";
  }
  std::string surrogates() const override {
    return "the whole scheme is an analogy to memory sharing in training; joint_svd: a fit to the data, which is sent, "
           "stands for the weights";
  }
  std::string paper() const override {
    return "after Yang et al., Reducing Fine-Tuning Memory Overhead by Approximate and Memory-Sharing "
           "Backpropagation, ICML 2024; caching X is XQuant's idea";
  }
  std::string guarantee() const override {
    return "given_weights at 16 bits: exact up to half floats; N(0,1) entries at b bits: the Lloyd-Max error";
  }
  bool sends_keys(const core::Json&) const override { return true; }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("bits", {}, 1, 16, "bits of a stored entry: 1 to 4 of the step function, or 16").sized(),
        core::Option::choice("mode", "joint_svd", {"joint_svd", "given_weights"},
                             "joint_svd: [K|V] = X A map by map, A is sent; given_weights: A is public, on instances "
                             "that have weights"),
        core::Option::integer("rank", {}, 0, 131072,
                              "joint_svd: columns of X, 0: d; given_weights has the D of the weights")
            .sized(),
        core::Option::boolean("normalised", false,
                              "divide every stored row by its root mean square, which costs 16 bits a token"),
        format_option()};
    return table;
  }
  void check(const PublicParams& params, const std::string& path) const override {
    if (params.options.at("mode") == "given_weights") {
      if (!params.projection)
        throw core::ConfigError(core::join_path(path, "mode"), "\"given_weights\"",
                                "joint_svd, because this instance has no public weights");
    }
    const core::Json& bits = params.options.at("bits");
    if (!bits.is_null() && std::find(std::begin(widths), std::end(widths), bits.get<int>()) == std::end(widths))
      throw core::ConfigError(core::join_path(path, "bits"), bits.dump(), "1 to 4, or 16");
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return Shape(params).message_bits();
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    Fit fit;
    const auto offer = [&](int bits, Index rank) {
      trial.options["bits"] = bits;
      trial.options["rank"] = rank;
      fit.least_bits = *message_bits(trial);
      if (!fit.options && fit.least_bits <= budget_bits) fit.options = trial.options;
    };
    const bool joint = params.options.at("mode") == "joint_svd";
    const Index most = std::min(2 * params.d, params.tokens());
    for (int i = static_cast<int>(std::size(widths)); i-- > 0;) {
      if (!joint) {
        offer(widths[i], 0);
        continue;
      }
      // Half floats when all columns fit, else as many columns as fit at four bits; fewer bits for a single column.
      for (Index r = widths[i] >= 4 ? most : 1; r >= (widths[i] == 16 ? most : 1); --r) offer(widths[i], r);
    }
    return fit;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    if (Shape(params).joint) return std::make_unique<JointEncoder>(params);
    return std::make_unique<GivenWeightsEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<SharedXDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double d = static_cast<double>(params.d);
    return Scheme::operations(params, queries) + 32 * static_cast<double>(params.tokens()) * d * d +
           300 * static_cast<double>(params.schedule.scales()) * d * d * d;
  }
};

const core::Registration<Scheme, SharedX> registration;

}  // namespace
}  // namespace kvfrontier::schemes::shared_x
