#include "sweep/config.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "core/errors.hpp"
#include "core/rng.hpp"
#include "sweep/planner.hpp"

namespace kvfrontier::sweep {
namespace {

using core::ConfigError;
using core::join_path;
using core::Json;

// What the engine itself reads of a config; the experiment's options may appear beside it.
struct Head {
  std::string experiment;
  std::uint64_t seed = 1;
  core::JsonText grid{Json::object()}, stop{Json::object()};
  core::JsonText schema;  // for editors

  static core::MemberList<Head> members() {
    return {core::member("experiment", &Head::experiment, "name of the experiment"),
            core::member("seed", &Head::seed, "config seed"),
            core::member("grid", &Head::grid, "axes, or a list of grids"),
            core::member("stop", &Head::stop, "when a point has enough trials"),
            core::member("$schema", &Head::schema, "for editors")};
  }
};

// More than anybody measures, and more than fits into memory beside their parameters.
constexpr double most_points = 1e6;

// One axis: its values and where each was written.
struct Axis {
  std::string name, path;
  bool given = true;  // in the config; otherwise the planner's values
  std::vector<std::pair<Json, std::string>> values;
};

// The shortest number within 12 digits, so that a third step of 0.1 is 0.3 and the same point as a written 0.3.
double tidy(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.12g", value);
  return std::strtod(text, nullptr);
}

std::vector<double> range_numbers(const core::Option& option, const Json& range, const std::string& path,
                                  const std::string& kind) {
  const bool whole = option.type == core::Option::Type::integer && kind == "linear";
  std::string allowed = kind == "geometric" ? "[first, last, ratio] with 0 < first <= last and ratio > 1"
                                            : "[first, last, step] with first <= last and step > 0";
  if (whole) allowed += ", first and step integers as " + option.name + " is";
  const bool numbers = range.is_array() && range.size() == 3 &&
                       std::all_of(range.begin(), range.end(), [](const Json& x) { return x.is_number(); });
  if (!numbers) throw ConfigError(path, core::describe(range), allowed);
  const double first = range[0], last = range[1], step = range[2];
  const bool geometric = kind == "geometric";
  const bool fractional = whole && (first != std::floor(first) || step != std::floor(step));
  if (fractional || !(first <= last) || (geometric ? !(first > 0 && step > 1) : !(step > 0))) {
    throw ConfigError(path, core::describe(range), allowed);
  }
  std::vector<double> values;
  for (int i = 0;; ++i) {
    const double value = tidy(geometric ? first * std::pow(step, i) : first + step * i);
    if (value > tidy(last)) return values;
    if (values.size() >= 10'000) throw ConfigError(path, core::describe(range), "a range of at most 10000 values");
    values.push_back(value);
  }
}

Axis parse_axis(const core::Option& option, const Json& given, const std::string& path) {
  Axis axis{option.name, path, true, {}};
  const auto add = [&](const Json& value, const std::string& value_path) {
    axis.values.emplace_back(core::OptionTable::check(option, value, value_path), value_path);
  };
  if (given.is_array()) {
    if (given.empty()) throw ConfigError(path, "an empty list", "at least one value (" + option.allowed_text() + ")");
    for (std::size_t i = 0; i < given.size(); ++i) add(given[i], path + "[" + std::to_string(i) + "]");
    return axis;
  }
  const bool numeric = option.type == core::Option::Type::integer || option.type == core::Option::Type::real;
  if (numeric && given.is_object()) {
    core::require_known_keys(given, path, {"geometric", "linear"});
    if (given.size() != 1) throw ConfigError(path, core::describe(given), "one of geometric and linear");
    const std::string kind = given.begin().key();
    for (double value : range_numbers(option, *given.begin(), join_path(path, kind), kind)) {
      if (option.type == core::Option::Type::integer) value = std::round(value);
      add(value, path);
    }
    return axis;
  }
  add(given, path);
  return axis;
}

// Calls visit(combination) for every element of the product.
template <class Visit>
void product(const std::vector<Axis>& axes, std::size_t next, Combination& combination, const Visit& visit) {
  if (next == axes.size()) {
    visit(combination);
    return;
  }
  for (const auto& [value, path] : axes[next].values) {
    combination.set(axes[next].name, value, path);
    if (axes[next].given) combination.mark_given(axes[next].name);
    product(axes, next + 1, combination, visit);
  }
}

[[noreturn]] void refuse_dead_axis(const core::OptionTable& options, const std::string& name, const std::string& path) {
  throw ConfigError(
      path, "an axis that no selected entry reads",
      "axes that a selected entry reads (this one is for: " + options.find(name)->meaning + "); remove it");
}

// The axes of one grid.
struct Grid {
  std::string path;
  const Json* given = nullptr;
  std::vector<Axis> axes;
  Combination base;

  double size() const {
    double size = 1;
    for (const Axis& axis : axes) size *= static_cast<double>(axis.values.size());
    return size;
  }
};

Grid read_grid(const Json& config, const Json& given, const std::string& path, const Experiment& experiment) {
  const core::OptionTable& options = experiment.options();
  core::require_known_keys(given, path, options.names());
  Grid grid{path, &given, {}, {}};
  for (const core::Option& option : options.options()) {
    const auto top = config.find(option.name), inside = given.find(option.name);
    if (top != config.end() && inside != given.end()) {
      throw ConfigError(join_path(path, option.name), "a second value", "one place: either in the grid or at the top");
    }
    grid.base.set(option.name, option.default_value, join_path(path, option.name));
    if (top == config.end() && inside == given.end()) {
      Axis axis{option.name, option.name, false, {}};
      for (const Json& value : experiment.planner().values_of(option.name))
        axis.values.emplace_back(value, option.name);
      if (!axis.values.empty()) grid.axes.push_back(std::move(axis));
    }
    if (inside != given.end()) grid.axes.push_back(parse_axis(option, *inside, join_path(path, option.name)));
    if (top != config.end()) grid.axes.push_back(parse_axis(option, *top, option.name));
  }
  return grid;
}

// Before any point is made: a product of a few ranges can be larger than every memory.
void require_few_points(const std::vector<Grid>& grids) {
  double points = 0;
  for (const Grid& grid : grids) points += grid.size();
  if (points <= most_points) return;
  const auto& largest =
      *std::max_element(grids.begin(), grids.end(), [](const Grid& a, const Grid& b) { return a.size() < b.size(); });
  std::string lengths;
  for (const Axis& axis : largest.axes) {
    if (axis.values.size() > 1)
      lengths += (lengths.empty() ? "" : ", ") + axis.name + " has " + std::to_string(axis.values.size()) + " values";
  }
  char found[64];
  std::snprintf(found, sizeof(found), points < 1e15 ? "%.0f points" : "%.3g points", points);
  throw ConfigError(largest.path, found + (" (" + lengths + ")"), "at most 1000000 points");
}

// Numbers as they are to twelve digits: two points that agree in all of them are one by intention.
Json tidied(const Json& value) {
  if (value.is_number_float()) return tidy(value.get<double>());
  if (!value.is_structured()) return value;
  Json copy = value;
  for (Json& part : copy) part = tidied(part);
  return copy;
}

// The first member in which two JSON values of one shape differ, and its two values.
std::string first_difference(const Json& a, const Json& b, const std::string& path = "") {
  if (a.is_structured() && b.is_structured()) {
    for (const auto& [key, value] : a.items()) {
      const std::string place = a.is_array() ? path + "[" + key + "]" : join_path(path, key);
      const Json other = a.is_array() ? b.at(std::stoul(key)) : b.at(key);
      if (value != other) return first_difference(value, other, place);
    }
  }
  return path + " of " + a.dump() + " and of " + b.dump();
}

// What the grids of a config share while they are expanded.
struct Expansion {
  std::set<std::string> seen;                      // point ids
  std::map<std::string, std::size_t> seen_tidied;  // ids of the points with tidied numbers, and which point
  std::set<std::string> top_read;                  // options at the top of the config that some grid reads
};

void expand(const Grid& grid, Plan& plan, Expansion& expansion) {
  std::set<std::string> read;
  Combination combination = grid.base;
  product(grid.axes, 0, combination, [&](const Combination& now) {
    Json parameters = plan.experiment->resolve(now);
    read.insert(now.reads().begin(), now.reads().end());
    Point point = make_point(*plan.experiment, parameters, plan.seed);
    // A scheme of fixed size meets every rate as one and the same point.
    if (!expansion.seen.insert(point.id).second) return;
    const auto [same, fresh] =
        expansion.seen_tidied.try_emplace(point_id(tidied(point.parameters)), plan.points.size());
    if (!fresh) {
      throw ConfigError(grid.path,
                        "two points that differ only beyond the twelfth digit, " +
                            first_difference(plan.points[same->second].parameters, point.parameters),
                        "one of them");
    }
    plan.points.push_back(std::move(point));
  });
  for (const Axis& axis : grid.axes) {
    if (!axis.given) continue;
    const bool at_top = !grid.given->contains(axis.name);
    if (read.contains(axis.name)) {
      if (at_top) expansion.top_read.insert(axis.name);
    } else if (!at_top) {
      refuse_dead_axis(plan.experiment->options(), axis.name, axis.path);
    }
  }
}

// A dotted path with indices as names: grid.0.n for grid[0].n.
std::string with_plain_indices(std::string path) {
  std::replace(path.begin(), path.end(), '[', '.');
  path.erase(std::remove(path.begin(), path.end(), ']'), path.end());
  return path;
}

// Whether one of two such paths is the other or leads to it.
bool meet(const std::string& a, const std::string& b) {
  const std::size_t shared = std::min(a.size(), b.size());
  const std::string& longer = a.size() > b.size() ? a : b;
  return a.compare(0, shared, b, 0, shared) == 0 && (longer.size() == shared || longer[shared] == '.');
}

// Replaces or adds the value at a dotted path and returns the path.
std::string apply_set(Json& config, const std::string& set) {
  const auto equals = set.find('=');
  if (equals == std::string::npos || equals == 0) throw core::UserError("--set " + set + ": write it as path=value");
  const std::string path = with_plain_indices(set.substr(0, equals));
  const std::string text = set.substr(equals + 1);
  const bool is_json = Json::accept(text, true);
  Json value = is_json ? core::parse_json(text, "--set " + path) : Json(text);
  const auto place_name = [&](std::size_t end) {
    return end == 0 ? std::string("the config") : path.substr(0, end - 1);
  };
  Json* place = &config;
  std::size_t start = 0;
  while (start <= path.size()) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const std::string name = path.substr(start, dot - start);
    if (place->is_array()) {
      const bool number = !name.empty() && name.size() < 10 &&
                          std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); });
      if (!number || std::stoul(name) >= place->size()) {
        throw core::UserError("--set " + set + ": " + place_name(start) + " is a list of " +
                              std::to_string(place->size()) + " entries, counted from 0; \"" + name +
                              "\" is no index in it");
      }
      place = &(*place)[std::stoul(name)];
    } else if (place->is_object() || place->is_null()) {
      place = &(*place)[name];
    } else {
      throw core::UserError("--set " + set + ": " + place_name(start) + " holds " + core::describe(*place) +
                            ", which has no parts");
    }
    start = dot + 1;
  }
  *place = std::move(value);
  return path;
}

}  // namespace

