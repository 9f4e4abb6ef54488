// Group quantisation repaired twice: the largest and smallest entries of every channel of keys and of every value row
// are sent as they are, and the quantiser's error on the rest is approximated at low rank. A chunk is a map of the
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

enum class Tail { exact, compressed };

}  // namespace kvfrontier::schemes::gear

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::gear::Tail> {
  static constexpr std::array names{"exact", "compressed"};
};

namespace kvfrontier::schemes::gear {
namespace {

struct GearOptions {
  std::optional<int> bits;
  Index group = 64, rank = 4;
  double outliers = 0.02;
  Index chunk = 0;
  Tail tail = Tail::exact;
  RotationKind rotation = RotationKind::none;
  bool official = false;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<GearOptions> members() {
    return {
        core::member("bits", &GearOptions::bits, "bits per quantised number, of keys and of values")
            .range(1, 8)
            .sized(),
        core::member("group", &GearOptions::group, "tokens (keys) or channels (values) that share one scale and zero")
            .range(1, 1e6),
        core::member("rank", &GearOptions::rank, "rank of the approximation of the quantiser's error, per chunk")
            .range(0, 4096),
        core::member("outliers", &GearOptions::outliers,
                     "share of entries of a channel or row that are sent as they are")
            .range(0, 1),
        core::member("chunk", &GearOptions::chunk, "tokens compressed together; 0: the tokens of one map")
            .range(0, 1e7),
        core::member("tail", &GearOptions::tail, "how an unfinished chunk is sent at hand-over"),
        rotation_member(&GearOptions::rotation),
        core::member(
            "official", &GearOptions::official,
            "follow the authors' code: b^2 - 1 levels, as many outliers in a channel of keys as in a value row, "
            "and the low-rank part added to outliers too"),
        format_member(&GearOptions::format),
        keys_member(&GearOptions::keys)};
  }
};

const GearOptions& options_of(const PublicParams& params) {
  return params.options.as<GearOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}

enum class Kind { keys, values };

// The authors' code divides the range by b^2 - 1, which equals 2^b - 1 for 2 and 4 bits only; codes have the bits they
// need.
Grouping grouping_of(Index d, const GearOptions& options) {
  const int bits = options.bits.value(), steps = options.official ? bits * bits - 1 : (1 << bits) - 1;
  const unsigned largest_code = steps;
  const int code_bits = std::bit_width(largest_code);
  return {d, options.group, code_bits, options.format, steps};
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params) : Layout(params, options_of(params)) {}
  Layout(const PublicParams& params, const GearOptions& options)
      : d(params.d),
        rank(options.rank),
        chunk(options.chunk),
        outliers(options.outliers),
        exact_tail(options.tail == Tail::exact),
        stored_keys(options.keys == Keys::stored),
        official(options.official),
        format(options.format),
        grouping(grouping_of(d, options)),
        schedule(params.schedule) {}

  // Tokens in the chunk that starts at `token`, once it is full.
  Index chunk_from(Index token) const {
    if (chunk > 0) return chunk;
    return schedule.first_token(schedule.map_of(token) + 1) - token;
  }

  // A chunk of at most `rank` tokens costs less raw than as factors.
  bool exact(Index count, bool full) const { return count <= rank || (exact_tail && !full); }
  Index used_rank(Index count) const { return std::min({rank, count, d}); }
  // Outliers on each side of a channel of `count` keys, or of a value row. The authors' code takes as many from a
  // channel, however long it is, as from a row.
  Index outliers_of(Kind kind, Index count) const {
    const bool of_row = official || kind == Kind::values;
    const Index each = outliers / 2 * (of_row ? d : count);  // rounded down
    return official && kind == Kind::keys ? std::min(each, count / 2) : each;
  }
  Index vectors(Kind kind, Index count) const { return kind == Kind::keys ? d : count; }
  int place_bits(Kind kind, Index count) const {
    const std::uint64_t length = kind == Kind::keys ? count : d;
    return std::bit_width(length - 1);
  }

