// F12. A spatial window saves no carried memory: every query of the last step sees a neighbourhood of its own place in
// each earlier map, but the n^2 queries tile the grid, so the union of what they see is the whole cache.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "analysis/claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"

namespace kvfrontier::experiments::spatial_window {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

// Tokens within `radius` cells of place (row, column) of the last map, in every cached map.
std::vector<Index> support(const geometry::Schedule& schedule, int row, int column, int radius) {
  std::vector<Index> list;
  for (int scale = 0; scale < schedule.scales(); ++scale) {
    const int side = schedule.sides()[static_cast<std::size_t>(scale)], r = row * side / schedule.n(),
              c = column * side / schedule.n();
    for (int y = std::max(0, r - radius); y <= std::min(side - 1, r + radius); ++y) {
      for (int x = std::max(0, c - radius); x <= std::min(side - 1, c + radius); ++x)
        list.push_back(schedule.first_token(scale) + Index{y} * side + x);
    }
  }
  return list;
}

class SpatialWindow : public analysis::Claim {
 public:
  std::string name() const override { return "spatial_window"; }
  std::string statement() const override {
    return "windows around each query's own place, of any radius, leave nothing out: the last step still reads all N d "
           "bits, each from a query that sees the token";
  }
  std::string source() const override {
    return "structured sparsity: the bound is (1 - H2(p)) |U| d, U the union of supports of all n^2 queries of the "
           "step";
  }
  std::string prediction() const override {
    return "|U|/N = 1, and no wrong bit for a row asked through a query that sees it";
  }
  std::string allowance() const override {
    return "none for the union. 0.01 of the bits: rows are sampled, and none may be wrong, since fewer competing "
           "tokens can only lower the leak";
  }
  std::string refutation() const override { return "a token that no query sees, or more than 1 % wrong bits"; }

  const core::OptionTable& options() const override {
    static const core::OptionTable table = [] {
      auto list = shape_options(16, 32);
      return core::OptionTable{list[0],
                               list[1],
                               list[2],
                               core::Option::integer("radius", 1, 0, 100, "cells seen to either side in every map"),
                               core::Option::integer("rows", 64, 1, 1'000'000, "rows asked for in a trial"),
                               analysis::sabotage_option({"half_of_the_queries", "wrong_tau"})};
    }();
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    resolve_shape(combination, parameters);
    for (const char* name : {"radius", "rows", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const auto params = index_params(parameters);
    const auto& schedule = params.schedule;
    const int radius = parameters.at("radius"),
              queries = parameters.at("sabotage") == "half_of_the_queries" ? schedule.n() / 2 : schedule.n();
    // Who sees a token: place of one query, chosen at random among those that do.
    std::vector<std::vector<std::pair<int, int>>> seen_by(static_cast<std::size_t>(params.tokens()));
    for (int row = 0; row < queries; ++row) {
      for (int column = 0; column < schedule.n(); ++column) {
        for (const Index token : support(schedule, row, column, radius))
          seen_by[static_cast<std::size_t>(token)].emplace_back(row, column);
      }
    }
    const auto seen = static_cast<double>(
        std::count_if(seen_by.begin(), seen_by.end(), [](const auto& list) { return !list.empty(); }));

    const DrawnInstance drawn(params, parameters.at("seed"), trial, 0);
    if (!drawn.tau) return {"uncertified", Json::object()};
    const Index rows = parameters.at("rows");
    const auto asked = drawn.instance->queried_rows(rows);
    core::Stream stream(drawn.instance->coins().bob, core::Purpose("spatial window/places"), 0);
    double row_errors = 0;
    for (const Index token : asked) {
      const auto& places = seen_by[static_cast<std::size_t>(token)];
      if (places.empty()) {
        row_errors += 0.5;  // nobody can ask for it
        continue;
      }
      const auto [row, column] =
          places[boost::random::uniform_int_distribution<std::size_t>(0, places.size() - 1)(stream)];
      const auto list = support(schedule, row, column, radius);
      core::RowMatrixD keys(static_cast<Index>(list.size()), params.d),
          values(static_cast<Index>(list.size()), params.d);
      for (std::size_t j = 0; j < list.size(); ++j) {
        keys.row(static_cast<Index>(j)) = drawn.keys.row(list[j]);
        values.row(static_cast<Index>(j)) = drawn.values.row(list[j]);
      }
      // A twentieth of the scaling: with so few competitors less would not show.
      const core::RowMatrixD query =
          *drawn.tau * (parameters.at("sabotage") == "wrong_tau" ? 0.05 : 1.0) * drawn.keys.row(token);
      const core::RowMatrixD answer = attention::softmax_attention_oracle(query, keys, values);
      row_errors += static_cast<double>(((answer.array() > 0.5) != (drawn.values.row(token).array() > 0.5)).count()) /
                    static_cast<double>(params.d);
    }
    return {"ok", {{"seen", seen}, {"row_errors", row_errors}, {"queried_rows", rows}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid{{{"schedule", "doubling"}, {"n", 16}, {"radius", {0, 1, 2}}},
              {{"schedule", "var256"}, {"radius", {0, 1, 2}}}};
    if (!quick) grid.push_back({{"schedule", {"doubling", "var512"}}, {"n", 32}, {"radius", {0, 1, 2}}});
    return {{"grid", grid}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 32 : 64}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto seen = point.values("seen"), wrong = point.values("row_errors"), asked = point.values("queried_rows");
      std::vector<core::TrialErrors> errors;
      for (std::size_t i = 0; i < wrong.size(); ++i) errors.push_back({wrong[i], static_cast<std::int64_t>(asked[i])});
      if (errors.empty()) continue;
      Json at = point.at({"schedule", "n", "radius"});
      at["quantity"] = "|U|/N";
      checks.exact(at, seen.front() / static_cast<double>(schedule_of(point.parameters).tokens()), 1, {1, 1});
      at["quantity"] = "wrong bits";
      checks.error(at, errors, 0, analysis::at_most(0.01));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, SpatialWindow> registration;

}  // namespace
}  // namespace kvfrontier::experiments::spatial_window
