// Group quantisation repaired twice: the largest and smallest entries of every channel of keys and of every value row
// are sent as they are, and what the quantiser leaves of the rest is approximated at low rank. A chunk is a map of the
// pyramid or a number of tokens; groups do not cross chunks.

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/group_quantiser.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/low_rank.hpp"
#include "schemes/codec/rotation.hpp"

namespace kvfrontier::schemes::gear {
namespace {

enum class Kind { keys, values };

// The authors' code divides the range by b^2 - 1, which is 2^b - 1 for 2 and 4 bits only; codes have the bits they
// need.
Grouping grouping_of(const PublicParams& params, core::FloatFormat format, bool official) {
  const int bits = params.options.at("bits").get<int>(), steps = official ? bits * bits - 1 : (1 << bits) - 1;
  return {params.d, params.options.at("group").get<Index>(),
          static_cast<int>(std::bit_width(static_cast<unsigned>(steps))), format, steps};
}

struct Shape {
  explicit Shape(const PublicParams& params)
      : d(params.d),
        rank(params.options.at("rank").get<Index>()),
        chunk(params.options.at("chunk").get<Index>()),
        outliers(params.options.at("outliers").get<double>()),
        exact_tail(params.options.at("tail") == "exact"),
        stored_keys(stores_keys(params)),
        official(params.options.at("official").get<bool>()),
        format(core::float_format(params.options.at("format").get<std::string>())),
        grouping(grouping_of(params, format, official)),
        schedule(params.schedule) {}

  // Tokens in the chunk that starts at `token`, once it is full.
  Index chunk_from(Index token) const {
    if (chunk > 0) return chunk;
    return schedule.first_token(schedule.scale_of(token) + 1) - token;
  }

  // A chunk of at most `rank` tokens costs less as it is than as factors.
  bool exact(Index count, bool full) const { return count <= rank || (exact_tail && !full); }
  Index used_rank(Index count) const { return std::min({rank, count, d}); }
  // Outliers on each side of a channel of `count` keys, or of a value row. The authors' code takes as many of a
  // channel, however long it is, as of a row.
  Index outliers_of(Kind kind, Index count) const {
    if (official && kind == Kind::keys)
      return std::min(static_cast<Index>(outliers / 2 * static_cast<double>(d)), count / 2);
    return static_cast<Index>(outliers / 2 * static_cast<double>(kind == Kind::keys ? count : d));
  }
  Index vectors(Kind kind, Index count) const { return kind == Kind::keys ? d : count; }
  int place_bits(Kind kind, Index count) const {
    return std::bit_width(static_cast<std::uint64_t>(kind == Kind::keys ? count : d) - 1);
  }

  std::uint64_t part_bits(Kind kind, Index count, bool full) const {
    if (kind == Kind::keys && !stored_keys) return 0;
    const Index f = core::bits_of(format);
    if (exact(count, full)) return static_cast<std::uint64_t>(count * d * f);
    return (kind == Kind::keys ? grouping.column_bits(count) : grouping.row_bits(count)) +
           static_cast<std::uint64_t>(used_rank(count) * (count + d) * f + 2 * outliers_of(kind, count) *
                                                                               vectors(kind, count) *
                                                                               (f + place_bits(kind, count)));
  }
  std::uint64_t chunk_bits(Index count, bool full) const {
    return count == 0 ? 0 : part_bits(Kind::keys, count, full) + part_bits(Kind::values, count, full);
  }

