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
    read_json_file(file.path);
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
  CHECK(read_json_file(file.path) == Json{{"a", {1, 2}}, {"b", nullptr}});
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
  CHECK_THROWS_WITH(read_json_file("/nowhere/config.json"), Contains("/nowhere/config.json"));
  CHECK_THROWS_AS(read_json_file(std::filesystem::temp_directory_path()), UserError);
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
