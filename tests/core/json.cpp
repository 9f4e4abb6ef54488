#include "core/json.hpp"

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "../support/catch.hpp"
#include "core/errors.hpp"

using namespace kvfrontier::core;

namespace {

class File {
 public:
  explicit File(const std::string& text)
      : path(std::filesystem::temp_directory_path() / ("kvfrontier-json-" + std::to_string(getpid()) + ".json")) {
    std::ofstream(path) << text;
  }
  ~File() { std::filesystem::remove(path); }
  const std::filesystem::path path;
};

std::string complaint(const std::string& text) {
  const File file(text);
  try {
    parse_json(read_json_text(file.path), json_file_name(file.path));
  } catch (const UserError& error) {
    const std::string what = error.what();
    REQUIRE(what.find(file.path.string()) == 0);
    return what.substr(file.path.string().size());
  }
  FAIL("no UserError for " << text);
  return {};
}

}  // namespace

TEST_CASE("a config may have comments", "[json]") {
  const File file("// first\n{ \"a\": [1, 2], /* then */ \"b\": null }\n// last");
  CHECK(parse_json(read_json_text(file.path), json_file_name(file.path)) == Json{{"a", {1, 2}}, {"b", nullptr}});
}

TEST_CASE("a syntax error is told with line and column", "[json]") {
  CHECK(complaint("[1, 2,, 3]").find(", line 1, column 7: syntax error") == 0);
  CHECK(complaint("{\n  \"a\": 1,\n  \"b\" 2\n}").find(", line 3, column 7: syntax error") == 0);
  CHECK(complaint("\n\n]").find(", line 3, column 1: syntax error") == 0);
  CHECK(complaint("]").find(", line 1, column 1: syntax error") == 0);
  CHECK(complaint("").find(", line 1, column 1: syntax error") == 0);
  CHECK(complaint("{\"a\": 1} x").find(", line 1, column 10: syntax error") == 0);
  CHECK(complaint("{\"a\": \"\xff\"}").find(", line 1, column 8: syntax error") == 0);
}

TEST_CASE("a file that is not there is named", "[json]") {
  CHECK_THROWS_WITH(read_json_text("/nowhere/config.json"), Contains("/nowhere/config.json"));
  CHECK_THROWS_AS(read_json_text(std::filesystem::temp_directory_path()), UserError);
}

TEST_CASE("values are described briefly and stay valid text", "[json]") {
  CHECK(describe(nullptr) == "null");
  CHECK(describe("x") == "\"x\"");
  CHECK(describe(0.1) == "0.1");
  CHECK(describe({1, 2}) == "[1,2]");
  CHECK(describe(std::string(58, 'x')).size() == 60);
  const std::string shortened = describe(std::string(59, 'x'));
  CHECK(shortened.size() == 60);
  CHECK(shortened.substr(56) == "x...");
  // A cut inside a character would make an error text that no row can hold.
  for (int lead = 0; lead < 4; ++lead) {
    std::string text(static_cast<std::size_t>(lead), 'x');
    while (text.size() < 80) text += "\xe2\x82\xac";
    CHECK_NOTHROW(Json(describe(text)).dump());
  }
}

TEST_CASE("values in cells: strings bare, numbers to four digits", "[json]") {
  CHECK(kvfrontier::core::brief("fp16") == "fp16");
  CHECK(kvfrontier::core::brief(2.972877358490566) == "2.973");
  CHECK(kvfrontier::core::brief(1.0) == "1");
  CHECK(kvfrontier::core::brief(123456) == "123456");
  CHECK(kvfrontier::core::brief(true) == "true");
}

TEST_CASE("unknown keys are errors at their path", "[json]") {
  CHECK_NOTHROW(require_known_keys({{"sides", 1}}, "schedule", {"sides", "name"}));
  try {
    require_known_keys({{"side", 1}}, "grid.schedule", {"sides", "name"});
    FAIL("no error");
  } catch (const ConfigError& error) {
    CHECK(error.path == "grid.schedule.side");
    CHECK(error.found == "an unknown key");
    CHECK(error.allowed == "sides, name");
    CHECK(error.nearest == "sides");
  }
  CHECK_THROWS_AS(require_known_keys(Json::array(), "x", {"sides"}), ConfigError);
  CHECK(join_path("", "a") == "a");
  CHECK(join_path("a.b", "c") == "a.b.c");
}

