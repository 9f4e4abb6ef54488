#pragma once
// The result of one trial of one point, and its line in a store.

#include <cstdint>
#include <memory>
#include <string>

#include "core/members.hpp"
#include "core/rng.hpp"
#include "simulator/game_point.hpp"
#include "simulator/game_record.hpp"

namespace kvfrontier::sweep {

using simulator::Status;

inline constexpr int record_schema = 2;

// What measuring a trial gave. `data` holds what the experiment's own struct says, in JSON: simulator::GameRecord for
// games, the struct of a claim's trials for claims, and Failure for a failed trial.
struct TrialResult {
  Status status = Status::ok;
  core::Json data = core::Json::object();
};

// Why a trial failed.
struct Failure {
  std::string reason;
  static core::MemberList<Failure> members();
};
TrialResult failed(std::string reason);
// The record of a game, as the result of a trial.
TrialResult result_of(const simulator::GameRecord& record);

// Resolved parameters, held once for all records of a point.
using Parameters = std::shared_ptr<const core::Json>;

struct Record {
  std::string point;  // point id
  std::int64_t trial = 0;
  TrialResult result;
  Parameters parameters;  // the fully resolved parameters whose hash is the point id
  double seconds = 0;     // of this trial; not part of its identity
  std::string session;    // who measured it; not part of its identity

  // What its line in a store says (record_line.hpp), without the checksum. from_json throws core::ConfigError for a missing or mistyped field.
  core::Json to_json() const;
  static Record from_json(const core::Json& json);
  static core::MemberList<Record> members();
};

// What the engine adds to the resolved parameters of every point.
struct Identity {
  std::string experiment;
  int experiment_version = 1;
  int rng_version = core::rng_version;
  std::uint64_t seed = 0;
  static core::MemberList<Identity> members();
};

// What a record holds, as the structs that it was made of. All throw core::StoreError, which names the record, for one
// that lacks something or holds it in another form: it was edited or is damaged.
simulator::GameRecord game_of(const Record& record);
simulator::GamePoint point_of(const Record& record);
Identity identity_of(const Record& record);
Failure failure_of(const Record& record);  // of a failed one; empty where no reason is stored

// Hash of the parameters, as 32 hexadecimal digits.
std::string point_id(const core::Json& parameters);

}  // namespace kvfrontier::sweep
