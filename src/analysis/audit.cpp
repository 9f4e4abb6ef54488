#include "analysis/audit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "analysis/summary.hpp"
#include "core/errors.hpp"
#include "core/statistics.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::analysis {
namespace {

using simulator::GamePoint;

std::string text(double value, const char* format = "%.6g") {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

// The maps of a point. N and n follow from the sides; a record may not claim fewer tokens than it cached.
geometry::Schedule maps_of(const GamePoint& point) {
  geometry::Schedule schedule = point.maps();
  if (point.tokens != schedule.tokens() || point.n != schedule.n()) {
    throw core::ConfigError(
        core::member_name(&GamePoint::tokens), std::to_string(point.tokens) + " at n = " + std::to_string(point.n),
        std::to_string(schedule.tokens()) + " at n = " + std::to_string(schedule.n()) + " for these sides");
  }
  return schedule;
}

// Trials of one point whose messages have one length.
struct Group {
  std::map<std::string, std::vector<simulator::MetricValue>> metrics;
  std::vector<double> lengths;
  simulator::FloorInput floors;
};

// What Alice holds in an instance of these parameters: the family says, not the record. nullopt for an unknown family.
struct Holding {
  core::Bits information_bits = 0;
  int value_bits = 0;
  reduction::DistortionFloor distortion_floor = reduction::DistortionFloor::none;
};
std::optional<Holding> holding_of(const GamePoint& point) {
  const reduction::InstanceParams params = point.instance_params();
  const auto* family = reduction::InstanceFamilies::find_or_null(params.family);
  if (family == nullptr) return std::nullopt;
  family->check(params, "instance");
  const auto instance = family->make(params, {});
  return Holding{instance->information_bits(), instance->value_bits(), family->distortion_floor()};
}

// What is wrong with the wrong bits of each map: they are the error, split.
std::vector<std::string> map_faults(const GameRecord& game, const geometry::Schedule& maps,
                                    const simulator::MetricValue& error) {
  const auto n = [](std::int64_t number) { return std::to_string(number); };
  const std::size_t count = game.map_rows.size();
  if (std::ssize(game.map_rows) != maps.map_count() || game.map_errors.size() != count)
    return {"the record has errors of " + n(std::ssize(game.map_errors)) + " maps and rows of " + n(count) +
            ", its sides are " + n(maps.map_count()) + " maps"};
  std::vector<std::string> faults;
  std::int64_t rows = 0;
  double errors = 0;
  for (std::size_t map = 0; map < count; ++map) {
    rows += game.map_rows[map];
    errors += game.map_errors[map];
    if (!(game.map_errors[map] >= 0 && game.map_errors[map] <= game.map_rows[map] + 1e-6))
      faults.push_back("map " + n(map) + " has " + text(game.map_errors[map]) + " wrong rows of " +
                       n(game.map_rows[map]));
  }
  if (rows != game.queried_rows)
    faults.push_back("the maps have " + n(rows) + " queried rows, the record counts " + n(game.queried_rows));
  if (!(std::abs(errors - error.mean * error.count) <= 1e-6 * (1 + error.count)))
    faults.push_back("error " + text(error.mean) + " does not follow from " + text(errors) + " wrong rows of " +
                     n(error.count));
  return faults;
}

// What is wrong with one measured game.
std::vector<std::string> faults_of(const GameRecord& game, const GamePoint& point,
                                   const std::optional<geometry::Schedule>& maps,
                                   const std::optional<Holding>& holding) {
  std::vector<std::string> faults;
  const auto n = [](std::int64_t number) { return std::to_string(number); };
  core::Bits booked = 0;
  for (const auto& [section, bits] : game.ledger) booked += bits;
  if (booked != game.message_bits)
    faults.push_back("the ledger books " + n(booked) + " bits, the message has " + n(game.message_bits));
  const bool fixed_length = game.floor_kind == simulator::FloorKind::finite;
  if (fixed_length != game.formula_bits.has_value())
    faults.push_back(fixed_length ? "the floor is that of fixed lengths, but there is no size formula"
                                  : "there is a size formula, but the floor is not that of fixed lengths");
  if (game.formula_bits && *game.formula_bits != game.message_bits)
    faults.push_back("the message has " + n(game.message_bits) + " bits, the size formula gives " +
                     n(*game.formula_bits));
  if (holding && game.information_bits != holding->information_bits)
    faults.push_back("an instance of these parameters holds " + n(holding->information_bits) +
                     " bits, the record says " + n(game.information_bits));
  const auto* error = game.metric(simulator::metric_names::error);
  if ((error == nullptr) == game.has_bits())
    faults.push_back(std::string(error == nullptr ? "there is no error" : "there is an error") +
                     ", but the record says that values have " + n(game.value_bits) + " bits");
  if (holding && game.value_bits != holding->value_bits)
    faults.push_back("values of this family have " + n(holding->value_bits) + " bits, the record says " +
                     n(game.value_bits));
  if (holding && game.distortion_floor != holding->distortion_floor)
    faults.push_back("the distortion floor of this family is " + core::enum_name(holding->distortion_floor) +
                     ", the record says " + core::enum_name(game.distortion_floor));
  if (game.peak_state_bits < game.message_bits)
    faults.push_back("the message has " + n(game.message_bits) + " bits, the largest state only " +
                     n(game.peak_state_bits));
  if (game.queried_rows != point.queries)
    faults.push_back("the record counts " + n(game.queried_rows) + " queried rows, its parameters ask for " +
                     n(point.queries));
  if (error == nullptr) return faults;
  if (!(error->mean >= 0 && error->mean <= 1)) faults.push_back("error " + text(error->mean) + " is no share of bits");
  if (error->count != game.queried_rows)
    faults.push_back("error is a mean over " + n(error->count) + " rows where " + n(game.queried_rows) +
                     " were asked for");
  if (!maps) return faults;
  for (std::string& fault : map_faults(game, *maps, *error)) faults.push_back(std::move(fault));
  return faults;
}

// What the records of a point say about the point; they all say the same.
core::Json of_the_point(const GameRecord& game) {
  return core::pick(game, &GameRecord::label, &GameRecord::surrogates, &GameRecord::stored_keys,
                    &GameRecord::floor_kind, &GameRecord::distortion_floor, &GameRecord::value_bits,
                    &GameRecord::formula_bits, &GameRecord::fixed_bits, &GameRecord::smaller_bits);
}

// What lies below a floor: the metrics' ends that are worse at `level` are taken, and the longest message.
std::vector<std::string> below_floors(const Group& group, bool fixed_length, double level) {
  std::vector<std::string> findings;
  const double mean_bits = core::mean_of(group.lengths);
  const double bits =
      fixed_length ? group.lengths.front() : std::min(1e300, core::student_interval(group.lengths, level).hi);
  for (const auto& [name, values] : group.metrics) {
    const auto* metric = simulator::Metrics::find_or_null(name);
    if (metric == nullptr) continue;
    const core::Interval interval = metric->interval(values, level);
    const bool lower = metric->better() == simulator::Direction::lower;
    const double worse = lower ? interval.hi : interval.lo;
    const std::string at = name + (lower ? " at most " : " at least ") + text(worse);
    if (const auto best = metric->floor(group.floors, mean_bits); best && (lower ? worse < *best : worse > *best))
      findings.push_back(text(mean_bits, "%.0f") + " bits at " + at + " lie below its floor of " + text(*best));
    if (const auto floor = metric->floor_bits(group.floors, worse); floor && bits < *floor)
      findings.push_back(text(bits, "%.0f") + " bits at " + at + " lie below the floor of " + text(*floor, "%.0f") +
                         " bits for m = " + std::to_string(group.floors.information_bits));
  }
  return findings;
}

}  // namespace

AuditReport audit(const sweep::Store& store) {
  AuditReport report;
  const std::vector<PointSummary> points = summarise(store);
  report.points = std::ssize(points);
  const double level = 1 - 2 * conviction_level / std::max<std::int64_t>(1, report.points);
  for (const PointSummary& point : points) {
    const auto complain = [&](std::int64_t trial, std::string what) {
      report.findings.push_back({point.point, trial, std::move(what)});
    };
    std::optional<geometry::Schedule> maps;
    std::optional<Holding> holding;
    try {
      maps = maps_of(point.parameters);
      holding = holding_of(point.parameters);
    } catch (const core::UserError& error) {
      complain(-1, std::string("its parameters are impossible: ") + error.what());
    }
    // A fixed length is one length; should a store hold several, each answers for itself. All records count, not only
    // those before the stop: more of them only make the interval tighter.
    const bool fixed_length = point.record.floor_kind == simulator::FloorKind::finite;
    std::map<core::Bits, Group> groups;
    core::Json said;
    std::int64_t said_by = 0;
    for (const sweep::Record& record : store.points.at(point.point).all()) {
      if (record.result.status != simulator::Status::ok) continue;
      ++report.records;
      const GameRecord game = sweep::game_of(record);
      for (std::string& fault : faults_of(game, point.parameters, maps, holding))
        complain(record.trial, std::move(fault));
      const core::Json says = of_the_point(game);
      if (said.is_null()) {
        said = says;
        said_by = record.trial;
      }
      for (const auto& [member, value] : says.items()) {
        if (value != said[member])
          complain(said_by, member + " is " + said[member].dump() + ", " + value.dump() + " in trial " +
                                std::to_string(record.trial));
      }
      Group& group = groups[fixed_length ? game.message_bits : 0];
      group.lengths.push_back(game.message_bits);
      group.floors = simulator::floor_input(game, point.parameters.tokens, point.parameters.d);
      for (const auto& [name, value] : game.metrics) group.metrics[name].push_back(value);
    }
    for (const auto& [length, group] : groups) {
      for (std::string& finding : below_floors(group, fixed_length, level)) complain(-1, std::move(finding));
    }
    const std::optional<double> gap = point.has_error() ? point.error().gap : std::nullopt;
    if (gap && !point.record.stored_keys && (report.nearest_point.empty() || *gap < report.nearest_gap)) {
      report.nearest_gap = *gap;
      report.nearest_point = point.point;
    }
  }
  return report;
}

}  // namespace kvfrontier::analysis
