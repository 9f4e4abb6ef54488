// Sparse coding of whole maps in a public dictionary: coefficients are projected on a ball of the l1,1 norm, which
// drops whole atoms; the support is kept and the values on it are fitted again. The radius is the largest one whose
// code fits into the bits of the map.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "core/errors.hpp"
#include "schemes/codec/l1_projection.hpp"
#include "schemes/codec/map_buffer.hpp"
#include "schemes/codec/rotation.hpp"

namespace kvfrontier::schemes::l11 {

enum class DictionaryKind { dct, rotation };
enum class Refit { ls, none };

}  // namespace kvfrontier::schemes::l11

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::l11::DictionaryKind> {
  static constexpr std::array names{"dct", "rotation"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::l11::Refit> {
  static constexpr std::array names{"ls", "none"};
};

namespace kvfrontier::schemes::l11 {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

struct L11Options {
  std::optional<double> bits;
  Projection projection = Projection::bilevel;
  DictionaryKind dictionary = DictionaryKind::dct;
  Refit refit = Refit::ls;
  int coefficient_bits = 8;
  Keys keys = Keys::stored;

  static core::MemberList<L11Options> members() {
    return {
        core::member("bits", &L11Options::bits,
                     "bits of a map for each of its entries, beyond its head and one coefficient")
            .range(0, 64)
            .sized(),
        core::member("projection", &L11Options::projection,
                     "bilevel: drops whole atoms; flat: the nearest point of the same ball"),
        core::member("dictionary", &L11Options::dictionary,
                     "dct: cosines over the map, an atom is a frequency of all channels; rotation: a public random "
                     "basis of the channels, an atom is one of them at all tokens"),
        core::member("refit", &L11Options::refit, "ls: least squares on the support; none: the shrunken coefficients"),
        core::member("coefficient_bits", &L11Options::coefficient_bits, "bits of a stored coefficient").range(2, 16),
        keys_member(&L11Options::keys)};
  }
};

const L11Options& options_of(const PublicParams& params) {
  return params.options.as<L11Options>();
}

int width_of(std::uint64_t largest) {
  return std::bit_width(largest);
}

// `chosen` of `of` places are sent as one bit for every place or as a list, whichever is shorter for the two numbers.
bool listed(Index chosen, Index of) {
  return chosen * width_of(of - 1) < of;
}
Bits places_bits(Index chosen, Index of) {
  return std::min(chosen * width_of(of - 1), of);
}

// What both parties know about the message.
struct Layout {
  explicit Layout(const PublicParams& params) : Layout(params, options_of(params)) {}
  Layout(const PublicParams& params, const L11Options& options)
      : schedule(params.schedule),
        d(params.d),
        bits(options.bits.value()),
        coefficient_bits(options.coefficient_bits),
        dct(options.dictionary == DictionaryKind::dct),
        refit(options.refit == Refit::ls),
        projection(options.projection),
        rows{params.d, options.keys == Keys::stored, core::FloatFormat::fp16},
        coins(params.coins) {}

  Index tokens(int map) const { return schedule.first_token(map + 1) - schedule.first_token(map); }
  // Atoms of a map and entries of each: frequencies with d channels, or rotated channels with one entry per token.
  Index atoms(int map) const { return dct ? tokens(map) : d; }
  Index entries(int map) const { return dct ? d : tokens(map); }

  // The head of one tensor of a map: step, number of active atoms, number of coefficients.
  Bits head_bits(int map) const { return 16 + width_of(atoms(map)) + width_of(tokens(map) * d); }
  // After the head: places of active atoms, places of coefficients among their entries, and the coefficients.
  Bits support_bits(int map, Index active, Index count) const {
    return places_bits(active, atoms(map)) + places_bits(count, active * entries(map)) + count * coefficient_bits;
  }
  // Room for one coefficient, and for more as far as the option `bits` allows.
  Bits room(int map) const {
    const Bits more = std::floor(bits * (tokens(map) * d));
    return support_bits(map, 1, 1) + more;
  }
  // Everything that is written for one tensor of a map; padding fills what the code leaves over.
  Bits tensor_bits(int map) const { return head_bits(map) + room(map); }
  Bits map_bits(int map) const { return tensor_bits(map) * (rows.stored_keys ? 2 : 1); }
  Bits message_bits() const {
    Bits sum = 0;
    for (int map = 0; map < schedule.map_count(); ++map) sum += map_bits(map);
    return sum;
  }

  geometry::Schedule schedule;
  Index d;
  double bits;
  int coefficient_bits;
  bool dct, refit;
  Projection projection;
  RowFormat rows;
  core::Coins coins;
};

// Orthonormal cosines: row k of the side x side matrix is the k-th frequency.
RowMatrixF cosines(int side) {
  RowMatrixF matrix(side, side);
  for (int k = 0; k < side; ++k) {
    for (int x = 0; x < side; ++x)
      matrix(k, x) =
          std::sqrt((k == 0 ? 1.0 : 2.0) / side) * std::cos(std::numbers::pi * k * (2 * x + 1) / (2.0 * side));
  }
  return matrix;
}

// axis * map along both directions of a map of side x side cells, for every channel.
RowMatrixF along_both(const RowMatrixF& axis, const RowMatrixF& map) {
  const Index side = axis.rows(), d = map.cols();
  RowMatrixF turned(map.rows(), d);
  Eigen::Map<RowMatrixF>(turned.data(), side, side * d).noalias() =
      axis * Eigen::Map<const RowMatrixF>(map.data(), side, side * d);
  RowMatrixF out(map.rows(), d);
  for (Index i = 0; i < side; ++i) out.middleRows(i * side, side).noalias() = axis * turned.middleRows(i * side, side);
  return out;
}

// Rows of a map to coefficients (atoms x entries) and back.
class Dictionary {
 public:
  explicit Dictionary(const Layout& layout) : layout_(layout) {
    if (!layout.dct) rotation_ = public_rotation(layout.coins, core::Purpose("l11/rotation"), layout.d);
  }
  RowMatrixF analysed(const RowMatrixF& rows, int map) const {
    if (!layout_.dct) return (rows * rotation_).transpose();
    return along_both(cosines(side(map)), rows);
  }
  RowMatrixF synthesised(const RowMatrixF& coefficients, int map) const {
    if (!layout_.dct) return coefficients.transpose() * rotation_.transpose();
    return along_both(cosines(side(map)).transpose(), coefficients);
  }

 private:
  int side(int map) const { return layout_.schedule.sides()[map]; }
  Layout layout_;
  RowMatrixF rotation_;
};

// The code of one tensor of one map.
struct Code {
  std::uint64_t step = 0;            // fp16 of the largest magnitude
  std::vector<Index> atoms;          // active ones, ascending
  std::vector<Index> places;         // of coefficients among the entries of active atoms, ascending
  std::vector<std::uint64_t> codes;  // coefficients, offset by 2^(bits-1)

  Bits bits(const Layout& layout, int map) const {
    return layout.head_bits(map) + layout.support_bits(map, std::ssize(atoms), std::ssize(places));
  }
};

// Levels on either side of 0.
float levels(const Layout& layout) {
  return (1 << (layout.coefficient_bits - 1)) - 1;
}

Code encode(const Layout& layout, int map, const RowMatrixF& coefficients) {
  const GroupProjection projection(coefficients, layout.projection);
  const auto fits = [&](const std::vector<double>& thresholds) {
    Index active = 0, count = 0;
    for (Index atom = 0; atom < coefficients.rows(); ++atom) {
      const Index above = projection.count_above(atom, thresholds[atom]);
      active += above > 0;
      count += above;
    }
    return layout.support_bits(map, active, count) <= layout.room(map);
  };
  // Radii as shares of the norm. An empty support always fits; the thresholds of radius 0 leave nothing only up to
  // rounding.
  double inside = 0, outside = 1;
  std::vector<double> best(coefficients.rows(), std::numeric_limits<double>::infinity());
  if (std::vector<double> all = projection.thresholds(projection.norm() * (1 + 1e-6)); fits(all)) {
    best = std::move(all);
  } else {
    for (int step = 0; step < 20; ++step) {
      const double middle = (inside + outside) / 2;
      std::vector<double> thresholds = projection.thresholds(middle * projection.norm());
      if (fits(thresholds)) {
        inside = middle;
        best = std::move(thresholds);
      } else {
        outside = middle;
      }
    }
  }

  Code code;
  std::vector<float> values;
  float largest = 0;
  for (Index atom = 0; atom < coefficients.rows(); ++atom) {
    const double threshold = best[atom];
    const float shrinkage = threshold;
    const Index first = std::ssize(code.atoms) * coefficients.cols();
    bool active = false;
    for (Index entry = 0; entry < coefficients.cols(); ++entry) {
      const float x = coefficients(atom, entry);
      if (!(std::abs(x) > threshold)) continue;
      active = true;
      code.places.push_back(first + entry);
      // The dictionary is orthonormal: least squares on the support gives the coefficients back.
      values.push_back(layout.refit ? x : x - std::copysign(shrinkage, x));
      largest = std::max(largest, std::abs(values.back()));
    }
    if (active) code.atoms.push_back(atom);
  }
  code.step = core::encode_float(core::FloatFormat::fp16, largest);
  const float top = core::decode_float(core::FloatFormat::fp16, code.step), steps = levels(layout);
  for (const float x : values) {
    const float level = top > 0 ? std::clamp(std::round(x / top * steps), -steps, steps) : 0.0f;
    const std::int64_t whole = level;
    code.codes.push_back(whole + (1 << (layout.coefficient_bits - 1)));
  }
  return code;
}

void put_places(core::BitWriter& writer, const std::vector<Index>& places, Index of) {
  if (listed(std::ssize(places), of)) {
    for (const Index place : places) writer.put(place, width_of(of - 1));
    return;
  }
  auto next = places.begin();
  for (Index place = 0; place < of; ++place) {
    const bool here = next != places.end() && *next == place;
    writer.put(here, 1);
    next += here;
  }
}

// Ascending places; throws DataError if they are not `count`.
std::vector<Index> get_places(core::BitReader& reader, Index count, Index of) {
  std::vector<Index> places;
  if (listed(count, of)) {
    for (Index i = 0; i < count; ++i) {
      places.push_back(reader.get(width_of(of - 1)));
      if (places.back() >= of || (i > 0 && places.back() <= places[i - 1]))
        throw core::DataError("places are out of range or not ascending");
    }
    return places;
  }
  for (Index place = 0; place < of; ++place) {
    if (reader.get(1) == 1) places.push_back(place);
  }
  if (std::ssize(places) != count) throw core::DataError("the number of places differs from the number announced");
  return places;
}

void put_code(core::BitWriter& writer, const Layout& layout, int map, const Code& code, const char* section) {
  const Index active = std::ssize(code.atoms), count = std::ssize(code.places);
  writer.section("scales");
  writer.put(code.step, 16);
  writer.section("indices");
  writer.put(active, width_of(layout.atoms(map)));
  writer.put(count, width_of(layout.tokens(map) * layout.d));
  put_places(writer, code.atoms, layout.atoms(map));
  put_places(writer, code.places, active * layout.entries(map));
  writer.section(section);
  for (const std::uint64_t coefficient : code.codes) writer.put(coefficient, layout.coefficient_bits);
  writer.section("padding");
  for (Bits rest = layout.tensor_bits(map) - code.bits(layout, map); rest > 0; rest -= 64)
    writer.put(0, std::min<Bits>(rest, 64));
}

RowMatrixF get_code(core::BitReader& reader, const Layout& layout, int map) {
  const float top = core::decode_float(core::FloatFormat::fp16, reader.get(16));
  const Index active = reader.get(width_of(layout.atoms(map)));
  const Index count = reader.get(width_of(layout.tokens(map) * layout.d));
  const Bits room = layout.room(map);
  if (active > layout.atoms(map) || count > active * layout.entries(map) ||
      layout.support_bits(map, active, count) > room)
    throw core::DataError("more coefficients than there is room for");
  const std::vector<Index> atoms = get_places(reader, active, layout.atoms(map));
  const std::vector<Index> places = get_places(reader, count, active * layout.entries(map));
  RowMatrixF coefficients = RowMatrixF::Zero(layout.atoms(map), layout.entries(map));
  const float steps = levels(layout);
  const Index entries = layout.entries(map);
  for (const Index place : places) {
    const std::int64_t code = reader.get(layout.coefficient_bits), level = code - (1 << (layout.coefficient_bits - 1));
    coefficients(atoms[place / entries], place % entries) = top * level / steps;
  }
  for (Bits rest = room - layout.support_bits(map, active, count); rest > 0; rest -= 64)
    reader.get(std::min<Bits>(rest, 64));
  return coefficients;
}

class L11Encoder : public Encoder {
 public:
  explicit L11Encoder(const PublicParams& params)
      : layout_(params), dictionary_(layout_), buffer_(params.schedule, layout_.rows) {}

  void absorb(const TokenBlock& block) override {
    if (!buffer_.add(block)) return;
    const int map = buffer_.map();
    if (layout_.rows.stored_keys) keys_.push_back(encode(layout_, map, dictionary_.analysed(buffer_.keys(), map)));
    values_.push_back(encode(layout_, map, dictionary_.analysed(buffer_.values(), map)));
    bits_ += layout_.map_bits(map);
    buffer_.clear();
  }
  Bits state_bits() const override { return bits_ + buffer_.bits(); }
  Bits working_bits() const override { return buffer_.working_bits(); }
  void write(core::BitWriter& writer) const override {
    for (int map = 0; map < std::ssize(values_); ++map) {
      if (layout_.rows.stored_keys) put_code(writer, layout_, map, keys_[map], "keys");
      put_code(writer, layout_, map, values_[map], "values");
    }
    buffer_.write(writer);
  }

 private:
  Layout layout_;
  Dictionary dictionary_;
  MapBuffer buffer_;
  std::vector<Code> keys_, values_;  // of complete maps
  Bits bits_ = 0;
};

class L11Decoder : public Decoder {
 public:
  L11Decoder(const PublicParams& params, core::BitReader reader) : values_(params.tokens(), params.d) {
    const Layout layout(params);
    const Dictionary dictionary(layout);
    if (layout.rows.stored_keys) {
      keys_.resize(params.tokens(), params.d);
    } else {
      keys_ = public_keys(params, all_tokens(params.tokens()));
    }
    for (int map = 0; map < params.schedule.map_count(); ++map) {
      const auto read = [&](RowMatrixF& rows) {
        rows.middleRows(params.schedule.first_token(map), layout.tokens(map)) =
            dictionary.synthesised(get_code(reader, layout, map), map);
      };
      if (layout.rows.stored_keys) read(keys_);
      read(values_);
    }
  }
  RowMatrixD attend(core::RowsViewD queries) const override { return attend_rows(queries, keys_, values_); }

 private:
  RowMatrixF keys_, values_;
};

class L11 : public Scheme {
 public:
  std::string name() const override { return "l11"; }
  std::string summary() const override {
    return "sparse coefficients of whole maps in a public orthonormal dictionary, chosen by an l1,1 projection";
  }
  std::string surrogates() const override {
    return "a public cosine or random dictionary in place of the trained auto-encoder; the constraint, the mask and "
           "the refit on it are kept";
  }
  std::string paper() const override {
    return "Gille, Guyard, Antonini and Barlaud, Learning Sparse auto-Encoders for Green AI image coding, arXiv "
           "2209.04448";
  }
  std::string guarantee() const override {
    return "none on INDEX, which is white in every basis; with the whole support every coefficient is within half a "
           "step of the largest one/(2^(coefficient_bits - 1) - 1)";
  }
  const core::OptionTable& options() const override { return core::table_of<L11Options>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override { return Layout(params).message_bits(); }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    L11Options options = options_of(params);
    options.bits = 0;
    const Bits least = Layout(params, options).message_bits();
    if (budget_bits < least) return {std::nullopt, least};
    const double entries = params.tokens() * params.d * (options.keys == Keys::stored ? 2 : 1);
    // Room for all coefficients, after one bit for each of them and for each atom.
    const double most = options.coefficient_bits + 2;
    options.bits = std::min(most, (budget_bits - least) / entries);
    return {options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<L11Encoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<L11Decoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double tokens = params.tokens(), d = params.d;
    return Scheme::operations(params, queries) + tokens * d * (8.0 * params.schedule.n() + 500);
  }
};

const core::Registration<Scheme, L11> registration;

}  // namespace
}  // namespace kvfrontier::schemes::l11
