#pragma once
// The sweep that the floor claims judge together: every registered scheme, at several budgets, on INDEX. One set of
// records serves index_floor, mse_floor and eta_implies_decoding.

#include <algorithm>

#include "analysis/game_claim.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::experiments {

inline const std::string keys_option = "keys";

// A scheme's entry in a config. The floor counts values only, so the schemes that can do without sending keys do.
inline core::Json public_entry(const std::string& name) {
  core::Json entry{{"name", name}};
  if (schemes::Schemes::find(name, "scheme").options().find(keys_option) != nullptr)
    entry.emplace(keys_option, core::enum_name(schemes::Keys::open));
  return entry;
}

inline core::Json floor_sweep(analysis::Size size) {
  const bool quick = size == analysis::Size::quick;
  core::Json entries = core::Json::array(), fixed = core::Json::array();
  for (const auto& name : schemes::self_contained_schemes()) {
    const auto& options = schemes::Schemes::find(name, "").options();
    const core::Json entry = public_entry(name);
    (options.has_size() ? entries : fixed).push_back(entry);
  }
  core::Json grid = core::Json::array();
  const auto cell = [&](int n, int d, core::Json rates) {
    grid.push_back({{"n", n}, {"d", d}, {"rate", std::move(rates)}, {"scheme", entries}});
    if (!fixed.empty()) grid.push_back({{"n", n}, {"d", d}, {"scheme", fixed}});
  };
  cell(8, 64, {0.5, 1});
  cell(16, 32, quick ? core::Json{0.25, 0.5, 1, 4} : core::Json{0.125, 0.25, 0.5, 0.75, 1, 2, 4, 8});
  if (!quick) cell(32, 64, {0.25, 0.5, 1, 4});
  return {{"experiment", "index_frontier"}, {"grid", grid},        {"queries", 512},
          {"mixture_queries", 0},           {"random_queries", 0}, {"stop", analysis::trials(quick ? 40 : 96)}};
}

// Message bits an entry of one point's trials, their mean.
inline double mean_rate(const analysis::Games& games) {
  return core::mean_of(games.values(&simulator::GameRecord::message_bits)) / games.parameters.entries();
}

// The mean error of trials. Where every trial errs, Student t alone: the row bound of core::error_interval takes parts
// of rows for whole ones and is several times too wide to tell a code near the floor from one below it.
inline core::Interval mean_error_interval(const std::vector<core::TrialErrors>& trials, double level) {
  std::vector<double> means;
  for (const auto& trial : trials) means.push_back(trial.mean());
  const bool all_err = std::all_of(means.begin(), means.end(), [](double mean) { return mean > 0; });
  if (!all_err || means.size() < 2) return core::error_interval(trials, level);
  const auto interval = core::student_interval(means, level);
  return {std::max(0.0, interval.lo), std::min(1.0, interval.hi)};
}

// The place of a floor check: scheme, sizes, rate and number of entries.
inline core::Json floor_place(const analysis::Games& games, const char* quantity) {
  using simulator::GamePoint;
  core::Json at = games.at(&GamePoint::n, &GamePoint::d);
  at.update({{"quantity", quantity},
             {"scheme", games.parameters.scheme.name},
             {"rate", mean_rate(games)},
             {"entries", games.parameters.entries()}});
  return at;
}

inline bool has_fixed_length(const analysis::Games& games) {
  return games.trials.front().floor_kind == simulator::FloorKind::finite;
}

// Message bits: one number for a fixed length, Student t of the mean otherwise.
inline core::Interval length_interval(const analysis::Games& games, double level) {
  const auto lengths = games.values(&simulator::GameRecord::message_bits);
  if (has_fixed_length(games)) return {lengths.front(), lengths.front()};
  const auto interval = core::student_interval(lengths, level);
  return {std::max(interval.lo, 1.0), std::max(interval.hi, 1.0)};
}

}  // namespace kvfrontier::experiments
