// Sparse coding of whole maps in a public dictionary: coefficients are projected on a ball of the l1,1 norm, which
// drops whole atoms, the support is kept and the values on it are fitted again. The radius is the largest whose code
// fits the bits of the map.

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
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

int width_of(Index largest) {
  return std::bit_width(static_cast<std::uint64_t>(largest));
}

// `chosen` of `of` places: a bit each, or a list, whichever is shorter; which one follows from the two numbers.
bool listed(Index chosen, Index of) {
  return chosen * width_of(of - 1) < of;
}
std::uint64_t places_bits(Index chosen, Index of) {
  return static_cast<std::uint64_t>(std::min(chosen * width_of(of - 1), of));
}

struct Shape {
  explicit Shape(const PublicParams& params)
      : schedule(params.schedule),
        d(params.d),
        bits(params.options.at("bits").get<double>()),
        coefficient_bits(params.options.at("coefficient_bits").get<int>()),
        dct(params.options.at("dictionary") == "dct"),
        refit(params.options.at("refit") == "ls"),
        projection(params.options.at("projection") == "bilevel" ? Projection::bilevel : Projection::flat),
        rows{params.d, stores_keys(params), core::FloatFormat::fp16},
        key(params.key) {}

  Index tokens(int scale) const { return schedule.first_token(scale + 1) - schedule.first_token(scale); }
  // Atoms of a map and entries of each: frequencies with d channels, or rotated channels with one entry a token.
  Index atoms(int scale) const { return dct ? tokens(scale) : d; }
  Index entries(int scale) const { return dct ? d : tokens(scale); }

  // Of one tensor of a map: step, number of active atoms, number of coefficients.
  std::uint64_t head_bits(int scale) const {
    return static_cast<std::uint64_t>(16 + width_of(atoms(scale)) + width_of(tokens(scale) * d));
  }
  // Behind it: places of active atoms, of coefficients among their entries, and the coefficients.
  std::uint64_t support_bits(int scale, Index active, Index count) const {
    return places_bits(active, atoms(scale)) + places_bits(count, active * entries(scale)) +
           static_cast<std::uint64_t>(count * coefficient_bits);
  }
  // Room for one coefficient, and for more as `bits` says.
  std::uint64_t room(int scale) const {
    return support_bits(scale, 1, 1) +
           static_cast<std::uint64_t>(std::floor(bits * static_cast<double>(tokens(scale) * d)));
  }
  // All that is written for one tensor of a map; what the code leaves over is padding.
  std::uint64_t tensor_bits(int scale) const { return head_bits(scale) + room(scale); }
  std::uint64_t map_bits(int scale) const { return tensor_bits(scale) * (rows.stored_keys ? 2 : 1); }
  std::uint64_t message_bits() const {
    std::uint64_t sum = 0;
    for (int scale = 0; scale < schedule.scales(); ++scale) sum += map_bits(scale);
    return sum;
  }

  geometry::Schedule schedule;
  Index d;
  double bits;
  int coefficient_bits;
  bool dct, refit;
  Projection projection;
  RowFormat rows;
  core::RandomKey key;
};

