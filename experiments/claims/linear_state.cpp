// F22. The state of linear attention, sum_j k_j v_j^T, has a size that does not grow with N, so its bit error must.

#include <cmath>

#include "analysis/claim.hpp"
#include "core/bits.hpp"
#include "core/float_format.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "theory/estimators.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::linear_state {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class LinearState : public analysis::Claim {
 public:
  std::string name() const override { return "linear_state"; }
  std::string statement() const override {
    return "the d x d state of linear attention reads bits with error Qfun(sqrt(d/N)) (values +-1) or "
           "Qfun(sqrt(d/(2N))) ({0,1}), and its bits never lie below the floor";
  }
  std::string source() const override {
    return "central limit theorem for sum_j <k_i,k_j> v_j; floor: INDEX, the step behind Thm 4.5 of arXiv 2503.14881, "
           "applied to any fixed state";
  }
  std::string prediction() const override {
    return "Qfun(sqrt(d/(N-1))) for +-1 read by sign, Qfun(sqrt(d/(2(N-1)))) for {0,1} read at 1/2, Qfun(sqrt(2d/(pi "
           "(N-1)))) when each entry of the state is one sign bit; "
           "state bits >= (1 - H2(error)) N d";
  }
  std::string allowance() const override {
    return "3 % of the error: the noise is a sum of N-1 >= 63 products (and of d >= 128 signs), whose fourth cumulant "
           "moves the Gaussian tail by at most 1.5 %. None for the floor";
  }
  std::string refutation() const override {
    return "an error more than 3 % off the law at any N/d, or a state with fewer bits than (1 - H2(error)) N d";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::integer("tokens", 1024, 2, 50'000, "N"),
        Option::integer("d", 64, 1, 4096, "width of keys and of values"),
        Option::choice("values", "signs", {"signs", "bits"}, "signs: +-1 read by sign; bits: {0,1} read at 1/2"),
        Option::choice("state", "fp32", {"fp32", "sign"},
                       "how an entry of the state is stored; sign: one bit, values must be signs"),
        analysis::sabotage_option({"leaking_decoder", "uncounted_columns"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"tokens", "d", "values", "state", "sabotage"}) parameters[name] = combination.value(name);
    if (parameters["state"] == "sign" && parameters["values"] != "signs") {
      throw core::ConfigError(combination.path("state"), "\"sign\"",
                              "fp32 where values are bits: the mean of the state would fill its signs");
    }
    return parameters;
  }
  // Instances drawn in one trial: small ones many times, so that a trial is worth its row.
  static Index draws(Index tokens, Index d) { return std::max<Index>(1, 8 * d / tokens); }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens"), d = parameters.at("d");
    return static_cast<double>(draws(parameters.at("tokens"), parameters.at("d"))) * 4 * tokens * d * (d + 20);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const std::string identity = Json{{"tokens", tokens}, {"d", d}}.dump(), sabotage = parameters.at("sabotage");
    const auto public_key = core::derive_key(parameters.at("seed"), identity, trial, "public");
    const auto alice_key = core::derive_key(parameters.at("seed"), identity, trial, "alice");
    const auto& sphere = geometry::Embeddings::find("sphere", "embedding");
    const bool centred = parameters.at("values") == "signs";

    double errors = 0;
    std::uint64_t state_bits = 0;
    core::RowMatrixF keys(tokens, d), values(tokens, d);
    const Index count = draws(tokens, d);
    for (Index draw = 0; draw < count; ++draw) {
      sphere.rows(public_key, tokens * count, draw * tokens, keys);
      for (Index i = 0; i < tokens; ++i) {
        core::Stream bits(alice_key, core::Purpose("linear_state/values"),
                          static_cast<std::uint64_t>(draw * tokens + i));
        for (Index c = 0; c < d; ++c) values(i, c) = static_cast<float>(bits() & 1);
      }
      const core::RowMatrixF shown = centred ? core::RowMatrixF(2 * values.array() - 1) : values;
      core::RowMatrixF state = keys.transpose() * shown;
      state_bits = store(state, parameters.at("state") == "sign", sabotage == "uncounted_columns");
      core::RowMatrixF answers = keys * state;
      if (sabotage == "leaking_decoder") {  // one row in ten comes straight from the instance
        for (Index i = 0; i < tokens; i += 10) answers.row(i) = shown.row(i);
      }
      const float threshold = centred ? 0.0f : 0.5f;
      errors += static_cast<double>(((answers.array() > threshold) != (values.array() > 0.5f)).count());
    }
    return {"ok", {{"error", errors / static_cast<double>(count * tokens * d)}, {"state_bits", state_bits}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    const Index d = quick ? 128 : 256;
    Json grid = Json::array();
    grid.push_back({{"values", {"signs", "bits"}}, {"tokens", {d / 2, d, 4 * d, 8 * d}}});
    grid.push_back({{"state", "sign"}, {"tokens", {d, 4 * d, 8 * d}}});
    return {{"grid", grid}, {"d", d}, {"stop", {{"min_trials", 8}, {"max_trials", 128}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const double tokens = point.parameter("tokens"), d = point.parameter("d");
      const bool centred = point.parameters.at("values") == "signs", sign = point.parameters.at("state") == "sign";
      const auto errors = point.values("error");
      if (errors.empty()) continue;
      const double law = sign ? theory::sign_state_error(tokens, d) : theory::linear_state_error(tokens, d, centred);
      Json at = point.at({"tokens", "d", "values", "state"});
      at["quantity"] = "error";
      checks.mean(at, errors, law, analysis::within_relative(law, 0.03));

      const double bits = point.values("state_bits").front();
      const auto over_floor = [=](double error) {
        const double floor = theory::entropy_floor_bits(tokens * d, std::clamp(error, 0.0, 0.5));
        return floor > 0 ? bits / floor : std::numeric_limits<double>::infinity();
      };
      at["quantity"] = "state bits / floor";
      at["state_bits"] = bits;
      checks.estimate(at, over_floor(core::mean_of(errors)), over_floor(law), analysis::at_least(1), [=](double level) {
        const auto interval = core::student_interval(errors, level);
        return core::Interval{over_floor(interval.lo), over_floor(interval.hi)};
      });
    }
    return checks.finish();
  }

 private:
  // Writes the state as the message it is, reads it back, and returns its exact length in bits.
  static std::uint64_t store(core::RowMatrixF& state, bool sign, bool uncounted_columns) {
    core::BitWriter writer;
    writer.section("state");
    const auto count = static_cast<std::size_t>(state.size());
    if (sign) {
      for (std::size_t i = 0; i < count; ++i) writer.put(state.data()[i] > 0, 1);
    } else {
      core::put_floats(writer, core::FloatFormat::fp32, state.data(), count);
    }
    const std::uint64_t length = writer.bits().size;
    core::BitReader reader(writer.bits());
    if (sign) {
      for (std::size_t i = 0; i < count; ++i) state.data()[i] = reader.get(1) ? 1.0f : -1.0f;
    } else {
      core::get_floats(reader, core::FloatFormat::fp32, state.data(), count);
    }
    return uncounted_columns ? length / static_cast<std::uint64_t>(state.cols()) : length;
  }
};

const core::Registration<sweep::Experiment, LinearState> registration;

}  // namespace
}  // namespace kvfrontier::experiments::linear_state
