// A line of records.jsonl: the fast scanner against the JSON parser, and the general reader of records. The first byte
// says whether the line is sealed here, for a checksum would keep every other input out.

#include <optional>
#include <string>

#include "../input.hpp"
#include "core/errors.hpp"
#include "core/json.hpp"
#include "sweep/record.hpp"
#include "sweep/record_line.hpp"

using namespace kvfrontier;
using core::Json;
using fuzz::require;

namespace {

// What is written must be read as the same: by the scanner, and as JSON.
void check_written_again(const sweep::Record& record) {
  const std::string line = sweep::sealed_line(record.to_json());
  const auto again = sweep::Record::from_json(Json::parse(line));
  require(sweep::sealed_line(again.to_json()) == line, "a record that is written and read is written as the same line");
}

// The parts of a record that others read, each of which may refuse it with a StoreError.
template <class Part>
void read_part(const sweep::Record& record, Part part) {
  try {
    part(record);
  } catch (const core::StoreError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool seal = input.choice(2) == 1;
  std::string line(input.rest());
  if (seal) {
    line = sweep::sealed(line.empty() ? " " : line);
    line.pop_back();
  }
  const auto fields = sweep::read_record_line(line);
  if (fields) {
    const Json parsed = Json::parse(line, nullptr, false);
    require(!parsed.is_discarded(), "what the scanner accepts is JSON");
    require(Json::parse(fields->data) == parsed.at("data"), "the scanner and the parser read the same data");
    require(Json::parse(fields->parameters) == parsed.at("parameters"), "they read the same parameters");
    require(fields->point == parsed.at("point").get<std::string>(), "they read the same point");
    require(fields->session == parsed.at("session").get<std::string>(), "they read the same session");
    require(core::Json(fields->seconds) == parsed.at("seconds"), "they read the same seconds");
    require(parsed.at("trial") == fields->trial, "they read the same trial");
    require(core::enum_name(fields->status) == parsed.at("status").get<std::string>(), "they read the same status");
    const std::string written = sweep::record_line(*fields);
    const auto again = sweep::read_record_line(std::string_view(written).substr(0, written.size() - 1));
    require(again.has_value(), "a line that is written again is read again");
    require(sweep::record_line(*again) == written, "a line that is read is written as the same line");
  }
  std::optional<sweep::Record> record;
  try {
    record = sweep::Record::from_json(core::parse_json_line(line, "line"));
  } catch (const core::UserError&) {
    return 0;
  }
  check_written_again(*record);
  read_part(*record, sweep::game_of);
  read_part(*record, sweep::point_of);
  read_part(*record, sweep::identity_of);
  read_part(*record, sweep::failure_of);
  return 0;
}
