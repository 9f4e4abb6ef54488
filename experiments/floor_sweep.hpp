#pragma once
// The sweep that the floor claims judge together: every registered scheme, at several budgets, on INDEX. One set of
// rows serves index_floor, mse_floor and eta_implies_decoding.

#include "analysis/claim.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::experiments {

inline core::Json floor_sweep(analysis::Size size) {
  const bool quick = size == analysis::Size::quick;
  core::Json entries = core::Json::array(), fixed = core::Json::array();
  for (const auto& name : schemes::Schemes::names()) {
    const auto& options = schemes::Schemes::find(name, "").options();
    core::Json entry{{"name", name}};
    // The floor counts values only, so the schemes that can do without sending keys do.
    if (options.find("keys") != nullptr) entry["keys"] = "public";
    (options.has_size() ? entries : fixed).push_back(entry);
  }
  core::Json grid = core::Json::array();
  const auto cell = [&](int n, int d, core::Json rates) {
    grid.push_back({{"n", n}, {"d", d}, {"rate", std::move(rates)}, {"scheme", entries}});
    if (!fixed.empty()) grid.push_back({{"n", n}, {"d", d}, {"scheme", fixed}});
  };
  cell(8, 16, {0.5, 1});
  cell(16, 32, quick ? core::Json{0.25, 0.5, 1, 4} : core::Json{0.125, 0.25, 0.5, 0.75, 1, 2, 4, 8});
  if (!quick) cell(32, 64, {0.25, 0.5, 1, 4});
  return {{"experiment", "index_frontier"},
          {"grid", grid},
          {"queries", 2048},
          {"mixture_queries", 0},
          {"random_queries", 0},
          {"stop", {{"min_trials", quick ? 16 : 48}, {"max_trials", quick ? 16 : 48}}}};
}

// Message bits an entry of one point's trials, their mean.
inline double mean_rate(const analysis::PointRows& point) {
  return core::mean_of(point.values("message_bits")) / (point.parameter("tokens") * point.parameter("d"));
}

// Where a floor check stands: scheme, sizes, rate and the measured error.
inline core::Json floor_place(const analysis::PointRows& point, const char* quantity) {
  core::Json at = point.at({"n", "d"});
  at["quantity"] = quantity;
  at["scheme"] = point.parameters.at("scheme").at("name");
  at["rate"] = mean_rate(point);
  at["entries"] = point.parameter("tokens") * point.parameter("d");
  return at;
}

inline bool has_fixed_length(const analysis::PointRows& point) {
  return schemes::Schemes::find(point.parameters.at("scheme").at("name"), "").fixed_length();
}

// Message bits: one number for a fixed length, Student t of the mean otherwise.
inline core::Interval length_interval(const analysis::PointRows& point, double level) {
  const auto lengths = point.values("message_bits");
  if (has_fixed_length(point)) return {lengths.front(), lengths.front()};
  const auto interval = core::student_interval(lengths, level);
  return {std::max(interval.lo, 1.0), std::max(interval.hi, 1.0)};
}

}  // namespace kvfrontier::experiments
