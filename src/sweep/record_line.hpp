#pragma once
// Lines of records.jsonl in the form in which kvfrontier writes them, read without building JSON values: a million records
// are a gigabyte of text, and whoever reads them needs few of their numbers.

#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>

#include "sweep/record.hpp"

namespace kvfrontier::sweep {

// The fields of a record of schema `record_schema`; data and parameters are the text of one JSON object each.
struct RecordLine {
  std::string_view data, parameters, point;
  double seconds = 0;
  std::string_view session;
  Status status = Status::ok;
  std::int64_t trial = 0;
};

// The fields as views into `line` (without its newline), if it is valid JSON with exactly these fields in the order and
// spacing of Record::to_json().dump(). nullopt for anything else, which may be a record all the same: who cannot read a line
// here asks a JSON parser.
std::optional<RecordLine> read_record_line(std::string_view line);

// The line that read_record_line reads, with its newline.
void write_record_line(const RecordLine& record, std::ostream& stream);

}  // namespace kvfrontier::sweep
