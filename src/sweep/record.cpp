#include "sweep/record.hpp"

#include <cmath>
#include <utility>

#include "core/errors.hpp"
#include "core/ids.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::sweep {
namespace {

// A member of a record that holds JSON objects of other structs.
core::Option object_option(const char* name, const char* meaning) {
  core::Option option;
  option.name = name;
  option.type = core::Option::Type::structured;
  option.allowed = "an object";
  option.meaning = meaning;
  option.required = true;
  return option;
}

core::Json checked_object(const core::Json& json, const std::string& path) {
  if (!json.is_object()) throw core::ConfigError(path, core::describe(json), "an object");
  return json;
}

// What a line has and a record has not: it is here for the documentation.
core::Member<Record> checksum_member() {
  core::Option option;
  option.name = checksum_name;
  option.type = core::Option::Type::text;
  option.meaning = "XXH3 (64 bits) of the line from behind the comma that follows it to the end, in hexadecimal";
  return {option, [](const Record&) { return core::Json(); }, [](Record&, const core::Json&, const std::string&) {}};
}

core::Member<Record> data_member() {
  return {object_option("data", "what the experiment measured"),
          [](const Record& record) { return record.result.data; },
          [](Record& record, const core::Json& json, const std::string& path) {
            record.result.data = checked_object(json, path);
          }};
}

core::Member<Record> parameters_member() {
  return {object_option("parameters", "the fully resolved parameters of the point"),
          [](const Record& record) { return record.parameters ? *record.parameters : core::Json::object(); },
          [](Record& record, const core::Json& json, const std::string& path) {
            record.parameters = std::make_shared<const core::Json>(checked_object(json, path));
          }};
}

core::Member<Record> status_member() {
  core::Option option;
  option.name = "status";
  option.meaning = "ok, uncertified, infeasible or failed";
  option.required = true;
  core::JsonForm<Status>::describe(option);
  return {option, [](const Record& record) { return core::JsonForm<Status>::to_json(record.result.status); },
          [](Record& record, const core::Json& json, const std::string& path) {
            record.result.status = core::JsonForm<Status>::from_json(json, path);
          }};
}

// read(), with the sentence of a damaged record for what it throws.
template <class Read>
auto read_part(const Record& record, Read read) {
  try {
    return read();
  } catch (const core::ConfigError& error) {
    throw core::StoreError("point " + record.point + ", trial " + std::to_string(record.trial) + " (session " +
                           record.session + "): " + error.what() + "; the record was edited or is damaged");
  }
}

// A measured game has an error, where values are bits, and a squared error.
void require_errors(const simulator::GameRecord& game) {
  using namespace simulator::metric_names;
  const auto require = [&](const std::string& name) {
    const auto* value = game.metric(name);
    const std::string path = "data." + core::member_name(&simulator::GameRecord::metrics) + "." + name;
    if (value == nullptr) throw core::ConfigError(path, "nothing", "a value, as in every measured game");
    if (!std::isfinite(value->mean) || value->count < 1)
      throw core::ConfigError(path, core::to_json(*value).dump(), "a mean over at least one observation");
  };
  if (game.has_bits()) require(error);
  require(mse);
}

}  // namespace

core::MemberList<Failure> Failure::members() {
  return {{core::member("reason", &Failure::reason, "what went wrong")}, core::Nulls::omit};
}

TrialResult failed(std::string reason) {
  return {Status::failed, core::to_json(Failure{std::move(reason)})};
}

TrialResult result_of(const simulator::GameRecord& record) {
  return {record.status, core::to_json(record)};
}

core::MemberList<Record> Record::members() {
  using core::member;
  return {checksum_member(),
          data_member(),
          parameters_member(),
          member("point", &Record::point, "id of the point: the hash of its parameters").needed(),
          member("seconds", &Record::seconds, "time of the trial on one thread").unit("s").needed(),
          member("session", &Record::session, "who measured it").needed(),
          status_member(),
          member("trial", &Record::trial, "number of the trial, from 0").range(0, 9e15).needed()};
}

core::Json Record::to_json() const {
  core::Json json = core::to_json(*this);
  json.erase(checksum_name);
  json.emplace("schema", record_schema);
  return json;
}

Record Record::from_json(const core::Json& json) {
  return core::from_json<Record>(json, "");
}

core::MemberList<Identity> Identity::members() {
  using core::member;
  return {member("experiment", &Identity::experiment, "name of the experiment").needed(),
          member("experiment_version", &Identity::experiment_version, "the same parameters mean the same measurement"),
          member("rng_version", &Identity::rng_version, "the same coins give the same draws"),
          member("seed", &Identity::seed, "config seed").needed()};
}

simulator::GameRecord game_of(const Record& record) {
  return read_part(record, [&] {
    simulator::GameRecord game;
    game.status = record.result.status;
    game = core::members_of<simulator::GameRecord>().read(record.result.data, "data", game);
    if (game.status == Status::ok) require_errors(game);
    return game;
  });
}

simulator::GamePoint point_of(const Record& record) {
  return read_part(record, [&] { return core::from_json<simulator::GamePoint>(*record.parameters, "parameters"); });
}

Identity identity_of(const Record& record) {
  return read_part(record, [&] { return core::from_json<Identity>(*record.parameters, "parameters"); });
}

Failure failure_of(const Record& record) {
  return read_part(record, [&] { return core::from_json<Failure>(record.result.data, "data"); });
}

std::string point_id(const core::Json& parameters) {
  return core::hash128_hex(parameters.dump());
}

}  // namespace kvfrontier::sweep