TEST_CASE("a key that an object has twice is an error that names both places", "[json]") {
  CHECK(complaint("{\"a\": 1,\n \"b\": {\"c\": [0, {\"d\": 1, \"d\": 2}]}}") ==
        ", line 2, column 26: b.c[1].d: found a second time; the first is in line 2, column 18");
  CHECK(complaint("{\"grid\": {\"n\": 1},\n\"grid\": {\"n\": 2}}") ==
        ", line 2, column 1: grid: found a second time; the first is in line 1, column 2");
  // The place is that of the opening quote, whatever the key holds.
  CHECK(complaint("{\"a\\\"\\\\\": 1, \"a\\\"\\\\\": 2}").find(", line 1, column 14: a\"\\: found") == 0);
  CHECK(complaint("{\"\": 1, \"\": 2}").find(", line 1, column 9: found a second time") == 0);
  // The same name in another object is another key.
  CHECK(parse_json("{\"a\": {\"a\": 1}, \"b\": [{\"a\": 1}, {\"a\": 2}]}", "x").size() == 2);
}

TEST_CASE("a number that no double can hold is an error with its path", "[json]") {
  CHECK(complaint("{\"a\": {\"rate\": [1,\n 1e400]}}") ==
        ", line 2, column 2: a.rate[1]: found 1e400; allowed: a number up to 1.8e308");
  CHECK(complaint("-1e999") == ", line 1, column 1: found -1e999; allowed: a number up to 1.8e308");
  CHECK(parse_json("1e-400", "x") == 0);
  CHECK(parse_json("18446744073709551615", "x").get<std::uint64_t>() == 18446744073709551615U);
}

TEST_CASE("nesting has a limit, and no depth ends the program", "[json]") {
  const auto nested = [](int depth, const std::string& open, const std::string& close) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += "1";
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  CHECK_NOTHROW(parse_json(nested(deepest_json, "[", "]"), "x"));
  CHECK_NOTHROW(parse_json(nested(deepest_json, "{\"a\":", "}"), "x"));
  const std::string says = ": more than 100 lists and objects within each other";
  for (const int depth : {deepest_json + 1, 100'000}) {
    CHECK(complaint(nested(depth, "[", "]")) == ", line 1, column 101" + says);
    CHECK(complaint(nested(depth, "{\"a\":", "}")).find(says) != std::string::npos);
    CHECK(complaint(nested(depth, "[\n", "]")) == ", line 101, column 1" + says);
  }
}

TEST_CASE("a file has a limit, and no endless one is read to its end", "[json]") {
  CHECK_THROWS_WITH(read_json_text("/dev/zero"), "/dev/zero: found more than 16 MB; allowed: a file of at most that");
  const File file(std::string(longest_json + 1, ' '));
  CHECK_THROWS_WITH(read_json_text(file.path), Contains("found more than 16 MB"));
  const File fits(std::string(longest_json, ' '));
  CHECK(read_json_text(fits.path).size() == longest_json);
}

TEST_CASE("the line of a dotted path", "[json]") {
  const std::string text =
      "{\n"
      " \"grid\": [\n"
      "  {\"n\": 1},\n"
      "  {\"n\": [\n"
      "    2,\n"
      "    3\n"
      "  ]}\n"
      " ],\n"
      " \"n\": 4, \"na\": 5\n"
      "}";
  CHECK(line_of(text, "grid") == 2);
  CHECK(line_of(text, "grid[0].n") == 3);
  CHECK(line_of(text, "grid[1]") == 4);
  CHECK(line_of(text, "grid[1].n[0]") == 5);
  CHECK(line_of(text, "grid[1].n[1]") == 6);
  CHECK(line_of(text, "n") == 9);
  // What is not there: the innermost that is.
  CHECK(line_of(text, "grid[1].n[7]") == 4);
  CHECK(line_of(text, "grid[0].scheme.name") == 3);
  CHECK(line_of(text, "grid[5].n") == 2);
  CHECK(line_of(text, "nab") == std::nullopt);
  CHECK(line_of(text, "") == std::nullopt);
  CHECK(line_of("[1,\n2]", "[1]") == 2);
}

TEST_CASE("lines of a file are told by their column", "[json]") {
  CHECK_THROWS_WITH(parse_json_line("{\"a\": 1, \"a\": 2}", "rows:3"),
                    "rows:3: column 10: a: found a second time; the first is in column 2");
  CHECK_THROWS_WITH(parse_json_line("{\"a\": /* no */ 1}", "rows:3"),
                    Contains("rows:3: column ") && Contains("this line is not JSON") && Contains("syntax error"));
  CHECK_THROWS_WITH(parse_json_line("{\"a\": 1e999}", "rows:3"), Contains("rows:3: column 7: a: found 1e999"));
  CHECK_THROWS_WITH(parse_json_line("", "rows:3"), Contains("rows:3: column 1: this line is not JSON ("));
}
