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

// N and n follow from the sides; a record may not claim fewer tokens than it cached.
void require_shape(const GamePoint& point) {
  const geometry::Schedule schedule = point.maps();
  if (point.tokens != schedule.tokens() || point.n != schedule.n()) {
    throw core::ConfigError(
        core::member_name(&GamePoint::tokens), std::to_string(point.tokens) + " at n = " + std::to_string(point.n),
        std::to_string(schedule.tokens()) + " at n = " + std::to_string(schedule.n()) + " for these sides");
  }
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
};
std::optional<Holding> holding_of(const GamePoint& point) {
  const reduction::InstanceParams params = point.instance_params();
  const auto* family = reduction::InstanceFamilies::find_or_null(params.family);
  if (family == nullptr) return std::nullopt;
  family->check(params, "instance");
  const auto instance = family->make(params, {});
  return Holding{instance->information_bits(), instance->value_bits()};
}

// What is wrong with one measured game.
std::vector<std::string> faults_of(const GameRecord& game, const GamePoint& point,
                                   const std::optional<Holding>& holding) {
  std::vector<std::string> faults;
  const auto n = [](std::int64_t number) { return std::to_string(number); };
  core::Bits booked = 0;
  for (const auto& [section, bits] : game.ledger) booked += bits;
  if (booked != game.message_bits)
    faults.push_back("the ledger books " + n(booked) + " bits, the message has " + n(game.message_bits));
  if (game.formula_bits && *game.formula_bits != game.message_bits)
    faults.push_back("the message has " + n(game.message_bits) + " bits, the size formula gives " +
                     n(*game.formula_bits));
  if (holding && game.information_bits != holding->information_bits)
    faults.push_back("an instance of these parameters holds " + n(holding->information_bits) +
                     " bits, the record says " + n(game.information_bits));
  const auto* error = game.metric(simulator::metric_names::error);
  if (holding && (error == nullptr) != (holding->value_bits == 0))
    faults.push_back(std::string(error == nullptr ? "there is no error" : "there is an error") +
                     ", but values of this family have " + n(holding->value_bits) + " bits");
  if (holding && game.value_bits != holding->value_bits)
    faults.push_back("values of this family have " + n(holding->value_bits) + " bits, the record says " +
                     n(game.value_bits));
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
  double by_map = 0;
  for (const double errors : game.map_errors) by_map += errors;
  if (!game.map_errors.empty() && std::abs(by_map - error->mean * error->count) > 1e-6 * (1 + error->count))
    faults.push_back("error " + text(error->mean) + " does not follow from " + text(by_map) + " wrong rows of " +
                     n(error->count));
  return faults;
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
    std::optional<Holding> holding;
    try {
      require_shape(point.parameters);
      holding = holding_of(point.parameters);
    } catch (const core::UserError& error) {
      complain(-1, std::string("its parameters are impossible: ") + error.what());
    }
    // A fixed length is one length; should a store hold several, each answers for itself. All records count, not only
    // those before the stop: more of them only make the interval tighter.
    const bool fixed_length = point.record.floor_kind == simulator::FloorKind::finite;
    std::map<core::Bits, Group> groups;
    for (const sweep::Record& record : store.points.at(point.point).all()) {
      if (record.result.status != simulator::Status::ok) continue;
      ++report.records;
      GameRecord game;
      try {
        game = sweep::game_of(record.result);
      } catch (const core::ConfigError& error) {
        throw core::StoreError(sweep::damaged_record(record, error));
      }
      for (std::string& fault : faults_of(game, point.parameters, holding)) complain(record.trial, std::move(fault));
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
