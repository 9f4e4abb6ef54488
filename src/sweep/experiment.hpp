#pragma once
// The plug point for experiments. An experiment turns one combination of axis values into resolved parameters and
// measures one trial of them; resuming, shards, merging, stopping, progress and provenance are the engine's.

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "core/members.hpp"
#include "core/registry.hpp"
#include "core/statistics.hpp"
#include "simulator/metric.hpp"
#include "simulator/play.hpp"
#include "sweep/record.hpp"

namespace kvfrontier::sweep {

class Planner;

// One value for every axis, and where the user wrote it. Remembers what was read, so that an axis that nothing reads is
// noticed.
class Combination {
 public:
  void set(const std::string& name, core::Json value, std::string path) {
    values_[name] = {std::move(value), std::move(path)};
  }

  // The value of an option: as given, or the option's default.
  const core::Json& value(const std::string& name) const;
  bool given(const std::string& name) const { return given_.contains(name); }
  void mark_given(const std::string& name) { given_.insert(name); }
  // Dotted path of the value, for errors.
  const std::string& path(const std::string& name) const { return values_.at(name).second; }
  const std::set<std::string>& reads() const { return reads_; }

  // The experiment's own struct. Members whose condition (core::Member::when) does not hold are not read.
  template <core::HasMembers P>
  P read() const {
    P parameters{};
    for (const auto& member : core::members_of<P>().list()) {
      if (!member.exists(parameters)) continue;
      const std::string& name = member.option().name;
      core::MemberList<P>::set(parameters, member, value(name), path(name));
    }
    return parameters;
  }
  // The parameters made no use of this axis after all.
  void leave_unread(const std::string& name) const { reads_.erase(name); }
  // Where the user wrote a member of the struct.
  template <core::HasMembers P, class V>
  const std::string& path(V P::*place) const {
    return path(core::member_name(place));
  }

 private:
  std::map<std::string, std::pair<core::Json, std::string>> values_;
  std::set<std::string> given_;
  mutable std::set<std::string> reads_;
};

using simulator::GamePolicy;

// What a record says to the interval that stops its point. A run keeps nothing else of its records.
struct Observation {
  Status status = Status::ok;
  const simulator::Metric* metric = nullptr;  // whose value it is; null: it says nothing
  simulator::MetricValue value;
};

// The plug point for experiments. They hold no state that changes; every function may be called from several threads at
// once.
class Experiment {
 public:
  virtual ~Experiment() = default;
  virtual std::string name() const = 0;
  virtual std::string statement() const = 0;
  virtual std::string source() const = 0;
  virtual int version() const { return 1; }
  // Every option may be an axis of a grid or appear once at the top of a config.
  virtual const core::OptionTable& options() const = 0;

  // The fully resolved parameters of one combination, without experiment name, versions and seed, which the engine
  // adds. Throws ConfigError at the combination's paths.
  virtual core::Json resolve(const Combination& combination) const = 0;

  // Declared floating-point operations of one trial, a pure function of the parameters: for shards and estimates.
  virtual double operations(const core::Json& parameters) const = 0;
  // Largest memory one trial needs, Bob's included, in bytes.
  virtual double memory_bytes(const core::Json& parameters) const = 0;

  // One trial. Thread-safe, uses one thread, a function of (parameters, trial) alone. Exceptions become failed records.
  virtual TrialResult measure(const core::Json& parameters, std::uint64_t trial, const GamePolicy& policy) const = 0;

  // What interval() is made of. Throws core::StoreError for a record that does not hold it. Default: the status alone.
  virtual Observation observe(const Record& record) const;
  // The interval whose half width decides stopping, from the observations of one point in trial order; nullopt where
  // they say nothing. Default: nullopt, and every point runs to max_trials.
  virtual std::optional<core::Interval> interval(std::span<const Observation> observations, double level) const;

  // What to measure next (sweep/planner.hpp). Default: the points of the config, as they are.
  virtual const Planner& planner() const;
};

using Experiments = core::Registry<Experiment>;

}  // namespace kvfrontier::sweep
