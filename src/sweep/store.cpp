#include "sweep/store.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

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

// Answers of a game that were too near a threshold to call; none in the records of other experiments.
double ties_of(const Record& record) {
  static const std::string name = core::member_name(&simulator::GameRecord::ties);
  return record.result.data.value(name, 0.0);
}

}  // namespace

bool tie_equal(const Record& a, const Record& b) {
  if (a.result.status != b.result.status || *a.parameters != *b.parameters) return false;
  return agree(a.result.data, b.result.data, std::max(ties_of(a), ties_of(b)));
}

Conflict::Conflict(std::string point_, std::int64_t trial_, std::string known_session, std::string session)
    : StoreError("conflict: point " + point_ + ", trial " + std::to_string(trial_) + " differs between session " +
                 known_session + " and session " + session),
      point(std::move(point_)),
      trial(trial_) {}

Record StoredPoint::unpacked(std::int64_t trial, const Packed& packed) const {
  Record record;
  record.point = id_;
  record.trial = trial;
  record.result.status = packed.status;
  try {
    record.result.data =
        core::parse_json_line(packed.data, "point " + id_ + ", trial " + std::to_string(trial) + ": data");
  } catch (const core::UserError& error) {
    throw StoreError(std::string(error.what()) + "; the record is damaged");
  }
  record.parameters = parameters_;
  record.seconds = packed.seconds;
  record.session = *packed.session;
  return record;
}

Identity StoredPoint::identity() const {
  try {
    return core::from_json<Identity>(*parameters_, "parameters");
  } catch (const core::ConfigError& error) {
    throw StoreError("point " + id_ + ": " + error.what() + "; its records were edited or are damaged");
  }
}

Record StoredPoint::at(std::int64_t trial) const {
  return unpacked(trial, records_.at(trial));
}

std::vector<Record> StoredPoint::all() const {
  std::vector<Record> records;
  records.reserve(records_.size());
  for (const auto& [trial, packed] : records_) records.push_back(unpacked(trial, packed));
  return records;
}

std::vector<Record> StoredPoint::leading() const {
  std::vector<Record> records;
  for (const auto& [trial, packed] : records_) {
    if (trial != static_cast<std::int64_t>(records.size())) break;
    records.push_back(unpacked(trial, packed));
  }
  return records;
}

std::shared_ptr<const std::string> Store::shared(std::string_view text) {
  const auto known = texts_.find(text);
  if (known != texts_.end()) return known->second;
  return texts_.emplace(text, std::make_shared<const std::string>(text)).first->second;
}

void Store::add(const Record& record) {
  StoredPoint& records = points[record.point];
  if (records.records_.empty()) {
    records.id_ = record.point;
    records.parameters_ = record.parameters;
    records.parameters_text_ = record.parameters->dump();
  }
  add(records, record.trial, {record.result.data.dump(), record.seconds, shared(record.session), record.result.status});
}

bool Store::add(const RecordLine& line) {
  const auto point = points.find(line.point);
  if (point == points.end() || point->second.parameters_text_ != line.parameters) return false;
  add(point->second, line.trial, {std::string(line.data), line.seconds, shared(line.session), line.status});
  return true;
}

void Store::add(StoredPoint& records, std::int64_t trial, StoredPoint::Packed packed) {
  const auto [place, fresh] = records.records_.try_emplace(trial);
  StoredPoint::Packed& known = place->second;
  const bool failed = packed.status == Status::failed, known_failed = !fresh && known.status == Status::failed;
  if (fresh || (known_failed && !failed)) {
    known = std::move(packed);
    return;
  }
  if (failed && !known_failed) return;
  const bool same = packed.status == known.status && packed.data == known.data;
  if (!same && !failed && !tie_equal(records.unpacked(trial, packed), records.unpacked(trial, known)))
    throw Conflict(records.id_, trial, *known.session, *packed.session);
  // The least of them, so that the order in which stores are merged does not show.
  const auto key = [](const StoredPoint::Packed& one) { return std::tie(one.data, *one.session, one.seconds); };
  if (key(packed) < key(known)) known = std::move(packed);
}

void Store::add(Stop stop) {
  const auto [known, fresh] = stops.try_emplace(stop.point, stop);
  if (!fresh && stop.supersedes(known->second)) known->second = std::move(stop);
}

std::map<std::string, std::size_t> Store::session_records() const {
  std::map<std::string, std::size_t> counts;
  for (const auto& [id, records] : points) {
    for (const auto& [trial, packed] : records.records_) ++counts[*packed.session];
  }
  return counts;
}

std::size_t Store::record_count() const {
  std::size_t count = 0;
  for (const auto& [id, trials] : points) count += trials.size();
  return count;
}

std::vector<Record> Store::leading_records(const std::string& point) const {
  const auto records = points.find(point);
  return records == points.end() ? std::vector<Record>() : records->second.leading();
}

std::vector<Record> Store::counted_records(const std::string& point) const {
  std::vector<Record> records = leading_records(point);
  const auto stop = stops.find(point);
  if (stop != stops.end() && static_cast<std::size_t>(stop->second.trials) < records.size()) {
    records.resize(static_cast<std::size_t>(stop->second.trials));
  }
  return records;
}

void Store::write_records(const std::function<void(std::string_view)>& write) const {
  for (const auto& [id, records] : points) {
    for (const auto& [trial, record] : records.records_)
      write(record_line(
          {record.data, records.parameters_text_, id, record.seconds, *record.session, record.status, trial}));
  }
}

}  // namespace kvfrontier::sweep
