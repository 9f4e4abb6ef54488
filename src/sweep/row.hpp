#pragma once
// One trial of one point, and its line in a store.

#include <cstdint>
#include <memory>
#include <string>

#include "core/json.hpp"

namespace kvfrontier::sweep {

inline constexpr int row_schema = 1;

// What measuring a trial gave. ok: measured. uncertified: the instance has no certified scaling; counted and shown,
// never redrawn. infeasible: the budget is below the scheme's least. failed: the game was not played by its rules or
// could not be played; data.reason says why.
struct TrialResult {
  std::string status;  // ok | uncertified | infeasible | failed
  core::Json data = core::Json::object();
};

// Resolved parameters, held once for all rows of a point.
using Parameters = std::shared_ptr<const core::Json>;

struct Row {
  std::string point;  // point id
  std::int64_t trial = 0;
  TrialResult result;
  Parameters parameters;  // the fully resolved parameters whose hash is the point id
  double seconds = 0;     // of this trial; not part of its identity
  std::string session;    // who measured it; not part of its identity

  core::Json to_json() const;
  // Throws nlohmann's exception for a missing or mistyped field.
  static Row from_json(const core::Json& json);
};

// For a row whose data lack something or hold it in another form: StoreError's sentence, naming the row.
std::string damaged_row(const Row& row, const core::Json::exception& error);

// Hash of the parameters, as 32 hexadecimal digits.
std::string point_id(const core::Json& parameters);

}  // namespace kvfrontier::sweep
