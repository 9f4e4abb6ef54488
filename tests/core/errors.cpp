#include "core/errors.hpp"

#include <unistd.h>

#include <filesystem>

#include "../support/catch.hpp"

using namespace kvfrontier::core;

TEST_CASE("the nearest name is within a third of the length, at least two edits", "[errors]") {
  const std::vector<std::string> names{"bitpack", "exact", "h2o", "kivi", "streaming_llm", "uniform"};
  CHECK(nearest_name("unifrom", names) == "uniform");
  CHECK(nearest_name("kiwi", names) == "kivi");
  CHECK(nearest_name("streamingllm", names) == "streaming_llm");
  CHECK(nearest_name("stream_lm", names).empty());  // 4 edits of 9 letters
  CHECK(nearest_name("hello world", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name("exact", names) == "exact");
  CHECK(nearest_name("ecukt", names).empty());  // 3 substitutions in 5 letters
  CHECK(nearest_name("ecakt", names) == "exact");
  CHECK(nearest_name("x", {}).empty());
  // Of equally near names the first.
  CHECK(nearest_name("ac", {"ab", "ad"}) == "ab");
  // One letter more, one less, one other.
  for (const char* name : {"uniiform", "unform", "uniforn"}) CHECK(nearest_name(name, names) == "uniform");
}

TEST_CASE("the nearest path is a neighbour of what is missing", "[errors]") {
  const auto folder = std::filesystem::temp_directory_path() / ("kvfrontier-errors-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder / "results");
  CHECK(nearest_path(folder / "result") == "; did you mean " + (folder / "results").string() + "?");
  CHECK(nearest_path(folder / "quite different").empty());
  CHECK(nearest_path(folder / "not there" / "result").empty());
  std::filesystem::remove_all(folder);
}

TEST_CASE("a config error is one sentence and keeps its parts", "[errors]") {
  const ConfigError error("grid.d[1]", "-3", "an integer from 1 to 65536");
  CHECK(std::string(error.what()) == "grid.d[1]: found -3; allowed: an integer from 1 to 65536");
  CHECK(error.path == "grid.d[1]");
  CHECK(error.nearest.empty());
  CHECK(std::string(ConfigError("", "7", "an object").what()) == "config: found 7; allowed: an object");
  CHECK(std::string(ConfigError("a", "\"x\"", "y", "y").what()) == "a: found \"x\"; allowed: y; did you mean \"y\"?");
  CHECK_THROWS_AS(throw error, UserError);
}

TEST_CASE("a data error tells need and have", "[errors]") {
  const DataError error(12, 5);
  CHECK(error.need == 12);
  CHECK(error.have == 5);
  CHECK(std::string(error.what()) == "the message ends too early: need 12 bits, have 5");
}
