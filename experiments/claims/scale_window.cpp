// F12. A window of W scales still forces most of the cache: with doubling sides its share of the tokens is
// (1 - 4^-W)/(1 - 4^-(K-1)), three quarters for W = 1.

#include "analysis/claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"
#include "theory/pyramid.hpp"

namespace kvfrontier::experiments::scale_window {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class ScaleWindow : public analysis::Claim {
 public:
  std::string name() const override { return "scale_window"; }
  std::string statement() const override {
    return "attention over the last W cached scales reads |U| d bits and nothing of the others: |U|/N = (1 - 4^-W)/(1 "
           "- 4^-(K-1)) for doubling sides, .399, .634, .785 for VAR-256 at W = 1, 2, 3";
  }
  std::string source() const override {
    return "structured sparsity: INDEX on the union of supports; replaces 1 - 4^-W, its limit for many scales";
  }
  std::string prediction() const override { return "1 - 2 error over all rows = |U|/N"; }
  std::string allowance() const override {
    return "0.01: exact up to sampling, since certified rows in the window have no error and rows outside it are "
           "independent of the answers. The width is a tenth of the smallest step between neighbouring windows judged";
  }
  std::string refutation() const override {
    return "a recovered share more than 0.01 from the window's share of the tokens";
  }

  const core::OptionTable& options() const override {
    static const core::OptionTable table = [] {
      auto list = shape_options(16, 64);
      return core::OptionTable{list[0], list[1], list[2],
                               core::Option::integer("window", 1, 1, 100, "W, last cached scales that are attended to"),
                               analysis::sabotage_option({"one_scale_more", "values_of_other_scales_leak"})};
    }();
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    resolve_shape(combination, parameters);
    for (const char* name : {"window", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const auto params = index_params(parameters);
    const int window = parameters.at("window").get<int>() + (parameters.at("sabotage") == "one_scale_more" ? 1 : 0);
    const DrawnInstance drawn(params, parameters.at("seed"), trial, 0);
    if (!drawn.tau) return {"uncertified", Json::object()};
    const Index start = params.schedule.first_token(std::max(0, params.schedule.scales() - window)),
                held = params.tokens() - start;
    const core::RowMatrixD queries = *drawn.tau * drawn.keys;
    attention::SoftmaxAttention<double> attention(queries, params.d);
    attention.absorb(drawn.keys.bottomRows(held), drawn.values.bottomRows(held));
    core::RowMatrixD answers = attention.result();
    // A decoder that knows a little of what it should not: every tenth entry outside the window.
    if (parameters.at("sabotage") == "values_of_other_scales_leak") {
      for (Index i = 0; i < start; ++i) {
        for (Index c = 0; c < params.d; c += 10) answers(i, c) = drawn.values(i, c);
      }
    }
    const double wrong = static_cast<double>(((answers.array() > 0.5) != (drawn.values.array() > 0.5)).count());
    return {"ok", {{"share", 1 - 2 * wrong / static_cast<double>(answers.size())}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid{{{"schedule", "doubling"}, {"n", 16}, {"window", {1, 2, 3}}},
              {{"schedule", "var256"}, {"window", {1, 2, 3}}}};
    if (!quick) {
      grid.push_back({{"schedule", "doubling"}, {"n", {8, 32}}, {"window", {1, 2, 3}}});
      grid.push_back({{"schedule", "var512"}, {"window", {1, 2, 3}}});
    }
    return {{"grid", grid}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 96 : 300}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const int window = point.parameters.at("window");
      const auto schedule = schedule_of(point.parameters);
      double share;
      if (schedule.name() == "doubling") {
        share = theory::doubling_window_share(schedule.n(), window);
      } else {
        share = 0;
        for (int scale = schedule.scales() - window; scale < schedule.scales(); ++scale) {
          const double side = schedule.sides()[static_cast<std::size_t>(scale)];
          share += side * side / static_cast<double>(schedule.tokens());
        }
      }
      Json at = point.at({"schedule", "n", "window"});
      at["quantity"] = "recovered share of N d bits";
      checks.mean(at, point.values("share"), share, analysis::within_absolute(share, 0.01));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, ScaleWindow> registration;

}  // namespace
}  // namespace kvfrontier::experiments::scale_window
