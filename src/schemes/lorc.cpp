// Low-rank keys and values. With the weights that made the rows, the bases are public and a token costs its codes;
// without, they are the singular vectors of the data and are sent: one basis per map, or one for all.

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/low_rank.hpp"
#include "schemes/codec/map_buffer.hpp"
#include "schemes/codec/rank_schedule.hpp"

namespace kvfrontier::schemes::lorc {

enum class Mode { data_basis, shared_basis, given_weights };
enum class Ranks { progressive, uniform };

}  // namespace kvfrontier::schemes::lorc

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::lorc::Mode> {
  static constexpr std::array names{"data_basis", "shared_basis", "given_weights"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::lorc::Ranks> {
  static constexpr std::array names{"progressive", "uniform"};
};

namespace kvfrontier::schemes::lorc {
namespace {

struct LorcOptions {
  std::optional<Index> rank;
  Mode mode = Mode::data_basis;
  Ranks ranks = Ranks::progressive;
  double least_rank_share = 0.5;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<LorcOptions> members() {
    return {core::member("rank", &LorcOptions::rank, "largest rank of a map, of keys and of values")
                .range(1, 65536)
                .sized(),
            core::member("mode", &LorcOptions::mode,
                         "data_basis: one basis per map; shared_basis: one for all, known at hand-over; given_weights: "
                         "the basis of the public weights, for instances that have them"),
            core::member("ranks", &LorcOptions::ranks,
                         "progressive: coarse maps keep a higher rank, by cumulative condition numbers; shared_basis "
                         "has one rank"),
            core::member("least_rank_share", &LorcOptions::least_rank_share,
                         "least progressive rank as a share of the largest")
                .range(0, 1),
            format_member(&LorcOptions::format),
            keys_member(&LorcOptions::keys)};
  }
};

const LorcOptions& options_of(const PublicParams& params) {
  return params.options.as<LorcOptions>();
}

// Largest useful rank: that of the weights, or the width of a row.
Index largest_rank(const PublicParams& params) {
  const bool given = options_of(params).mode == Mode::given_weights && params.projection;
  return given ? std::min(params.projection->width, params.d) : params.d;
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params) : Layout(params, options_of(params)) {}
  Layout(const PublicParams& params, const LorcOptions& options)
      : schedule(params.schedule), mode(options.mode), rows{params.d, options.keys == Keys::stored, options.format} {
    const Index most = std::min(options.rank.value(), largest_rank(params));
    const Index least = std::max<Index>(1, std::llround(options.least_rank_share * most));
    if (mode == Mode::shared_basis || options.ranks == Ranks::uniform) {
      ranks.assign(schedule.map_count(), most);
      return;
    }
    std::vector<double> log_conditions;
    for (int map = 0; map < schedule.map_count(); ++map) {
      // All maps have the same weights, so any common value does.
      log_conditions.push_back(mode == Mode::given_weights ? 1.0 : random_log_condition(tokens(map), rows.d));
    }
    ranks = progressive_ranks(log_conditions, most, least);
  }

  Index tokens(int map) const { return schedule.first_token(map + 1) - schedule.first_token(map); }
  Index rank(int map) const { return ranks[map]; }
  Index tensors() const { return rows.stored_keys ? 2 : 1; }
  // A map whose codes and basis are no shorter than its rows is sent raw.
  bool raw(int map) const { return tokens(map) * rank(map) + rows.d * rank(map) >= tokens(map) * rows.d; }
  Index map_floats(int map) const {
    if (mode == Mode::data_basis && raw(map)) return tokens(map) * rows.d;
    return tokens(map) * rank(map) + (mode == Mode::data_basis ? rows.d * rank(map) : 0);
  }
  Bits bits(Index floats) const { return tensors() * floats * core::bits_of(rows.format); }
  Bits message_bits() const {
    Index floats = mode == Mode::shared_basis ? rows.d * rank(0) : 0;
    for (int map = 0; map < schedule.map_count(); ++map) floats += map_floats(map);
    return bits(floats);
  }

  geometry::Schedule schedule;
  Mode mode;
  RowFormat rows;
  std::vector<Index> ranks;  // of every map
};

core::RowMatrixF right_factor(const PublicParams& params, geometry::Projected which) {
  return geometry::projection_weights(params.coins, *params.projection, params.d, which).right.cast<float>();
}

core::RowMatrixF rounded(core::FloatFormat format, const core::RowMatrixD& rows) {
  return rows.unaryExpr([&](double x) { return core::stored(format, x); }).cast<float>();
}

// Codes in the basis as Bob will have it. Row by row: the message must not depend on blocks.
core::RowMatrixF codes_in(core::RowsViewF rows, const core::RowMatrixF& basis) {
  core::RowMatrixF codes(rows.rows(), basis.rows());
  for (Index i = 0; i < rows.rows(); ++i) codes.row(i).noalias() = rows.row(i) * basis.transpose();
  return codes;
}

// Given weights: the right singular vectors of W_K and W_V are public, and the codes x U S = k V follow from the row k.
class GivenWeightsEncoder : public Encoder {
 public:
  explicit GivenWeightsEncoder(const PublicParams& params)
      : layout_(params),
        key_basis_(right_factor(params, geometry::Projected::keys)),
        value_basis_(right_factor(params, geometry::Projected::values)) {}

  void absorb(const TokenBlock& block) override {
    const Index rank = layout_.rank(block.map);
    if (layout_.rows.stored_keys) append(key_codes_, codes_in(block.keys, key_basis_.topRows(rank)));
    append(value_codes_, codes_in(block.values, value_basis_.topRows(rank)));
  }
  Bits state_bits() const override { return layout_.bits(std::ssize(value_codes_)); }
  void write(core::BitWriter& writer) const override {
    if (layout_.rows.stored_keys) {
      writer.section("keys");
      core::put_floats(writer, layout_.rows.format, key_codes_.data(), std::ssize(key_codes_));
    }
    writer.section("values");
    core::put_floats(writer, layout_.rows.format, value_codes_.data(), std::ssize(value_codes_));
  }

 private:
  void append(std::vector<float>& list, const core::RowMatrixF& codes) {
    list.reserve(list.size() + codes.size());
    for (Index i = 0; i < codes.size(); ++i) list.push_back(core::stored(layout_.rows.format, codes.data()[i]));
  }

  Layout layout_;
  core::RowMatrixF key_basis_, value_basis_;
  std::vector<float> key_codes_, value_codes_;
};

// The truncated singular value decomposition of one map's rows.
struct CodedMap {
  bool raw = false;
  core::RowMatrixF key_basis, key_codes, value_basis, value_codes;  // raw: the codes are the rows themselves
};

class DataBasisEncoder : public Encoder {
 public:
  explicit DataBasisEncoder(const PublicParams& params) : layout_(params), buffer_(params.schedule, layout_.rows) {}

  void absorb(const TokenBlock& block) override {
    if (!buffer_.add(block)) return;
    CodedMap map;
    map.raw = layout_.raw(buffer_.map());
    if (layout_.rows.stored_keys) code(buffer_.keys(), map.raw, map.key_basis, map.key_codes);
    code(buffer_.values(), map.raw, map.value_basis, map.value_codes);
    bits_ += layout_.bits(layout_.map_floats(buffer_.map()));
    maps_.push_back(std::move(map));
    buffer_.clear();
  }
  Bits state_bits() const override { return bits_ + buffer_.bits(); }
  Bits working_bits() const override { return buffer_.working_bits(); }
  void write(core::BitWriter& writer) const override {
    for (const CodedMap& map : maps_) {
      if (layout_.rows.stored_keys) put(writer, map.key_basis, map.key_codes, "keys");
      put(writer, map.value_basis, map.value_codes, "values");
    }
    buffer_.write(writer);
  }

 private:
  void code(core::RowsViewF rows, bool raw, core::RowMatrixF& basis, core::RowMatrixF& codes) const {
    if (raw) {
      codes = rows;
      return;
    }
    basis = rounded(layout_.rows.format, truncated_svd(rows, layout_.rank(buffer_.map())).basis);
    codes = codes_in(rows, basis);
  }
  void put(core::BitWriter& writer, const core::RowMatrixF& basis, const core::RowMatrixF& codes,
           const char* section) const {
    writer.section("bases");
    put_rows(writer, layout_.rows.format, basis);
    writer.section(section);
    put_rows(writer, layout_.rows.format, codes);
  }

  Layout layout_;
  MapBuffer buffer_;
  std::vector<CodedMap> maps_;
  Bits bits_ = 0;
};

// One basis for the whole stream: the leading eigenvectors of the running Gram matrix. They are known only at
// hand-over, so the rows are held until then.
class SharedBasisEncoder : public Encoder {
 public:
  explicit SharedBasisEncoder(const PublicParams& params)
      : layout_(params), key_gram_(core::RowMatrixD::Zero(params.d, params.d)), value_gram_(key_gram_) {}

  void absorb(const TokenBlock& block) override {
    if (layout_.rows.stored_keys) hold(block.keys, keys_, key_gram_);
    hold(block.values, values_, value_gram_);
    count_ += block.count();
  }
  Bits state_bits() const override { return layout_.bits((count_ + layout_.rows.d) * layout_.rank(0)); }
  Bits working_bits() const override {
    const Index d = layout_.rows.d;
    return layout_.tensors() * (count_ * d * 32 + d * d * 64);
  }
  void write(core::BitWriter& writer) const override {
    if (layout_.rows.stored_keys) put(writer, keys_, key_gram_, "keys");
    put(writer, values_, value_gram_, "values");
  }

 private:
  // Token by token, for sums that do not depend on blocks.
  static void hold(core::RowsViewF rows, std::vector<float>& held, core::RowMatrixD& gram) {
    for (Index i = 0; i < rows.rows(); ++i) {
      const float* row = rows.row(i).data();
      held.insert(held.end(), row, row + rows.cols());
      const Eigen::RowVectorXd wide = rows.row(i).cast<double>();
      gram.noalias() += wide.transpose() * wide;
    }
  }
  void put(core::BitWriter& writer, const std::vector<float>& held, const core::RowMatrixD& gram,
           const char* section) const {
    const Eigen::Map<const core::RowMatrixF> rows(held.data(), count_, layout_.rows.d);
    const core::RowMatrixF basis = rounded(layout_.rows.format, leading_eigenvectors(gram, layout_.rank(0)));
    writer.section("bases");
    put_rows(writer, layout_.rows.format, basis);
    writer.section(section);
    put_rows(writer, layout_.rows.format, codes_in(rows, basis));
  }

  Layout layout_;
  core::RowMatrixD key_gram_, value_gram_;
  std::vector<float> keys_, values_;
  Index count_ = 0;
};

class LorcDecoder : public Decoder {
 public:
  LorcDecoder(const PublicParams& params, core::BitReader reader) : values_(params.tokens(), params.d) {
    const Layout layout(params);
    if (layout.rows.stored_keys) {
      keys_.resize(params.tokens(), params.d);
    } else {
      keys_ = public_keys(params, all_tokens(params.tokens()));
    }
    const auto read = [&](core::RowMatrixF& rows, const core::RowMatrixF& given, int first_map, int end_map) {
      core::RowMatrixF basis = given;
      if (layout.mode == Mode::shared_basis) basis = get_rows(reader, layout.rows.format, layout.rank(0), params.d);
      for (int map = first_map; map < end_map; ++map) {
        const Index first = params.schedule.first_token(map), count = layout.tokens(map), rank = layout.rank(map);
        if (layout.mode == Mode::data_basis && layout.raw(map)) {
          rows.middleRows(first, count) = get_rows(reader, layout.rows.format, count, params.d);
          continue;
        }
        if (layout.mode == Mode::data_basis) basis = get_rows(reader, layout.rows.format, rank, params.d);
        const core::RowMatrixF codes = get_rows(reader, layout.rows.format, count, rank);
        rows.middleRows(first, count).noalias() = codes * basis.topRows(rank);
      }
    };
    const int maps = params.schedule.map_count();
    if (layout.mode == Mode::data_basis) {
      for (int map = 0; map < maps; ++map) {
        if (layout.rows.stored_keys) read(keys_, {}, map, map + 1);
        read(values_, {}, map, map + 1);
      }
      return;
    }
    const bool given = layout.mode == Mode::given_weights;
    if (layout.rows.stored_keys)
      read(keys_, given ? right_factor(params, geometry::Projected::keys) : core::RowMatrixF(), 0, maps);
    read(values_, given ? right_factor(params, geometry::Projected::values) : core::RowMatrixF(), 0, maps);
  }

  core::RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  core::RowMatrixF keys_, values_;
};

class Lorc : public Scheme {
 public:
  std::string name() const override { return "lorc"; }
  std::string summary() const override {
    return "low-rank keys and values: codes in the right singular vectors of public weights, or in those of the data, "
           "which are then sent";
  }
  std::string surrogates() const override {
    return "maps in place of layers; data_basis and shared_basis use singular vectors of the rows in place of those of "
           "weights, and condition numbers from the Marchenko-Pastur edges of a map's shape; only given_weights is the "
           "paper's method";
  }
  std::string paper() const override {
    return "Zhang et al., LoRC: Low-Rank Compression for LLMs KV Cache with a Progressive Compression Strategy, arXiv "
           "2410.03111; its rule for ranks is restated from memory";
  }
  std::string guarantee() const override {
    return "data_basis: the least squared error of any rank-r rows, the sum of the other squared singular values "
           "(Eckart and Young), up to the stored format; given_weights: exact up to the format at the weights' rank";
  }
  const core::OptionTable& options() const override { return core::table_of<LorcOptions>(); }
  void check(const PublicParams& params, const std::string& path) const override {
    Scheme::check(params, path);
    if (options_of(params).mode == Mode::given_weights && !params.projection)
      throw core::ConfigError(core::join_path(path, "mode"), "\"given_weights\"",
                              "data_basis or shared_basis, because this instance has no public weights");
  }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return Layout(params).message_bits(); }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    LorcOptions options = options_of(params);
    const auto bits = [&](Index rank) {
      options.rank = rank;
      return Layout(params, options).message_bits();
    };
    const Bits least = bits(1);
    if (budget_bits < least) return {std::nullopt, least};
    Index fits = 1, too_many = largest_rank(params) + 1;
    while (too_many - fits > 1) {
      const Index middle = (fits + too_many) / 2;
      (bits(middle) <= budget_bits ? fits : too_many) = middle;
    }
    options.rank = fits;
    return {options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    switch (options_of(params).mode) {
      case Mode::given_weights:
        return std::make_unique<GivenWeightsEncoder>(params);
      case Mode::shared_basis:
        return std::make_unique<SharedBasisEncoder>(params);
      case Mode::data_basis:
        break;
    }
    return std::make_unique<DataBasisEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<LorcDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double d = params.d;
    return Scheme::operations(params, queries) + 8 * params.tokens() * d * d +
           40 * params.schedule.map_count() * d * d * d;
  }
};

const core::Registration<Scheme, Lorc> registration;

}  // namespace
}  // namespace kvfrontier::schemes::lorc