  Index d, rank, chunk;
  double outliers;
  bool exact_tail, stored_keys, official;
  core::FloatFormat format;
  Grouping grouping;
  geometry::Schedule schedule;
};

struct Outlier {
  Index place;  // in its vector
  float entry;
};

// Keys or values of one chunk as they are sent.
struct Part {
  QuantisedRows quantised;
  core::RowMatrixF left, right;   // count x r, r x d
  std::vector<Outlier> outliers;  // vector by vector
  core::RowMatrixF exact;         // instead of all others, if it is not empty
};

core::RowMatrixF stored_rows(const Shape& shape, const core::RowMatrixF& rows) {
  return rows.unaryExpr([&](float x) { return core::stored(shape.format, x); });
}
core::RowMatrixF quantiser_value(const Shape& shape, Kind kind, const QuantisedRows& rows, Index count) {
  return kind == Kind::keys ? columns_value(shape.grouping, rows, count) : rows_value(shape.grouping, rows, count);
}
// The entry of a vector at a place: vectors are channels of keys and rows of values.
float& entry(core::RowMatrixF& rows, Kind kind, Index vector, Index place) {
  return kind == Kind::keys ? rows(place, vector) : rows(vector, place);
}

// Takes the `each` smallest and largest entries out of every vector and leaves its mean, outliers included, in their
// places. Equal entries count in order of their places.
std::vector<Outlier> taken_outliers(const Shape& shape, Kind kind, Index each, core::RowMatrixF& rows) {
  std::vector<Outlier> taken;
  if (each == 0) return taken;
  const Index count = rows.rows(), length = kind == Kind::keys ? count : shape.d;
  std::vector<std::pair<float, Index>> order(static_cast<std::size_t>(length));
  for (Index vector = 0; vector < shape.vectors(kind, count); ++vector) {
    double sum = 0;
    for (Index place = 0; place < length; ++place) {
      const float x = entry(rows, kind, vector, place);
      order[static_cast<std::size_t>(place)] = {x, place};
      sum += static_cast<double>(x);
    }
    // Only the ends are sorted: they are short.
    const auto low = order.begin() + each, high = order.end() - each;
    std::nth_element(order.begin(), low, order.end());
    std::nth_element(low, high, order.end());
    std::sort(order.begin(), low);
    std::sort(high, order.end());
    const auto take = [&](const std::pair<float, Index>& outlier) {
      taken.push_back({outlier.second, core::stored(shape.format, outlier.first)});
      entry(rows, kind, vector, outlier.second) = static_cast<float>(sum / static_cast<double>(length));
    };
    std::for_each(order.begin(), low, take);
    std::for_each(high, order.end(), take);
  }
  return taken;
}

void restore_outliers(const std::vector<Outlier>& outliers, Kind kind, Index each, core::RowMatrixF& rows) {
  for (std::size_t i = 0; i < outliers.size(); ++i)
    entry(rows, kind, static_cast<Index>(i) / (2 * each), outliers[i].place) = outliers[i].entry;
}

// Three rounds of subspace iteration, as many as the published power iteration takes.
constexpr int rounds = 3;

Part compressed(const Shape& shape, Kind kind, const core::RowMatrixF& rows, bool full) {
  Part part;
  const Index count = rows.rows(), each = shape.outliers_of(kind, count);
  if (shape.exact(count, full)) {
    part.exact = rows;
    return part;
  }
  core::RowMatrixF filled = rows;
  part.outliers = taken_outliers(shape, kind, each, filled);
  if (kind == Kind::keys) {
    quantise_columns(shape.grouping, filled.data(), count, part.quantised);
  } else {
    quantise_rows(shape.grouping, filled.data(), count, part.quantised);
  }
  if (const Index rank = shape.used_rank(count); rank > 0) {
    core::RowMatrixF rest = rows - quantiser_value(shape, kind, part.quantised, count);
    std::vector<Outlier> nothing = part.outliers;
    for (Outlier& outlier : nothing) outlier.entry = 0;
    restore_outliers(nothing, kind, each, rest);
    const LowRank fit = power_fit(rest, rank, rounds);
    part.left = stored_rows(shape, fit.codes.cast<float>());
    part.right = stored_rows(shape, fit.basis.cast<float>());
  }
  return part;
}

// The authors' code adds the low-rank part to outliers too; ours come last and stay exact.
core::RowMatrixF decompressed(const Shape& shape, Kind kind, const Part& part, Index count) {
  core::RowMatrixF rows = quantiser_value(shape, kind, part.quantised, count);
  const auto restore = [&] { restore_outliers(part.outliers, kind, shape.outliers_of(kind, count), rows); };
  if (shape.official) restore();
  if (part.left.size() > 0) rows += part.left * part.right;
  if (!shape.official) restore();
  return rows;
}

void put_rows(core::BitWriter& writer, const Shape& shape, const core::RowMatrixF& rows) {
  core::put_floats(writer, shape.format, rows.data(), static_cast<std::size_t>(rows.size()));
}

void put_part(core::BitWriter& writer, const Shape& shape, Kind kind, const Part& part, Index count) {
  if (part.exact.size() > 0) {
    writer.section("residual");
    put_rows(writer, shape, part.exact);
    return;
  }
  put_quantised(writer, shape.grouping, part.quantised, kind == Kind::keys ? "keys" : "values");
  writer.section("low rank");
  put_rows(writer, shape, part.left);
  put_rows(writer, shape, part.right);
  writer.section("outliers");
  for (const Outlier& outlier : part.outliers) {
    writer.put(static_cast<std::uint64_t>(outlier.place), shape.place_bits(kind, count));
    core::put_floats(writer, shape.format, &outlier.entry, 1);
  }
}

core::RowMatrixF get_part(core::BitReader& reader, const Shape& shape, Kind kind, Index count, bool full) {
  const auto read = [&](Index rows, Index columns) {
    core::RowMatrixF matrix(rows, columns);
    core::get_floats(reader, shape.format, matrix.data(), static_cast<std::size_t>(matrix.size()));
    return matrix;
  };
  if (shape.exact(count, full)) return read(count, shape.d);
  Part part;
  part.quantised =
      kind == Kind::keys ? get_columns(reader, shape.grouping, count) : get_rows(reader, shape.grouping, count);
  part.left = read(count, shape.used_rank(count));
  part.right = read(shape.used_rank(count), shape.d);
  part.outliers.resize(static_cast<std::size_t>(2 * shape.outliers_of(kind, count) * shape.vectors(kind, count)));
  const Index length = kind == Kind::keys ? count : shape.d;
  for (Outlier& outlier : part.outliers) {
    outlier.place = static_cast<Index>(reader.get(shape.place_bits(kind, count)));
    if (outlier.place >= length) throw core::DataError("an outlier stands outside its vector");
    core::get_floats(reader, shape.format, &outlier.entry, 1);
  }
  return decompressed(shape, kind, part, count);
}

constexpr core::Purpose key_rotation("gear/key rotation"), value_rotation("gear/value rotation");

// Public keys are known as they are.
Rotation key_rotation_of(const PublicParams& params) {
  return stores_keys(params) ? Rotation(params, key_rotation) : Rotation();
}

class GearEncoder : public Encoder {
 public:
  explicit GearEncoder(const PublicParams& params)
      : shape_(params), key_rotation_(key_rotation_of(params)), value_rotation_(params, value_rotation) {}

