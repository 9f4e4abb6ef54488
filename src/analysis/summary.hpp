#pragma once
// From the records of games to one line a point: means, intervals, floors and gaps. All of it is read off the records;
// neither the scheme nor the instance family has to be known to this program.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "simulator/game_point.hpp"
#include "simulator/game_record.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::analysis {

using simulator::GameRecord;

// One metric over the measured trials of a point.
struct MetricSummary {
  double mean = 0;                   // NaN where a trial has no value
  core::Interval interval;           // at the point's level
  std::optional<double> floor_bits;  // least bits of any message with this mean
  std::optional<double> gap;         // message bits / floor_bits; nullopt where the floor is 0
  std::optional<double> floor;       // best mean of any message of so many bits
};

// One point of index_frontier, or of any experiment whose records are games.
struct PointSummary {
  std::string point;
  sweep::Identity identity;
  simulator::GamePoint parameters;
  simulator::Status status =
      simulator::Status::ok;  // failed when any record failed; uncertified when no trial was certified
  std::int64_t trials = 0;    // measured ones: they make the error
  std::int64_t uncertified = 0, failed = 0;
  std::string stop;    // why the point stopped; "unfinished" while it has not
  std::string reason;  // of the first failed record
  double level = 0;    // confidence of the intervals at this look
  double seconds = 0;  // of all counted trials

  GameRecord record;                         // of the last trial that was played: what all of them say of the point
  std::map<std::string, double> aggregates;  // members of the records, by name, as their lists say (core::Aggregate)
  std::map<std::string, MetricSummary> metrics;

  // The aggregate of a member over the measured trials; 0 without any.
  template <class V>
  double of(V GameRecord::*place) const {
    const auto found = aggregates.find(core::member_name(place));
    return found == aggregates.end() ? 0 : found->second;
  }
  const MetricSummary* metric(const std::string& name) const;

  double message_bits() const { return of(&GameRecord::message_bits); }  // mean over trials
  bool is_measured() const { return trials > 0; }
  bool has_bits() const { return record.has_bits(); }  // false: values are real, error, floor and gap mean nothing
  // Measured, with bits: the metric `error` is there.
  bool has_error() const { return metric(simulator::metric_names::error) != nullptr; }
  const MetricSummary& error() const { return metrics.at(simulator::metric_names::error); }
  double entries() const { return parameters.entries(); }  // N d
};

// The summary of one point from its counted records. `records` must not be empty. Throws core::StoreError for records
// that do not hold games.
PointSummary summarise(const std::vector<sweep::Record>& records, const sweep::Stop* stop);

// All game points of a store, sorted by instance, embedding, schedule, N, d, scheme, keys, rate and bits.
std::vector<PointSummary> summarise(const sweep::Store& store);

// The floor of a metric in bits for a point, at a mean value.
std::optional<double> floor_bits(const PointSummary& point, const std::string& metric, double value);

}  // namespace kvfrontier::analysis