// Orthonormal cosines: row k of the side x side matrix is the k-th frequency.
RowMatrixF cosines(int side) {
  RowMatrixF matrix(side, side);
  for (int k = 0; k < side; ++k) {
    for (int x = 0; x < side; ++x)
      matrix(k, x) = static_cast<float>(std::sqrt((k == 0 ? 1.0 : 2.0) / side) *
                                        std::cos(std::numbers::pi * k * (2 * x + 1) / (2.0 * side)));
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
  explicit Dictionary(const Shape& shape) : shape_(shape) {
    if (!shape.dct) rotation_ = public_rotation(shape.key, core::Purpose("l11/rotation"), shape.d);
  }
  RowMatrixF analysed(const RowMatrixF& rows, int scale) const {
    if (!shape_.dct) return (rows * rotation_).transpose();
    return along_both(cosines(side(scale)), rows);
  }
  RowMatrixF synthesised(const RowMatrixF& coefficients, int scale) const {
    if (!shape_.dct) return coefficients.transpose() * rotation_.transpose();
    return along_both(cosines(side(scale)).transpose(), coefficients);
  }

 private:
  int side(int scale) const { return shape_.schedule.sides()[static_cast<std::size_t>(scale)]; }
  Shape shape_;
  RowMatrixF rotation_;
};

// The code of one tensor of one map.
struct Code {
  std::uint64_t step = 0;            // fp16 of the largest magnitude
  std::vector<Index> atoms;          // active ones, ascending
  std::vector<Index> places;         // of coefficients among the entries of active atoms, ascending
  std::vector<std::uint64_t> codes;  // coefficients, offset by 2^(bits-1)

  std::uint64_t bits(const Shape& shape, int scale) const {
    return shape.head_bits(scale) +
           shape.support_bits(scale, static_cast<Index>(atoms.size()), static_cast<Index>(places.size()));
  }
};

// Levels on either side of 0.
float levels(const Shape& shape) {
  return static_cast<float>((1 << (shape.coefficient_bits - 1)) - 1);
}

Code encode(const Shape& shape, int scale, const RowMatrixF& coefficients) {
  const GroupProjection projection(coefficients, shape.projection);
  const auto fits = [&](const std::vector<double>& thresholds) {
    Index active = 0, count = 0;
    for (Index atom = 0; atom < coefficients.rows(); ++atom) {
      const Index above = projection.count_above(atom, thresholds[static_cast<std::size_t>(atom)]);
      active += above > 0;
      count += above;
    }
    return shape.support_bits(scale, active, count) <= shape.room(scale);
  };
  // Radii as shares of the norm. An empty support always fits; the thresholds of radius 0 are empty only up to
  // rounding.
  double inside = 0, outside = 1;
  std::vector<double> best(static_cast<std::size_t>(coefficients.rows()), std::numeric_limits<double>::infinity());
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
    const auto threshold = best[static_cast<std::size_t>(atom)];
    const Index first = static_cast<Index>(code.atoms.size()) * coefficients.cols();
    bool active = false;
    for (Index entry = 0; entry < coefficients.cols(); ++entry) {
      const float x = coefficients(atom, entry);
      if (!(std::abs(static_cast<double>(x)) > threshold)) continue;
      active = true;
      code.places.push_back(first + entry);
      // The dictionary is orthonormal: least squares on the support gives the coefficients back.
      values.push_back(shape.refit ? x : x - std::copysign(static_cast<float>(threshold), x));
      largest = std::max(largest, std::abs(values.back()));
    }
    if (active) code.atoms.push_back(atom);
  }
  code.step = core::encode_float(core::FloatFormat::fp16, largest);
  const float top = core::decode_float(core::FloatFormat::fp16, code.step), steps = levels(shape);
  for (const float x : values) {
    const float level = top > 0 ? std::clamp(std::round(x / top * steps), -steps, steps) : 0.0f;
    code.codes.push_back(
        static_cast<std::uint64_t>(static_cast<std::int64_t>(level) + (1 << (shape.coefficient_bits - 1))));
  }
  return code;
}

void put_places(core::BitWriter& writer, const std::vector<Index>& places, Index of) {
  if (listed(static_cast<Index>(places.size()), of)) {
    for (const Index place : places) writer.put(static_cast<std::uint64_t>(place), width_of(of - 1));
    return;
  }
  auto next = places.begin();
  for (Index place = 0; place < of; ++place) {
    const bool here = next != places.end() && *next == place;
    writer.put(here, 1);
    next += here;
  }
}