const Json& Combination::value(const std::string& name) const {
  reads_.insert(name);
  return values_.at(name).first;
}

Json identified(const Experiment& experiment, Json parameters, std::uint64_t seed) {
  parameters.update(core::to_json(Identity{experiment.name(), experiment.version(), core::rng_version, seed}));
  return parameters;
}

Point make_point(const Experiment& experiment, const Json& parameters, std::uint64_t seed) {
  Json whole = identified(experiment, parameters, seed);
  const double operations = experiment.operations(whole);
  std::string id = point_id(whole);
  return {std::move(id), std::move(whole), operations};
}

Plan make_plan(const Json& config) {
  if (!config.is_object()) throw ConfigError("", core::describe(config), "an object with keys experiment, grid, ...");
  const std::string name_path = core::member_name(&Head::experiment);
  const auto name = config.find(name_path);
  if (name == config.end() || !name->is_string()) {
    throw ConfigError(name_path, name == config.end() ? "nothing" : core::describe(*name), "the name of an experiment");
  }
  Plan plan;
  plan.config = config;
  plan.experiment = &Experiments::find(name->get<std::string>(), name_path);
  std::vector<std::string> known = core::table_of<Head>().names();
  for (const auto& option : plan.experiment->options().names()) known.push_back(option);
  core::require_known_keys(config, "", known);

  const auto head = core::from_json<Head>(config, "");
  plan.seed = head.seed;
  plan.stop = StopRule::parse(head.stop.parsed(), core::member_name(&Head::stop));

  const Json given = head.grid.parsed();
  if (given.is_array() && given.empty()) throw ConfigError("grid", "an empty list", "at least one grid");
  std::vector<Grid> grids;
  if (given.is_array()) {
    for (std::size_t i = 0; i < given.size(); ++i)
      grids.push_back(read_grid(config, given[i], "grid[" + std::to_string(i) + "]", *plan.experiment));
  } else {
    grids.push_back(read_grid(config, given, "grid", *plan.experiment));
  }
  require_few_points(grids);
  Expansion expansion;
  for (const Grid& grid : grids) expand(grid, plan, expansion);
  std::set<double> targets;
  for (const Point& goal : plan.points) {
    if (const auto target = plan.experiment->planner().target(goal.parameters)) targets.insert(*target);
  }
  plan.stop.targets.assign(targets.begin(), targets.end());
  for (const auto& option : plan.experiment->options().names()) {
    if (config.contains(option) && !expansion.top_read.contains(option))
      refuse_dead_axis(plan.experiment->options(), option, option);
  }
  return plan;
}

