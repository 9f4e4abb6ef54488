#include "sweep/store.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "core/errors.hpp"

namespace kvfrontier::sweep {
namespace {

using core::Json;
using core::StoreError;

// Numbers of `a` and `b` agree; integers may differ by `slack` counted ties.
bool agree(const Json& a, const Json& b, double slack) {
  if (a.is_number() && b.is_number()) {
    const double x = a, y = b;
    if (a.is_number_integer() && b.is_number_integer()) return std::abs(x - y) <= slack;
    return std::abs(x - y) <= 1e-3 * std::max(std::abs(x), std::abs(y)) + 1e-9;
  }
  if (a.type() != b.type()) return false;
  if (a.is_structured()) {
    if (a.size() != b.size()) return false;
    auto other = b.begin();
    for (auto item = a.begin(); item != a.end(); ++item, ++other) {
      if (a.is_object() && item.key() != other.key()) return false;
      if (!agree(*item, *other, slack)) return false;
    }
    return true;
  }
  return a == b;
}

}  // namespace

bool tie_equal(const Row& a, const Row& b) {
  if (a.result.status != b.result.status || *a.parameters != *b.parameters) return false;
  const double slack = std::max(a.result.data.value("ties", 0.0), b.result.data.value("ties", 0.0));
  return agree(a.result.data, b.result.data, slack);
}

Row PointRows::unpacked(std::int64_t trial, const Packed& packed) const {
  Row row;
  row.point = id_;
  row.trial = trial;
  row.result = {*packed.status, Json::parse(packed.data, nullptr, false)};
  if (row.result.data.is_discarded())  // a number beyond all numbers
    throw StoreError("point " + id_ + ", trial " + std::to_string(trial) +
                     ": its data cannot be read; the row is damaged");
  row.parameters = parameters_;
  row.seconds = packed.seconds;
  row.session = *packed.session;
  return row;
}

Row PointRows::at(std::int64_t trial) const {
  return unpacked(trial, rows_.at(trial));
}

std::vector<Row> PointRows::all() const {
  std::vector<Row> rows;
  rows.reserve(rows_.size());
  for (const auto& [trial, packed] : rows_) rows.push_back(unpacked(trial, packed));
  return rows;
}

std::vector<Row> PointRows::leading() const {
  std::vector<Row> rows;
  for (const auto& [trial, packed] : rows_) {
    if (trial != static_cast<std::int64_t>(rows.size())) break;
    rows.push_back(unpacked(trial, packed));
  }
  return rows;
}

std::shared_ptr<const std::string> Store::shared(std::string_view text) {
  const auto known = texts_.find(text);
  if (known != texts_.end()) return known->second;
  return texts_.emplace(text, std::make_shared<const std::string>(text)).first->second;
}

void Store::add(const Row& row) {
  PointRows& rows = points[row.point];
  if (rows.rows_.empty()) {
    rows.id_ = row.point;
    rows.parameters_ = row.parameters;
    rows.parameters_text_ = row.parameters->dump();
  }
  add(rows, row.trial, {row.result.data.dump(), row.seconds, shared(row.session), shared(row.result.status)});
}

bool Store::add(const RowLine& line) {
  const auto point = points.find(line.point);
  if (point == points.end() || point->second.parameters_text_ != line.parameters) return false;
  add(point->second, line.trial, {std::string(line.data), line.seconds, shared(line.session), shared(line.status)});
  return true;
}

void Store::add(PointRows& rows, std::int64_t trial, PointRows::Packed packed) {
  const auto [place, fresh] = rows.rows_.try_emplace(trial);
  PointRows::Packed& known = place->second;
  const bool failed = *packed.status == "failed", known_failed = !fresh && *known.status == "failed";
  if (fresh || (known_failed && !failed)) {
    known = std::move(packed);
  } else if (failed == known_failed && !failed && (packed.status != known.status || packed.data != known.data) &&
             !tie_equal(rows.unpacked(trial, packed), rows.unpacked(trial, known))) {
    throw StoreError("conflict: point " + rows.id_ + ", trial " + std::to_string(trial) + " differs between session " +
                     *known.session + " and session " + *packed.session);
  }
}

void Store::add(Stop stop) {
  const auto [known, fresh] = stops.try_emplace(stop.point, stop);
  if (!fresh && stop.supersedes(known->second)) known->second = std::move(stop);
}

std::map<std::string, std::size_t> Store::session_rows() const {
  std::map<std::string, std::size_t> counts;
  for (const auto& [id, rows] : points) {
    for (const auto& [trial, packed] : rows.rows_) ++counts[*packed.session];
  }
  return counts;
}

std::size_t Store::row_count() const {
  std::size_t count = 0;
  for (const auto& [id, trials] : points) count += trials.size();
  return count;
}

std::vector<Row> Store::leading_rows(const std::string& point) const {
  const auto rows = points.find(point);
  return rows == points.end() ? std::vector<Row>() : rows->second.leading();
}

std::vector<Row> Store::counted_rows(const std::string& point) const {
  std::vector<Row> rows = leading_rows(point);
  const auto stop = stops.find(point);
  if (stop != stops.end() && static_cast<std::size_t>(stop->second.trials) < rows.size()) {
    rows.resize(static_cast<std::size_t>(stop->second.trials));
  }
  return rows;
}

void Store::write_rows(std::ostream& stream) const {
  for (const auto& [id, rows] : points) {
    for (const auto& [trial, row] : rows.rows_)
      write_row_line({row.data, rows.parameters_text_, id, row.seconds, *row.session, *row.status, trial}, stream);
  }
}

}  // namespace kvfrontier::sweep