// Ascending places; throws DataError where their number is another.
std::vector<Index> get_places(core::BitReader& reader, Index count, Index of) {
  std::vector<Index> places;
  if (listed(count, of)) {
    for (Index i = 0; i < count; ++i) {
      places.push_back(static_cast<Index>(reader.get(width_of(of - 1))));
      if (places.back() >= of || (i > 0 && places.back() <= places[static_cast<std::size_t>(i - 1)]))
        throw core::DataError("places that are not in order");
    }
    return places;
  }
  for (Index place = 0; place < of; ++place) {
    if (reader.get(1) == 1) places.push_back(place);
  }
  if (static_cast<Index>(places.size()) != count) throw core::DataError("another number of places than was said");
  return places;
}

void put_code(core::BitWriter& writer, const Shape& shape, int scale, const Code& code, const char* section) {
  const Index active = static_cast<Index>(code.atoms.size()), count = static_cast<Index>(code.places.size());
  writer.section("scales");
  writer.put(code.step, 16);
  writer.section("indices");
  writer.put(static_cast<std::uint64_t>(active), width_of(shape.atoms(scale)));
  writer.put(static_cast<std::uint64_t>(count), width_of(shape.tokens(scale) * shape.d));
  put_places(writer, code.atoms, shape.atoms(scale));
  put_places(writer, code.places, active * shape.entries(scale));
  writer.section(section);
  for (const std::uint64_t coefficient : code.codes) writer.put(coefficient, shape.coefficient_bits);
  writer.section("padding");
  for (std::uint64_t rest = shape.tensor_bits(scale) - code.bits(shape, scale); rest > 0;) {
    const int step = static_cast<int>(std::min<std::uint64_t>(rest, 64));
    writer.put(0, step);
    rest -= static_cast<std::uint64_t>(step);
  }
}

RowMatrixF get_code(core::BitReader& reader, const Shape& shape, int scale) {
  const float top = core::decode_float(core::FloatFormat::fp16, reader.get(16));
  const auto active = static_cast<Index>(reader.get(width_of(shape.atoms(scale))));
  const auto count = static_cast<Index>(reader.get(width_of(shape.tokens(scale) * shape.d)));
  const std::uint64_t room = shape.room(scale);
  if (active > shape.atoms(scale) || count > active * shape.entries(scale) ||
      shape.support_bits(scale, active, count) > room)
    throw core::DataError("more coefficients than there is room for");
  const std::vector<Index> atoms = get_places(reader, active, shape.atoms(scale));
  const std::vector<Index> places = get_places(reader, count, active * shape.entries(scale));
  RowMatrixF coefficients = RowMatrixF::Zero(shape.atoms(scale), shape.entries(scale));
  const float steps = levels(shape);
  for (const Index place : places) {
    const auto level =
        static_cast<std::int64_t>(reader.get(shape.coefficient_bits)) - (1 << (shape.coefficient_bits - 1));
    coefficients(atoms[static_cast<std::size_t>(place / shape.entries(scale))], place % shape.entries(scale)) =
        top * static_cast<float>(level) / steps;
  }
  for (std::uint64_t rest = room - shape.support_bits(scale, active, count); rest > 0;) {
    const int step = static_cast<int>(std::min<std::uint64_t>(rest, 64));
    reader.get(step);
    rest -= static_cast<std::uint64_t>(step);
  }
  return coefficients;
}

class L11Encoder : public Encoder {
 public:
  explicit L11Encoder(const PublicParams& params)
      : shape_(params), dictionary_(shape_), buffer_(params.schedule, shape_.rows) {}

