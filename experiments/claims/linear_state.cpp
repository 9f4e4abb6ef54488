// The state of linear attention, sum_j k_j v_j^T, has a size that does not grow with N, so its bit error must.

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/measuring_claim.hpp"
#include "core/bits.hpp"
#include "core/float_format.hpp"
#include "geometry/embedding.hpp"
#include "theory/estimators.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::linear_state {

enum class Values { signs, bits };
enum class State { fp32, sign };
enum class Mutation { none, leaking_decoder, uncounted_columns };

}  // namespace kvfrontier::experiments::linear_state

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::linear_state::Values> {
  static constexpr std::array names{"signs", "bits"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::linear_state::State> {
  static constexpr std::array names{"fp32", "sign"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::linear_state::Mutation> {
  static constexpr std::array names{"none", "leaking_decoder", "uncounted_columns"};
};

namespace kvfrontier::experiments::linear_state {
namespace {

using core::Bits;
using core::Index;
using core::Json;

struct Parameters {
  Index tokens = 1024, d = 64;
  Values values = Values::signs;
  State state = State::fp32;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("tokens", &Parameters::tokens, "N").range(2, 50'000),
            core::member("d", &Parameters::d, "width of keys and of values").range(1, 4096),
            core::member("values", &Parameters::values, "signs: +-1 read by sign; bits: {0,1} read at 1/2"),
            core::member("state", &Parameters::state,
                         "how an entry of the state is stored; sign: one bit, values must be signs"),
            analysis::mutation_member(&Parameters::mutation)};
  }
  // Instances drawn in one trial: a small one is drawn many times, so that a trial is worth its record.
  Index draws() const { return std::max<Index>(1, 8 * d / tokens); }
};

struct Trial {
  double error = 0;
  Bits state_bits = 0;
  static core::MemberList<Trial> members() {
    return {core::member("error", &Trial::error, "mean bit error over all entries").needed(),
            core::member("state_bits", &Trial::state_bits, "length of the stored state").unit("bits").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "linear_state",
    .statement = R"(The d x d state of linear attention reads bits with an error that grows with N/d, and it never has
      fewer bits than the floor.)",
    .note = "The error is Qfun(sqrt(d/N)) for values +-1 and Qfun(sqrt(d/(2N))) for values {0,1}.",
    .source = R"(central limit theorem for sum_j <k_i,k_j> v_j; floor: INDEX, the step behind Thm 4.5 of arXiv
      2503.14881, applied to any fixed state)",
    .prediction = R"(Qfun(sqrt(d/(N-1))) for +-1 read by sign, Qfun(sqrt(d/(2(N-1)))) for {0,1} read at 1/2,
      Qfun(sqrt(2d/(pi (N-1)))) when each entry of the state is one sign bit; state bits >= (1 - H2(error)) N d)",
    .allowance = R"(3 % of the error: the noise is a sum of N-1 >= 63 products (and of d >= 128 signs), whose fourth
      cumulant moves the Gaussian tail by at most 1.5 %. None for the floor)",
    .refutation = R"(an error more than 3 % off the law at any N/d, or a state with fewer bits than (1 - H2(error))
      N d)"};

// Writes the state as the message it is, reads it back, and returns its exact length in bits.
Bits store(core::RowMatrixF& state, bool sign, bool uncounted_columns) {
  core::BitWriter writer;
  writer.section("state");
  const Index count = state.size();
  if (sign) {
    for (Index i = 0; i < count; ++i) writer.put(state.data()[i] > 0, 1);
  } else {
    core::put_floats(writer, core::FloatFormat::fp32, state.data(), count);
  }
  const Bits length = writer.bits().size;
  core::BitReader reader(writer.bits());
  if (sign) {
    for (Index i = 0; i < count; ++i) state.data()[i] = reader.get(1) ? 1.0f : -1.0f;
  } else {
    core::get_floats(reader, core::FloatFormat::fp32, state.data(), count);
  }
  return uncounted_columns ? length / state.cols() : length;
}

class LinearState : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  LinearState() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.state == State::sign && p.values != Values::signs) {
      throw core::ConfigError(combination.path(&Parameters::state), "\"sign\"",
                              "fp32 where values are bits: the mean of the state would fill its signs");
    }
  }
  double operations(const Parameters& p) const override { return 4.0 * p.draws() * p.tokens * p.d * (p.d + 20); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index tokens = p.tokens, d = p.d, draws = p.draws();
    const std::string identity = Json{{"tokens", tokens}, {"d", d}}.dump();
    const auto public_coins = turn.coins(identity), alice_coins = turn.coins(identity, "alice");
    const auto& sphere = geometry::Embeddings::find("sphere", "embedding");
    const bool centred = p.values == Values::signs;

    double errors = 0;
    Bits state_bits = 0;
    core::RowMatrixF keys(tokens, d), values(tokens, d);
    for (Index draw = 0; draw < draws; ++draw) {
      sphere.rows(public_coins, tokens * draws, draw * tokens, keys);
      for (Index i = 0; i < tokens; ++i) {
        core::Stream bits(alice_coins, core::Purpose("linear_state/values"), draw * tokens + i);
        for (Index c = 0; c < d; ++c) values(i, c) = bits() & 1;
      }
      const core::RowMatrixF shown = centred ? core::RowMatrixF(2 * values.array() - 1) : values;
      core::RowMatrixF state = keys.transpose() * shown;
      state_bits = store(state, p.state == State::sign, p.mutation == Mutation::uncounted_columns);
      core::RowMatrixF answers = keys * state;
      if (p.mutation == Mutation::leaking_decoder) {  // one row in ten comes straight from the instance
        for (Index i = 0; i < tokens; i += 10) answers.row(i) = shown.row(i);
      }
      const float threshold = centred ? 0.0f : 0.5f;
      errors += ((answers.array() > threshold) != (values.array() > 0.5f)).count();
    }
    return Trial{errors / (draws * tokens * d), state_bits};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    const Index d = quick ? 128 : 256;
    Json grid = Json::array();
    grid.push_back({{"values", {"signs", "bits"}}, {"tokens", {d / 2, d, 4 * d, 8 * d}}});
    grid.push_back({{"state", "sign"}, {"tokens", {d, 4 * d, 8 * d}}});
    return {{"grid", grid}, {"d", d}, {"stop", analysis::trials(8, 128)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      const double tokens = p.tokens, d = p.d;
      const auto errors = point.values(&Trial::error);
      const double law = p.state == State::sign ? theory::sign_state_error(tokens, d)
                                                : theory::linear_state_error(tokens, d, p.values == Values::signs);
      const Json at = point.at(&P::tokens, &P::d, &P::values, &P::state);
      checks.mean(analysis::with(at, "quantity", "error"), errors, law, analysis::within_relative(law, 0.03));

      const double bits = point.trials.front().state_bits;
      const auto over_floor = [=](double error) {
        const double floor = theory::entropy_floor_bits(tokens * d, std::clamp(error, 0.0, 0.5));
        return floor > 0 ? bits / floor : std::numeric_limits<double>::infinity();
      };
      checks.estimate(analysis::with(analysis::with(at, "quantity", "state bits / floor"), "state_bits", bits),
                      over_floor(core::mean_of(errors)), over_floor(law), analysis::at_least(1), [=](double level) {
                        const auto interval = core::student_interval(errors, level);
                        return core::Interval{over_floor(interval.lo), over_floor(interval.hi)};
                      });
    }
  }
};

const core::Registration<sweep::Experiment, LinearState> registration;

}  // namespace
}  // namespace kvfrontier::experiments::linear_state
