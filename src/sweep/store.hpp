#pragma once
// The rows, stops and sessions of a sweep in memory.

#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sweep/row.hpp"
#include "sweep/row_line.hpp"
#include "sweep/stopping.hpp"

namespace kvfrontier::sweep {

// The rows of one point as a store holds them: the parameters once, and what each trial measured as the text of its
// JSON, a fifth of what the parsed form takes.
class PointRows {
 public:
  const core::Json& parameters() const { return *parameters_; }
  std::size_t size() const { return rows_.size(); }
  bool contains(std::int64_t trial) const { return rows_.count(trial) > 0; }
  std::int64_t last_trial() const { return rows_.rbegin()->first; }
  // The row of a trial that is there.
  Row at(std::int64_t trial) const;
  // In trial order: every row, or those from trial 0 up to the first gap.
  std::vector<Row> all() const;
  std::vector<Row> leading() const;

 private:
  friend struct Store;
  struct Packed {
    std::string data;
    double seconds = 0;
    std::shared_ptr<const std::string> session, status;
  };
  Row unpacked(std::int64_t trial, const Packed& packed) const;

  std::string id_;
  Parameters parameters_;
  std::string parameters_text_;
  std::map<std::int64_t, Packed> rows_;
};

struct Store {
  std::map<std::string, PointRows, std::less<>> points;  // by point id; none is empty
  std::map<std::string, Stop> stops;                     // by point id; the last decision
  std::map<std::string, core::Json> sessions;            // by session id

  // Adds a row. Identical or tie-equal rows keep the first; a row that was measured supersedes a failed one. Anything
  // else with the same point and trial throws StoreError naming both sessions.
  void add(const Row& row);
  void add(Stop stop);
  // As add(Row), but false and nothing done where only a parsed row will do: the first row of a point, or one whose
  // parameters are written differently.
  bool add(const RowLine& line);
  // The rows as lines, by point and trial.
  void write_rows(std::ostream& stream) const;

  std::size_t row_count() const;
  // How many rows each session measured, by session id.
  std::map<std::string, std::size_t> session_rows() const;
  // The rows of a point in trial order from trial 0, up to the first gap.
  std::vector<Row> leading_rows(const std::string& point) const;
  // The rows that count: those before the point's stop, or all leading rows while it has none.
  std::vector<Row> counted_rows(const std::string& point) const;

 private:
  void add(PointRows& rows, std::int64_t trial, PointRows::Packed packed);
  std::shared_ptr<const std::string> shared(std::string_view text);

  std::map<std::string, std::shared_ptr<const std::string>, std::less<>> texts_;  // names of sessions and statuses
};

// Same trial measured twice: equal in status and parameters, integers equal up to counted ties, reals within
// 1e-3 relative + 1e-9.
bool tie_equal(const Row& a, const Row& b);

}  // namespace kvfrontier::sweep
