#pragma once
// A claim that measures: P are the parameters of a point, T is what one trial gives, both structs with a member list.
// Options, resolution, records and the reading of records follow from the lists.

#include <string>
#include <utility>
#include <vector>

#include "analysis/claim.hpp"
#include "core/rng.hpp"

namespace kvfrontier::analysis {

// Which trial is measured, and how games are to be played.
struct Turn {
  std::uint64_t seed = 0;
  std::uint64_t trial = 0;
  const sweep::GamePolicy& policy;

  // Coins of `role` for what the draw depends on: points with the same `identity` share them.
  core::Coins coins(const std::string& identity, const char* role = "public") const {
    return core::derive_coins(seed, identity, trial, role);
  }
};

// What a trial gave; a T converts by itself. Of another status than ok, `data` is recorded but never judged.
template <class T>
struct Measured {
  Measured(T given) : data(std::move(given)) {}
  Measured(sweep::Status other, T given) : status(other), data(std::move(given)) {}
  sweep::Status status = sweep::Status::ok;
  T data;
};

// A claim that measures by itself: P are the parameters of a point, T is what one trial gives, each with its member list.
// Every function may be called from several threads at once.
template <core::HasMembers P, core::HasMembers T>
class MeasuringClaim : public Claim {
 public:
  using Claim::Claim;
  using Parameters = P;
  using Trial = T;
  using Point = PointTrials<P, T>;

  // Throws core::ConfigError at combination.path(&P::member) for parameters that cannot be measured, and may fill in
  // members that follow from the others.
  virtual void complete(P&, const sweep::Combination&) const {}
  // Declared floating-point operations of one trial.
  virtual double operations(const P&) const { return 1e7; }
  // One trial: a function of the parameters and the turn alone, on one thread. Randomness comes from turn.coins(). An
  // exception makes a failed record with its text; trials of another status than ok are recorded and never judged.
  virtual Measured<T> measure(const P& parameters, const Turn& turn) const = 0;
  // Adds the checks of these points, which come in plan order. Some may lack trials, or have none of status ok, while a
  // sweep is under way. Throws core::ConfigError for trials that lack a value that is needed.
  virtual void judge(const std::vector<Point>& points, CheckList& checks) const = 0;

  const core::OptionTable& options() const override { return core::table_of<P>(); }
  core::Json resolve(const sweep::Combination& combination) const override {
    P parameters = combination.read<P>();
    complete(parameters, combination);
    return core::to_json(parameters);
  }
  double operations(const core::Json& parameters) const final { return operations(read(parameters)); }
  sweep::TrialResult measure(const core::Json& parameters, std::uint64_t trial,
                             const sweep::GamePolicy& policy) const final {
    const auto identity = core::from_json<sweep::Identity>(parameters, "");
    const Measured<T> measured = measure(read(parameters), Turn{identity.seed, trial, policy});
    return {measured.status, core::to_json(measured.data)};
  }
  std::vector<Check> judge(const ClaimPoints& points, const std::string&) const final {
    std::vector<Point> list;
    for (const ClaimPoint& point : points) {
      Point typed{read(point.parameters), {}};
      for (const sweep::Record& record : point.records) {
        typed.statuses.push_back(record.result.status);
        if (record.result.status == sweep::Status::ok)
          typed.trials.push_back(core::from_json<T>(record.result.data, "data"));
      }
      list.push_back(std::move(typed));
    }
    CheckList checks;
    judge(list, checks);
    return checks.finish();
  }

 private:
  static P read(const core::Json& parameters) { return core::from_json<P>(parameters, "parameters"); }
};

}  // namespace kvfrontier::analysis
