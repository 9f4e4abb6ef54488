// A config file: the strict JSON reader, then the plan. Bad ones are refused with a UserError or a ConfigError. Passed over
// are large grids, whose points would only take time, and configs that name the scheme `process`, which starts programs.

#include <algorithm>
#include <cmath>

#include "../input.hpp"
#include "core/errors.hpp"
#include "core/json.hpp"
#include "sweep/config.hpp"

using namespace kvfrontier;
using core::Json;

namespace {

// Whether any string in it, keys included, is the name of the scheme that starts programs.
bool names_programs(const Json& json) {
  if (json.is_string()) return json == "process";
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key == "process" || names_programs(value)) return true;
    }
  } else if (json.is_array()) {
    for (const Json& value : json) {
      if (names_programs(value)) return true;
    }
  }
  return false;
}

// No fewer than the values of an axis. Ranges are [first, last, step] or [first, last, ratio].
double values(const Json& axis) {
  if (axis.is_array()) return static_cast<double>(axis.size());
  if (!axis.is_object()) return 1;
  double most = 1;
  for (const auto& [kind, range] : axis.items()) {
    if ((kind != "linear" && kind != "geometric") || !range.is_array() || range.size() != 3) continue;
    bool numbers = true;
    for (const Json& number : range) numbers = numbers && number.is_number();
    if (!numbers) continue;
    const double first = range[0], last = range[1], step = range[2];
    const double count = kind == "linear" ? (last - first) / step : std::log(last / first) / std::log(step);
    if (count > 0) most = std::max(most, count + 1);
  }
  return most;
}

double combinations(const Json& axes) {
  double product = 1;
  if (axes.is_object()) {
    for (const auto& [name, axis] : axes.items()) product *= name == "grid" ? 1 : std::max(1.0, values(axis));
  }
  return product;
}

// No fewer than the points of a config, a planner's own values of an axis aside.
double points(const Json& config) {
  if (!config.is_object()) return 0;
  const auto grid = config.find("grid");
  double inside = 1;
  if (grid != config.end() && grid->is_array()) {
    inside = 0;
    for (const Json& one : *grid) inside += combinations(one);
  } else if (grid != config.end()) {
    inside = combinations(*grid);
  }
  return inside * combinations(config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr double most_points = 64;
  try {
    const Json config = core::parse_json({reinterpret_cast<const char*>(data), size}, "config");
    if (names_programs(config) || points(config) > most_points) return 0;
    sweep::make_plan(config);
  } catch (const core::UserError&) {  // a ConfigError is one
  }
  return 0;
}
