// kvfrontier table: one line a point.

#include <iostream>

#include "analysis/columns.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* table_usage = "table DIR [--format csv|json|text|latex]";

int print_table(const std::vector<std::string>& arguments) {
  std::string format = "text";
  po::options_description flags("flags");
  flags.add_options()("format", po::value(&format), "text (default), csv, json or latex");
  po::variables_map values;
  if (!parse("table", table_usage, flags, "DIR", 1, arguments, values)) return 0;
  require_choice("--format", format, {"text", "csv", "json", "latex"});
  const auto points = Games(required(values, "DIR", "table")).points;
  if (format == "text") {
    std::cout << analysis::table_text(points);
  } else if (format == "csv") {
    std::cout << analysis::table_csv(points);
  } else if (format == "json") {
    std::cout << analysis::table_json(points);
  } else {
    std::cout << analysis::table_latex(points);
  }
  return 0;
}

}  // namespace

Verb table_verb() {
  return {"table", table_usage, "scheme, rate, bits, error with interval, floor and gap of every point", print_table};
}

}  // namespace kvfrontier::cli
