#pragma once
// The records, stops and sessions of a sweep in memory.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/errors.hpp"
#include "sweep/record.hpp"
#include "sweep/record_line.hpp"
#include "sweep/stopping.hpp"

namespace kvfrontier::sweep {

// The records of one point as a store holds them: the parameters once, and what each trial measured as the text of its
// JSON, a fifth of what the parsed form takes.
class StoredPoint {
 public:
  const core::Json& parameters() const { return *parameters_; }
  // Throws core::StoreError for parameters that lack it.
  Identity identity() const;
  std::size_t size() const { return records_.size(); }
  bool contains(std::int64_t trial) const { return records_.count(trial) > 0; }
  std::int64_t last_trial() const { return records_.rbegin()->first; }
  // The record of a trial that is there.
  Record at(std::int64_t trial) const;
  // In trial order: every record, or those from trial 0 up to the first gap.
  std::vector<Record> all() const;
  std::vector<Record> leading() const;

 private:
  friend struct Store;
  struct Packed {
    std::string data;
    double seconds = 0;
    std::shared_ptr<const std::string> session;
    Status status = Status::ok;
  };
  Record unpacked(std::int64_t trial, const Packed& packed) const;

  std::string id_;
  Parameters parameters_;
  std::string parameters_text_;
  std::map<std::int64_t, Packed> records_;
};

// Two records of one trial that cannot both be right.
struct Conflict : core::StoreError {
  Conflict(std::string point, std::int64_t trial, std::string known_session, std::string session);
  std::string point;
  std::int64_t trial;
};

struct Store {
  std::map<std::string, StoredPoint, std::less<>> points;  // by point id; none is empty
  std::map<std::string, Stop> stops;                       // by point id; the last decision
  std::map<std::string, core::Json> sessions;              // by session id
  std::vector<std::filesystem::path> files;                // that were read into it, in this order

  // Adds a record. Of identical or tie-equal records one is kept, whatever their order; a record that was measured
  // supersedes a failed one. Anything else with the same point and trial throws Conflict.
  void add(const Record& record);
  void add(Stop stop);
  // As add(Record), but false and nothing done where only a parsed record will do: the first record of a point, or one whose
  // parameters are written differently.
  bool add(const RecordLine& line);
  // write(line) for every record, by point and trial.
  void write_records(const std::function<void(std::string_view)>& write) const;

  std::size_t record_count() const;
  // How many records each session measured, by session id.
  std::map<std::string, std::size_t> session_records() const;
  // The records of a point in trial order from trial 0, up to the first gap.
  std::vector<Record> leading_records(const std::string& point) const;
  // The records that count: those before the point's stop, or all leading records while it has none.
  std::vector<Record> counted_records(const std::string& point) const;

 private:
  void add(StoredPoint& records, std::int64_t trial, StoredPoint::Packed packed);
  std::shared_ptr<const std::string> shared(std::string_view text);

  std::map<std::string, std::shared_ptr<const std::string>, std::less<>> texts_;  // names of sessions
};

// Same trial measured twice: equal in status and parameters, integers equal up to counted ties, reals within
// 1e-3 relative + 1e-9.
bool tie_equal(const Record& a, const Record& b);

}  // namespace kvfrontier::sweep