  void absorb(const TokenBlock& block) override {
    if (!buffer_.add(block)) return;
    const int scale = buffer_.scale();
    if (shape_.rows.stored_keys) keys_.push_back(encode(shape_, scale, dictionary_.analysed(buffer_.keys(), scale)));
    values_.push_back(encode(shape_, scale, dictionary_.analysed(buffer_.values(), scale)));
    bits_ += shape_.map_bits(scale);
    buffer_.clear();
  }
  std::uint64_t state_bits() const override { return bits_ + buffer_.bits(); }
  std::uint64_t working_bits() const override { return buffer_.working_bits(); }
  void write(core::BitWriter& writer) const override {
    for (std::size_t scale = 0; scale < values_.size(); ++scale) {
      if (shape_.rows.stored_keys) put_code(writer, shape_, static_cast<int>(scale), keys_[scale], "keys");
      put_code(writer, shape_, static_cast<int>(scale), values_[scale], "values");
    }
    buffer_.write(writer);
  }

 private:
  Shape shape_;
  Dictionary dictionary_;
  MapBuffer buffer_;
  std::vector<Code> keys_, values_;  // of complete maps
  std::uint64_t bits_ = 0;
};

class L11Decoder : public Decoder {
 public:
  L11Decoder(const PublicParams& params, core::BitReader reader) : values_(params.tokens(), params.d) {
    const Shape shape(params);
    const Dictionary dictionary(shape);
    if (shape.rows.stored_keys) {
      keys_.resize(params.tokens(), params.d);
    } else {
      keys_ = public_keys(params, all_tokens(params.tokens()));
    }
    for (int scale = 0; scale < params.schedule.scales(); ++scale) {
      const auto map = [&](RowMatrixF& rows) {
        rows.middleRows(params.schedule.first_token(scale), shape.tokens(scale)) =
            dictionary.synthesised(get_code(reader, shape, scale), scale);
      };
      if (shape.rows.stored_keys) map(keys_);
      map(values_);
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
    return "sparse coefficients of whole maps in a public orthonormal dictionary, supported where an l1,1 projection "
           "leaves them";
  }
  std::string surrogates() const override {
    return "a public cosine or random dictionary stands for the trained auto-encoder; the constraint, the mask and the "
           "refit on it are kept";
  }
  std::string paper() const override {
    return "Gille, Guyard, Antonini and Barlaud, Learning Sparse auto-Encoders for Green AI image coding, arXiv "
           "2209.04448";
  }
  std::string guarantee() const override {
    return "none on INDEX, which is white in every basis; with the whole support every coefficient is within half a "
           "step of the largest one/(2^(coefficient_bits - 1) - 1)";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::real("bits", {}, 0, 64,
                           "bits of a map for each of its entries, beyond its head and one coefficient")
            .sized(),
        core::Option::choice("projection", "bilevel", {"bilevel", "flat"},
                             "bilevel: whole atoms are dropped; flat: the nearest point of the same ball"),
        core::Option::choice("dictionary", "dct", {"dct", "rotation"},
                             "dct: cosines over the map, an atom is a frequency of all channels; rotation: a public "
                             "random basis of the channels, an atom is one of them at all tokens"),
        core::Option::choice("refit", "ls", {"ls", "none"},
                             "ls: least squares on the support; none: the shrunken coefficients"),
        core::Option::integer("coefficient_bits", 8, 2, 16, "bits of a stored coefficient"),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return Shape(params).message_bits();
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    trial.options["bits"] = 0.0;
    const std::uint64_t least = *message_bits(trial);
    if (budget_bits < least) return {std::nullopt, least};
    const Shape shape(trial);
    const double entries = static_cast<double>(params.tokens() * params.d * (shape.rows.stored_keys ? 2 : 1));
    // Room for all coefficients behind a bit each for them and for the atoms.
    const double most = shape.coefficient_bits + 2;
    trial.options["bits"] = std::min(most, static_cast<double>(budget_bits - least) / entries);
    return {trial.options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<L11Encoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<L11Decoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double tokens = static_cast<double>(params.tokens()), d = static_cast<double>(params.d);
    return Scheme::operations(params, queries) + tokens * d * (8 * static_cast<double>(params.schedule.n()) + 500);
  }
};

const core::Registration<Scheme, L11> registration;

}  // namespace
}  // namespace kvfrontier::schemes::l11