  Bits part_bits(Kind kind, Index count, bool full) const {
    if (kind == Kind::keys && !stored_keys) return 0;
    const Index f = core::bits_of(format);
    if (exact(count, full)) return count * d * f;
    const Bits quantised = kind == Kind::keys ? grouping.column_bits(count) : grouping.row_bits(count);
    const Bits factors = used_rank(count) * (count + d) * f;
    return quantised + factors + 2 * outliers_of(kind, count) * vectors(kind, count) * (f + place_bits(kind, count));
  }
  Bits chunk_bits(Index count, bool full) const {
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

// Keys or values of one chunk, as the message holds them.
struct Part {
  QuantisedRows quantised;
  core::RowMatrixF left, right;   // count x r, r x d
  std::vector<Outlier> outliers;  // vector by vector
  core::RowMatrixF exact;         // if not empty, replaces all others
};

core::RowMatrixF stored_rows(const Layout& layout, const core::RowMatrixF& rows) {
  return rows.unaryExpr([&](float x) { return core::stored(layout.format, x); });
}
core::RowMatrixF quantiser_value(const Layout& layout, Kind kind, const QuantisedRows& rows, Index count) {
  return kind == Kind::keys ? columns_value(layout.grouping, rows, count) : rows_value(layout.grouping, rows, count);
}
// The entry of a vector at a place: vectors are channels of keys and rows of values.
float& entry(core::RowMatrixF& rows, Kind kind, Index vector, Index place) {
  return kind == Kind::keys ? rows(place, vector) : rows(vector, place);
}

// Takes the `each` smallest and the `each` largest entries out of every vector and puts the vector's mean, outliers
// included, in their places. Equal entries count in order of their places.
std::vector<Outlier> taken_outliers(const Layout& layout, Kind kind, Index each, core::RowMatrixF& rows) {
  std::vector<Outlier> taken;
  if (each == 0) return taken;
  const Index count = rows.rows(), length = kind == Kind::keys ? count : layout.d;
  std::vector<std::pair<float, Index>> order(length);
  for (Index vector = 0; vector < layout.vectors(kind, count); ++vector) {
    double sum = 0;
    for (Index place = 0; place < length; ++place) {
      const float x = entry(rows, kind, vector, place);
      order[place] = {x, place};
      sum += x;
    }
    // Only the ends are sorted: they are short.
    const auto low = order.begin() + each, high = order.end() - each;
    std::nth_element(order.begin(), low, order.end());
    std::nth_element(low, high, order.end());
    std::sort(order.begin(), low);
    std::sort(high, order.end());
    const auto take = [&](const std::pair<float, Index>& outlier) {
      taken.push_back({outlier.second, core::stored(layout.format, outlier.first)});
      entry(rows, kind, vector, outlier.second) = sum / length;
    };
    std::for_each(order.begin(), low, take);
    std::for_each(high, order.end(), take);
  }
  return taken;
}

void restore_outliers(const std::vector<Outlier>& outliers, Kind kind, Index each, core::RowMatrixF& rows) {
  for (Index i = 0; i < std::ssize(outliers); ++i)
    entry(rows, kind, i / (2 * each), outliers[i].place) = outliers[i].entry;
}

// Rounds of subspace iteration, as many as the published power iteration takes.
constexpr int rounds = 3;

Part compressed(const Layout& layout, Kind kind, const core::RowMatrixF& rows, bool full) {
  Part part;
  const Index count = rows.rows(), each = layout.outliers_of(kind, count);
  if (layout.exact(count, full)) {
    part.exact = rows;
    return part;
  }
  core::RowMatrixF filled = rows;
  part.outliers = taken_outliers(layout, kind, each, filled);
  if (kind == Kind::keys) {
    quantise_columns(layout.grouping, filled.data(), count, part.quantised);
  } else {
    quantise_rows(layout.grouping, filled.data(), count, part.quantised);
  }
  if (const Index rank = layout.used_rank(count); rank > 0) {
    core::RowMatrixF rest = rows - quantiser_value(layout, kind, part.quantised, count);
    std::vector<Outlier> nothing = part.outliers;
    for (Outlier& outlier : nothing) outlier.entry = 0;
    restore_outliers(nothing, kind, each, rest);
    const LowRank fit = power_fit(rest, rank, rounds);
    part.left = stored_rows(layout, fit.codes.cast<float>());
    part.right = stored_rows(layout, fit.basis.cast<float>());
  }
  return part;
}

// The authors' code adds the low-rank part to outliers too; without `official` outliers come last and stay exact.
core::RowMatrixF decompressed(const Layout& layout, Kind kind, const Part& part, Index count) {
  core::RowMatrixF rows = quantiser_value(layout, kind, part.quantised, count);
  const auto restore = [&] { restore_outliers(part.outliers, kind, layout.outliers_of(kind, count), rows); };
  if (layout.official) restore();
  if (part.left.size() > 0) rows += part.left * part.right;
  if (!layout.official) restore();
  return rows;
}

void put_rows(core::BitWriter& writer, const Layout& layout, const core::RowMatrixF& rows) {
  core::put_floats(writer, layout.format, rows.data(), rows.size());
}

void put_part(core::BitWriter& writer, const Layout& layout, Kind kind, const Part& part, Index count) {
  if (part.exact.size() > 0) {
    writer.section("residual");
    put_rows(writer, layout, part.exact);
    return;
  }
  put_quantised(writer, layout.grouping, part.quantised, kind == Kind::keys ? "keys" : "values");
  writer.section("low rank");
  put_rows(writer, layout, part.left);
  put_rows(writer, layout, part.right);
  writer.section("outliers");
  for (const Outlier& outlier : part.outliers) {
    writer.put(outlier.place, layout.place_bits(kind, count));
    core::put_floats(writer, layout.format, &outlier.entry, 1);
  }
}

core::RowMatrixF get_part(core::BitReader& reader, const Layout& layout, Kind kind, Index count, bool full) {
  const auto read = [&](Index rows, Index columns) {
    core::RowMatrixF matrix(rows, columns);
    core::get_floats(reader, layout.format, matrix.data(), matrix.size());
    return matrix;
  };
  if (layout.exact(count, full)) return read(count, layout.d);
  Part part;
  part.quantised =
      kind == Kind::keys ? get_columns(reader, layout.grouping, count) : get_rows(reader, layout.grouping, count);
  part.left = read(count, layout.used_rank(count));
  part.right = read(layout.used_rank(count), layout.d);
  part.outliers.resize(2 * layout.outliers_of(kind, count) * layout.vectors(kind, count));
  const Index length = kind == Kind::keys ? count : layout.d;
  for (Outlier& outlier : part.outliers) {
    outlier.place = reader.get(layout.place_bits(kind, count));
    if (outlier.place >= length) throw core::DataError("an outlier lies outside its vector");
    core::get_floats(reader, layout.format, &outlier.entry, 1);
  }
  return decompressed(layout, kind, part, count);
}

constexpr core::Purpose key_rotation("gear/key rotation"), value_rotation("gear/value rotation");

// Public keys are not sent, so they are not rotated.
Rotation key_rotation_of(const PublicParams& params) {
  return stores_keys(params) ? Rotation(options_of(params).rotation, params, key_rotation) : Rotation();
}
Rotation value_rotation_of(const PublicParams& params) {
  return Rotation(options_of(params).rotation, params, value_rotation);
}

class GearEncoder : public Encoder {
 public:
  explicit GearEncoder(const PublicParams& params)
      : layout_(params), key_rotation_(key_rotation_of(params)), value_rotation_(value_rotation_of(params)) {}

  void absorb(const TokenBlock& block) override {
    if (layout_.stored_keys) push(key_rotation_.of(block.keys), keys_);
    push(value_rotation_.of(block.values), values_);
    buffered_ += block.count();
    while (buffered_ > 0 && buffered_ >= layout_.chunk_from(count_)) finish(layout_.chunk_from(count_));
  }

  Bits state_bits() const override { return finished_bits_ + layout_.chunk_bits(buffered_, false); }
  // The rows of the unfinished chunk, as they came.
  Bits working_bits() const override {
    return (std::ssize(keys_) + std::ssize(values_)) * core::bits_of(layout_.format);
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
      return core::RowMatrixF(Eigen::Map<const core::RowMatrixF>(buffer.data(), count, layout_.d));
    };
    Chunk chunk{count, {}, compressed(layout_, Kind::values, first(values_), full)};
    if (layout_.stored_keys) chunk.keys = compressed(layout_, Kind::keys, first(keys_), full);
    return chunk;
  }
  void finish(Index count) {
    chunks_.push_back(chunk_of(count, true));
    finished_bits_ += layout_.chunk_bits(count, true);
    values_.erase(values_.begin(), values_.begin() + count * layout_.d);
    if (layout_.stored_keys) keys_.erase(keys_.begin(), keys_.begin() + count * layout_.d);
    buffered_ -= count;
    count_ += count;
  }
  void put(core::BitWriter& writer, const Chunk& chunk) const {
    if (layout_.stored_keys) put_part(writer, layout_, Kind::keys, chunk.keys, chunk.count);
    put_part(writer, layout_, Kind::values, chunk.values, chunk.count);
  }

  Layout layout_;
  Rotation key_rotation_, value_rotation_;
  std::vector<float> keys_, values_;  // of the unfinished chunk
  std::vector<Chunk> chunks_;
  Index count_ = 0, buffered_ = 0;  // tokens in finished chunks and after them
  Bits finished_bits_ = 0;
};

// Chunks of all N tokens: visit(first token, count, full).
template <class Visit>
void for_each_chunk(const Layout& layout, Index tokens, Visit visit) {
  for (Index first = 0; first < tokens;) {
    const Index whole = layout.chunk_from(first), count = std::min(whole, tokens - first);
    visit(first, count, count == whole);
    first += count;
  }
}

Bits length(const Layout& layout, Index tokens) {
  Bits bits = 0;
  for_each_chunk(layout, tokens, [&](Index, Index count, bool full) { bits += layout.chunk_bits(count, full); });
  return bits;
}

class GearDecoder : public Decoder {
 public:
  GearDecoder(const PublicParams& params, core::BitReader reader)
      : keys_(params.tokens(), params.d),
        values_(params.tokens(), params.d),
        key_rotation_(key_rotation_of(params).matrix()),
        value_rotation_(value_rotation_of(params).matrix()) {
    const Layout layout(params);
    for_each_chunk(layout, params.tokens(), [&](Index first, Index count, bool full) {
      if (layout.stored_keys) keys_.middleRows(first, count) = get_part(reader, layout, Kind::keys, count, full);
      values_.middleRows(first, count) = get_part(reader, layout, Kind::values, count, full);
    });
    if (!layout.stored_keys) keys_ = public_keys(params, all_tokens(params.tokens()));
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
           "arXiv 2403.05527; levels 2^b - 1 and floor(s length/2) outliers on each side, where the authors' code has "
           "b^2 - 1 and a number that ignores the length of keys (official)";
  }
  std::string guarantee() const override {
    return "every number within half a scale step before the low-rank part, which never adds squared error before its "
           "own rounding; two-level data is exact at rank 0";
  }
  const core::OptionTable& options() const override { return core::table_of<GearOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return length(Layout(params), params.tokens());
  }
  void check(const PublicParams& params, const std::string& path) const override {
    Scheme::check(params, path);
    const GearOptions& options = options_of(params);
    check_rotation(options.rotation, params.d, path);
    if (options.official && options.bits == 1)
      throw core::ConfigError(core::join_path(path, "bits"), "1", "2 to 8, because official has bits^2 - 1 levels");
  }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    GearOptions options = options_of(params);
    Fit fit;
    const int least = options.official ? 2 : 1;
    for (int bits = 8; bits >= least; --bits) {
      options.bits = bits;
      fit.least_bits = length(Layout(params, options), params.tokens());
      if (!fit.options && fit.least_bits <= budget_bits) fit.options = options;
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
           2.0 * (params.tokens() * params.d) * (4.0 * (2 * rounds + 2) * options_of(params).rank + 100);
  }
};

const core::Registration<Scheme, Gear> registration;

}  // namespace
}  // namespace kvfrontier::schemes::gear
