// F11. What the single last step can read out of the cache: d times the tokens of all maps before it. It grows like n^2
// only if the maps before the last do: the schedule 1, n hands over one token.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <map>

#include "analysis/claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"
#include "theory/entropy.hpp"
#include "theory/pyramid.hpp"

namespace kvfrontier::experiments::var_schedules {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class VarSchedules : public analysis::Claim {
 public:
  std::string name() const override { return "var_schedules"; }
  std::string statement() const override {
    return "the last step reads all bits of all maps before it, in spite of its own n^2 zero tokens: d (n^2 - 1)/3 for "
           "doubling sides, 424 d for VAR-256, 1216 d for VAR-512, 6425 d for Infinity, d for sides 1, n";
  }
  std::string source() const override {
    return "Thm 4.5 of arXiv 2503.14881 with the growth assumption made explicit: N = sum of h_k w_k over k < K, tau "
           "for N - 1 + n^2 competing tokens";
  }
  std::string prediction() const override { return "bits recovered = N d (1 - H2(error)) = N d"; }
  std::string allowance() const override {
    return "2 %: the scaling is certified, so no bit is wrong; 2 % is what H2 leaves open when no error is seen in a "
           "finite number of rows";
  }
  std::string refutation() const override {
    return "a schedule from which less than 98 % of N d bits are read, or more than N d";
  }

  const core::OptionTable& options() const override {
    static const core::OptionTable table = [] {
      auto list = shape_options(16, 64);
      return core::OptionTable{
          list[0], list[1], list[2],
          core::Option::integer(
              "rows", 1024, 1, 1'000'000,
              "rows asked for in a trial, over as many instances as have them; at most n^2 in one step"),
          analysis::sabotage_option({"forgotten_scale", "own_tokens_uncertified"})};
    }();
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    resolve_shape(combination, parameters);
    for (const char* name : {"rows", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = static_cast<double>(schedule_of(parameters).tokens()), d = parameters.at("d");
    return tokens * d * (tokens + 4 * parameters.at("rows").get<double>()) + 1e6;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const auto params = index_params(parameters);
    const Index tokens = params.tokens(), own_tokens = Index{params.schedule.n()} * params.schedule.n();
    const Index per_instance = std::min({tokens, own_tokens, parameters.at("rows").get<Index>()});
    const Index instances = (parameters.at("rows").get<Index>() + per_instance - 1) / per_instance;
    const bool forgotten = parameters.at("sabotage") == "forgotten_scale";
    double row_errors = 0;
    for (Index draw = 0; draw < instances; ++draw) {
      const DrawnInstance drawn(params, parameters.at("seed"),
                                trial * static_cast<std::uint64_t>(instances) + static_cast<std::uint64_t>(draw), 0,
                                own_tokens);
      if (!drawn.tau) return {"uncertified", Json::object()};
      // At 30 % of it Bob's own tokens, all of value zero, outweigh the row that he asks for.
      const double tau = *drawn.tau * (parameters.at("sabotage") == "own_tokens_uncertified" ? 0.3 : 1.0);
      const auto rows = distinct_rows(drawn.instance->coins().bob, tokens, per_instance);
      core::RowMatrixD queries(per_instance, params.d);
      for (Index i = 0; i < per_instance; ++i) queries.row(i) = tau * drawn.keys.row(rows[static_cast<std::size_t>(i)]);

      attention::SoftmaxAttention<double> step(queries, params.d);
      const Index carried = forgotten ? params.schedule.first_token(params.schedule.scales() - 1) : tokens;
      step.absorb(drawn.keys.topRows(carried), drawn.values.topRows(carried));
      const core::RowMatrixD zeros = core::RowMatrixD::Zero(own_tokens, params.d);
      step.absorb(zeros, zeros);
      const core::RowMatrixD answers = step.result();
      for (Index i = 0; i < per_instance; ++i) {
        const auto truth = drawn.values.row(rows[static_cast<std::size_t>(i)]);
        row_errors += static_cast<double>(((answers.row(i).array() > 0.5) != (truth.array() > 0.5)).count()) /
                      static_cast<double>(params.d);
      }
    }
    return {"ok", {{"row_errors", row_errors}, {"queried_rows", instances * per_instance}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid",
             {{{"schedule", "doubling"}, {"n", quick ? Json{8, 16, 32} : Json{4, 8, 16, 32, 64}}},
              {{"schedule", {"var256", "var512", "infinity"}}},
              {{"schedule", "one_step"}, {"n", {8, 16, 32}}}}},
            {"rows", quick ? 1024 : 2048},
            {"stop", {{"min_trials", 4}, {"max_trials", quick ? 12 : 24}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      std::vector<core::TrialErrors> errors;
      core::TrialErrors all;
      const auto wrong = point.values("row_errors"), asked = point.values("queried_rows");
      for (std::size_t i = 0; i < wrong.size(); ++i) {
        errors.push_back({wrong[i], static_cast<std::int64_t>(asked[i])});
        all = {all.row_errors + wrong[i], all.rows + static_cast<std::int64_t>(asked[i])};
      }
      if (errors.empty()) continue;
      const double bits =
          law(point.parameters.at("schedule"), static_cast<std::int64_t>(point.parameter("n"))) * point.parameter("d");
      const double held = static_cast<double>(schedule_of(point.parameters).tokens()) * point.parameter("d");
      const auto recovered = [=](double error) { return theory::binary_capacity(std::min(0.5, error)) * held; };
      Json at = point.at({"schedule", "n", "d"});
      at["quantity"] = "bits read in the last step";
      checks.estimate(at, recovered(all.mean()), bits, analysis::within_relative(bits, 0.02), [=](double level) {
        const auto error = core::error_interval(errors, level);
        return core::Interval{recovered(error.hi), recovered(error.lo)};
      });
    }
    return checks.finish();
  }

 private:
  // Tokens before the last map, from the published side lists and not from Schedule.
  static double law(const std::string& schedule, std::int64_t n) {
    static const std::map<std::string, double> tokens{
        {"var256", 424}, {"var512", 1216}, {"infinity", 6425}, {"one_step", 1}};
    return schedule == "doubling" ? static_cast<double>(theory::doubling_tokens(n)) : tokens.at(schedule);
  }
  // One step asks each row at most once.
  static std::vector<Index> distinct_rows(core::RandomKey bob, Index tokens, Index count) {
    std::vector<Index> list(static_cast<std::size_t>(tokens));
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<Index>(i);
    core::Stream stream(bob, core::Purpose("distinct rows"), 0);
    for (Index i = 0; i < count; ++i)
      std::swap(list[static_cast<std::size_t>(i)],
                list[static_cast<std::size_t>(boost::random::uniform_int_distribution<Index>(i, tokens - 1)(stream))]);
    list.resize(static_cast<std::size_t>(count));
    return list;
  }
};

const core::Registration<sweep::Experiment, VarSchedules> registration;

}  // namespace
}  // namespace kvfrontier::experiments::var_schedules