  void absorb(const TokenBlock& block) override {
    if (shape_.stored_keys) push(key_rotation_.of(block.keys), keys_);
    push(value_rotation_.of(block.values), values_);
    buffered_ += block.count();
    while (buffered_ > 0 && buffered_ >= shape_.chunk_from(count_)) finish(shape_.chunk_from(count_));
  }

  std::uint64_t state_bits() const override { return finished_bits_ + shape_.chunk_bits(buffered_, false); }
  // The unfinished chunk waits as it came.
  std::uint64_t working_bits() const override {
    return static_cast<std::uint64_t>(keys_.size() + values_.size()) * core::bits_of(shape_.format);
  }

  void write(core::BitWriter& writer) const override {
    for (const Chunk& chunk : chunks_) put(writer, chunk);
    if (buffered_ > 0) put(writer, chunk_of(buffered_, false));
  }

 private:
  struct Chunk {
    Index count;
    Part keys, values;
  };

  static void push(const core::RowMatrixF& rows, std::vector<float>& buffer) {
    buffer.insert(buffer.end(), rows.data(), rows.data() + rows.size());
  }
  Chunk chunk_of(Index count, bool full) const {
    const auto first = [&](const std::vector<float>& buffer) {
      return core::RowMatrixF(Eigen::Map<const core::RowMatrixF>(buffer.data(), count, shape_.d));
    };
    Chunk chunk{count, {}, compressed(shape_, Kind::values, first(values_), full)};
    if (shape_.stored_keys) chunk.keys = compressed(shape_, Kind::keys, first(keys_), full);
    return chunk;
  }
  void finish(Index count) {
    chunks_.push_back(chunk_of(count, true));
    finished_bits_ += shape_.chunk_bits(count, true);
    values_.erase(values_.begin(), values_.begin() + count * shape_.d);
    if (shape_.stored_keys) keys_.erase(keys_.begin(), keys_.begin() + count * shape_.d);
    buffered_ -= count;
    count_ += count;
  }
  void put(core::BitWriter& writer, const Chunk& chunk) const {
    if (shape_.stored_keys) put_part(writer, shape_, Kind::keys, chunk.keys, chunk.count);
    put_part(writer, shape_, Kind::values, chunk.values, chunk.count);
  }

