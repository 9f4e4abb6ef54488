#pragma once
// The plug point for experiments. An experiment turns one combination of axis values into resolved parameters and
// measures one trial of them; resuming, shards, merging, stopping, progress and provenance are the engine's.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "core/options.hpp"
#include "core/registry.hpp"
#include "core/statistics.hpp"
#include "simulator/transcript.hpp"
#include "sweep/row.hpp"

namespace kvfrontier::sweep {

// One value for every axis, and where the user wrote it. Remembers what was read, so that an axis that nothing reads is
// noticed.
class Combination {
 public:
  void set(const std::string& name, core::Json value, std::string path) {
    values_[name] = {std::move(value), std::move(path)};
  }

  // The value of an option: as given, or the option's default.
  const core::Json& value(const std::string& name) const;
  bool given(const std::string& name) const { return given_.count(name) > 0; }
  void mark_given(const std::string& name) { given_.insert(name); }
  // Dotted path of the value, for errors.
  const std::string& path(const std::string& name) const { return values_.at(name).second; }
  const std::set<std::string>& reads() const { return reads_; }

 private:
  std::map<std::string, std::pair<core::Json, std::string>> values_;
  std::set<std::string> given_;
  mutable std::set<std::string> reads_;
};

struct TrialContext {
  simulator::BobPolicy bob;
  // Shown every game as it was played; for replays. May be empty.
  std::function<void(const simulator::Transcript&)> on_game;
};

class Experiment {
 public:
  virtual ~Experiment() = default;
  virtual std::string name() const = 0;
  virtual std::string statement() const = 0;
  virtual std::string source() const = 0;
  virtual int version() const { return 1; }
  // Every option may be an axis of a grid or stand once at the top of a config.
  virtual const core::OptionTable& options() const = 0;

  // The fully resolved parameters of one combination, without experiment name, versions and seed, which the engine
  // adds. Throws ConfigError at the combination's paths.
  virtual core::Json resolve(const Combination& combination) const = 0;

  // Declared floating-point operations of one trial, a pure function of the parameters: for shards and estimates.
  virtual double operations(const core::Json& parameters) const = 0;
  // Largest memory one trial needs, Bob's included, in bytes.
  virtual double memory_bytes(const core::Json& parameters) const = 0;

  // One trial. Thread-safe, uses one thread, a function of (parameters, trial) alone. Exceptions become failed rows.
  virtual TrialResult measure(const core::Json& parameters, std::uint64_t trial, const TrialContext& context) const = 0;

  // The interval whose half width decides stopping, from the rows of one point in trial order; nullopt without usable
  // rows.
  virtual std::optional<core::Interval> interval(std::span<const Row> rows, double level) const = 0;
};

using Experiments = core::Registry<Experiment>;

}  // namespace kvfrontier::sweep
