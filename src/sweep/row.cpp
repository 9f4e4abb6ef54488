#include "sweep/row.hpp"

#include "core/ids.hpp"

namespace kvfrontier::sweep {

core::Json Row::to_json() const {
  return {{"schema", row_schema},    {"point", point},      {"trial", trial},
          {"status", result.status}, {"data", result.data}, {"parameters", *parameters},
          {"seconds", seconds},      {"session", session}};
}

Row Row::from_json(const core::Json& json) {
  Row row;
  row.point = json.at("point").get<std::string>();
  row.trial = json.at("trial").get<std::int64_t>();
  row.result.status = json.at("status").get<std::string>();
  row.result.data = json.at("data");
  row.parameters = std::make_shared<const core::Json>(json.at("parameters"));
  row.seconds = json.at("seconds").get<double>();
  row.session = json.at("session").get<std::string>();
  return row;
}

std::string damaged_row(const Row& row, const core::Json::exception& error) {
  return "point " + row.point + ", trial " + std::to_string(row.trial) + " (session " + row.session +
         "): " + core::json_complaint(error) + "; the row was edited or is damaged";
}

std::string point_id(const core::Json& parameters) {
  return core::hash128_hex(parameters.dump());
}

}  // namespace kvfrontier::sweep