Plan load_plan(const std::filesystem::path& file, const std::vector<std::string>& sets) {
  const std::string text = core::read_json_text(file), name = core::json_file_name(file);
  Json config = core::parse_json(text, name);
  std::vector<std::string> replaced;
  for (const std::string& set : sets) replaced.push_back(apply_set(config, set));
  try {
    return make_plan(config);
  } catch (const ConfigError& error) {
    std::string place = name;
    const bool in_file = std::none_of(replaced.begin(), replaced.end(), [&](const std::string& path) {
      return meet(path, with_plain_indices(error.path));
    });
    if (const auto line = core::line_of(text, error.path); line && in_file) place += ", line " + std::to_string(*line);
    throw ConfigError(place + ": " + (error.path.empty() ? "config" : error.path), error.found, error.allowed,
                      error.nearest);
  } catch (const Json::exception& error) {
    throw core::UserError(name + ": " + core::json_complaint(error));
  }
}

std::vector<Point> shard(const Plan& plan, int index, int count) {
  std::vector<const Point*> order;
  for (const Point& point : plan.points) order.push_back(&point);
  std::sort(order.begin(), order.end(), [](const Point* a, const Point* b) {
    return a->operations != b->operations ? a->operations > b->operations : a->id < b->id;
  });
  std::vector<double> load(static_cast<std::size_t>(count), 0);
  std::set<std::string> mine;
  for (const Point* point : order) {
    const auto lightest = std::min_element(load.begin(), load.end());
    *lightest += point->operations;
    if (lightest - load.begin() == index - 1) mine.insert(point->id);
  }
  std::vector<Point> points;
  std::copy_if(plan.points.begin(), plan.points.end(), std::back_inserter(points),
               [&](const Point& point) { return mine.contains(point.id); });
  return points;
}

}  // namespace kvfrontier::sweep
