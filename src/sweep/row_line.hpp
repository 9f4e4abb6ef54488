#pragma once
// Lines of rows.jsonl in the form in which kvfrontier writes them, read without building JSON values: a million rows
// are a gigabyte of text, and whoever reads them needs few of their numbers.

#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>

namespace kvfrontier::sweep {

// The fields of a row of schema `row_schema`; data and parameters are the text of one JSON object each.
struct RowLine {
  std::string_view data, parameters, point;
  double seconds = 0;
  std::string_view session, status;
  std::int64_t trial = 0;
};

// The fields as views into `line` (without its newline), if it is valid JSON with exactly these fields in the order and
// spacing of Row::to_json().dump(). nullopt for anything else, which may be a row all the same: who cannot read a line
// here asks a JSON parser.
std::optional<RowLine> read_row_line(std::string_view line);

// The line that read_row_line reads, with its newline.
void write_row_line(const RowLine& row, std::ostream& stream);

}  // namespace kvfrontier::sweep