  Shape shape_;
  Rotation key_rotation_, value_rotation_;
  std::vector<float> keys_, values_;  // of the unfinished chunk
  std::vector<Chunk> chunks_;
  Index count_ = 0, buffered_ = 0;  // tokens in finished chunks, and beyond
  std::uint64_t finished_bits_ = 0;
};

// Chunks of all N tokens: visit(first token, count, full).
template <class Visit>
void for_each_chunk(const Shape& shape, Index tokens, Visit visit) {
  for (Index first = 0; first < tokens;) {
    const Index whole = shape.chunk_from(first), count = std::min(whole, tokens - first);
    visit(first, count, count == whole);
    first += count;
  }
}

class GearDecoder : public Decoder {
 public:
  GearDecoder(const PublicParams& params, core::BitReader reader)
      : keys_(params.tokens(), params.d),
        values_(params.tokens(), params.d),
        key_rotation_(key_rotation_of(params).matrix()),
        value_rotation_(Rotation(params, value_rotation).matrix()) {
    const Shape shape(params);
    for_each_chunk(shape, params.tokens(), [&](Index first, Index count, bool full) {
      if (shape.stored_keys) keys_.middleRows(first, count) = get_part(reader, shape, Kind::keys, count, full);
      values_.middleRows(first, count) = get_part(reader, shape, Kind::values, count, full);
    });
    if (!shape.stored_keys) keys_ = public_keys(params, all_tokens(params.tokens()));
  }
  core::RowMatrixD attend(core::RowsViewD queries) const override {
    return attend_rotated_rows(queries, keys_, values_, key_rotation_, value_rotation_);
  }

 private:
  core::RowMatrixF keys_, values_;
  core::RowMatrixD key_rotation_, value_rotation_;
};

class Gear : public Scheme {
 public:
  std::string name() const override { return "gear"; }
  std::string summary() const override {
    return "group quantisation, exact outliers, and a low-rank approximation of what is left, chunk by chunk; optional "
           "public rotation";
  }
  std::string paper() const override {
    return "Kang et al., GEAR: An Efficient KV Cache Compression Recipe for Near-Lossless Generative Inference of LLM, "
           "arXiv 2403.05527; levels 2^b - 1 and floor(s length/2) outliers a side, where the authors' code has "
           "b^2 - 1 and a number that ignores the length of keys (official)";
  }
  std::string guarantee() const override {
    return "every number within half a scale step before the low-rank part, which never adds squared error before its "
           "own rounding; two-level data is exact at rank 0";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("bits", {}, 1, 8, "bits per quantised number, of keys and of values").sized(),
        core::Option::integer("group", 64, 1, 1'000'000,
                              "tokens (keys) or channels (values) that share one scale and zero"),
        core::Option::integer("rank", 4, 0, 4096, "rank of the approximation of the quantiser's error, per chunk"),
        core::Option::real("outliers", 0.02, 0, 1, "share of entries of a channel or row that are sent as they are"),
        core::Option::integer("chunk", 0, 0, 10'000'000, "tokens compressed together; 0: the tokens of one map"),
        core::Option::choice("tail", "exact", {"exact", "compressed"}, "an unfinished chunk at hand-over"),
        rotation_option(),
        core::Option::boolean(
            "official", false,
            "as the authors' code: b^2 - 1 levels, as many outliers of a channel of keys as of a value "
            "row, and the low-rank part added to outliers too"),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    const Shape shape(params);
    std::uint64_t bits = 0;
    for_each_chunk(shape, params.tokens(),
                   [&](Index, Index count, bool full) { bits += shape.chunk_bits(count, full); });
    return bits;
  }
  void check(const PublicParams& params, const std::string& path) const override {
    Scheme::check(params, path);
    check_rotation(params, path);
    if (params.options.at("official").get<bool>() && params.options.at("bits") == 1)
      throw core::ConfigError(core::join_path(path, "bits"), "1", "2 to 8, because official has bits^2 - 1 levels");
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    Fit fit;
    const int least = params.options.at("official").get<bool>() ? 2 : 1;
    for (int bits = 8; bits >= least; --bits) {
      trial.options["bits"] = bits;
      fit.least_bits = *message_bits(trial);
      if (!fit.options && fit.least_bits <= budget_bits) fit.options = trial.options;
    }
    return fit;
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<GearEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<GearDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    return Scheme::operations(params, queries) +
           2.0 * static_cast<double>(params.tokens() * params.d) * (4.0 * (2 * rounds + 2) * Shape(params).rank + 100);
  }
};

const core::Registration<Scheme, Gear> registration;

}  // namespace
}  // namespace kvfrontier::schemes::gear
