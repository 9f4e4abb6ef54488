#pragma once
// Lines of records.jsonl in the form in which kvfrontier writes them, read without building JSON values: a million records
// are a gigabyte of text, and whoever reads them needs few of their numbers.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sweep/record.hpp"

namespace kvfrontier::sweep {

// Every line of a store, of whatever kind, is a JSON object whose first member is a checksum of the rest of the line: a
// changed character is found before anything is believed.
inline constexpr const char* checksum_name = "checksum";
enum class Seal { sound, broken, none };
Seal seal_of(std::string_view line);
// The line, with its newline, of the text of an object that has no such member.
std::string sealed(std::string_view object);
// The line of an object; a checksum that it has is replaced.
std::string sealed_line(core::Json object);

// The fields of a record of schema `record_schema`; data and parameters are the text of one JSON object each.
struct RecordLine {
  std::string_view data, parameters, point;
  double seconds = 0;
  std::string_view session;
  Status status = Status::ok;
  std::int64_t trial = 0;
};

// The fields as views into `line` (without its newline), if its seal is sound and it is valid JSON with exactly these
// fields in the order and spacing of sealed_line(Record::to_json()). nullopt for anything else, which may be a record all the same: who cannot read a line
// here asks a JSON parser.
std::optional<RecordLine> read_record_line(std::string_view line);

// The line that read_record_line reads, with its newline.
std::string record_line(const RecordLine& record);

}  // namespace kvfrontier::sweep
