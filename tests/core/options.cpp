#include "core/options.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "core/errors.hpp"

using namespace kvfrontier::core;

namespace {

const OptionTable& table() {
  static const OptionTable options{
      Option::integer("window", {}, 0, 100, "a size").sized(),
      Option::integer("group", 32, 1, 1'000'000, "an integer"),
      Option::real("eta", 0.5, 0, 0.99, "a number"),
      Option::choice("proxy", "k2k", {"k2k", "random"}, "a choice"),
      Option::choice("label", "none", {}, "any text"),
      Option::boolean("exact", false, "a switch"),
      Option::structured("schedule", "doubling", "a name or an object", "checked elsewhere")};
  return options;
}

ConfigError error_of(const Json& given) {
  try {
    table().resolve(given, "grid.scheme[2]");
  } catch (const ConfigError& error) {
    return error;
  }
  FAIL("no ConfigError for " << given);
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("defaults fill what was not given", "[options]") {
  const Json all = table().resolve(Json::object(), "scheme");
  CHECK(all == Json{{"window", nullptr},
                    {"group", 32},
                    {"eta", 0.5},
                    {"proxy", "k2k"},
                    {"label", "none"},
                    {"exact", false},
                    {"schedule", "doubling"}});
  const Json some = table().resolve(
      {{"name", "x"}, {"window", 7}, {"proxy", "random"}, {"exact", true}, {"schedule", {{"sides", {1, 2}}}}},
      "scheme");
  CHECK(some["window"] == 7);
  CHECK(some["proxy"] == "random");
  CHECK(some["exact"] == true);
  CHECK(some["schedule"]["sides"][1] == 2);
  CHECK_FALSE(some.contains("name"));
  CHECK(table().names() == std::vector<std::string>{"window", "group", "eta", "proxy", "label", "exact", "schedule"});
  CHECK(table().find("eta")->meaning == "a number");
  CHECK(table().find("Eta") == nullptr);
}

TEST_CASE("a required option must be given", "[options]") {
  const OptionTable needy{Option::structured("program", {}, "a list of words", "a program").needed(),
                          Option::integer("group", 32, 1, 64, "an integer")};
  CHECK(needy.has_required());
  CHECK_FALSE(table().has_required());
  CHECK(needy.resolve({{"program", {"x"}}}, "") == Json{{"program", {"x"}}, {"group", 32}});
  for (const Json& given : {Json{{"group", 32}}, Json{{"program", nullptr}}}) {
    try {
      needy.resolve(given, "grid.scheme");
      FAIL("no ConfigError for " << given);
    } catch (const ConfigError& error) {
      CHECK(error.path == "grid.scheme.program");
      CHECK(error.found == "nothing");
      CHECK(error.allowed == "a list of words");
    }
  }
}

TEST_CASE("numbers take the type of their option, so equal values give equal points", "[options]") {
  const Json resolved = table().resolve({{"group", 4.0}, {"eta", 0}}, "");
  CHECK(resolved["group"].dump() == "4");
  CHECK(resolved["eta"].dump() == "0.0");
  CHECK(table().resolve({{"group", 4}, {"eta", 0.0}}, "") == resolved);
  CHECK(table().resolve({{"group", 4}, {"eta", 0.0}}, "").dump() == resolved.dump());
}

TEST_CASE("what does not fit is refused with path, found, allowed and the nearest name", "[options]") {
  const auto unknown = error_of({{"grp", 4}});
  CHECK(unknown.path == "grid.scheme[2].grp");
  CHECK(unknown.nearest == "group");
  CHECK(unknown.allowed.find("window, group, eta") != std::string::npos);

  const auto range = error_of({{"group", 0}});
  CHECK(range.path == "grid.scheme[2].group");
  CHECK(range.found == "0");
  CHECK(range.allowed == "an integer from 1 to 1000000");
  CHECK(std::string(range.what()) == "grid.scheme[2].group: found 0; allowed: an integer from 1 to 1000000");

  CHECK(error_of({{"group", 1'000'001}}).found == "1000001");
  CHECK(error_of({{"group", 2.5}}).found == "2.5");
  CHECK(error_of({{"group", "4"}}).found == "\"4\"");
  CHECK(error_of({{"group", true}}).found == "true");
  CHECK(error_of({{"group", nullptr}}).found == "null");  // only an option without a default may be left open
  CHECK_NOTHROW(table().resolve({{"window", nullptr}}, ""));
  CHECK(error_of({{"window", -1}}).allowed == "an integer from 0 to 100");
  CHECK(error_of({{"eta", 1.0}}).allowed == "a number from 0 to 0.99");
  CHECK(error_of({{"exact", 1}}).allowed == "true or false");
  CHECK(error_of({{"label", 1}}).allowed == "text");
  CHECK_NOTHROW(table().resolve({{"label", "anything"}}, ""));

  const auto choice = error_of({{"proxy", "randon"}});
  CHECK(choice.allowed == "k2k, random");
  CHECK(choice.nearest == "random");
  CHECK(std::string(choice.what()).find("did you mean \"random\"?") != std::string::npos);
  CHECK(error_of({{"proxy", "something else"}}).nearest.empty());
  CHECK(error_of(Json::array({1, 2})).path == "grid.scheme[2]");
  CHECK(error_of(7).found == "7");
}

TEST_CASE("half-open ranges are told as such", "[options]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(Option::real("x", {}, 0, infinity, "").allowed_text() == "a number of at least 0");
  CHECK(Option::real("x", {}, -infinity, 5, "").allowed_text() == "a number of at most 5");
  CHECK(Option::real("x", {}, -infinity, infinity, "").allowed_text() == "a number");
  CHECK(Option::integer("x", {}, 3, std::numeric_limits<std::int64_t>::max(), "").allowed_text() ==
        "an integer of at least 3");
  CHECK(Option::real("x", {}, 0, 1, "").type_text() == "number");
  CHECK(Option::boolean("x", true, "").type_text() == "true or false");
  // No integer beyond what a double holds exactly gets through.
  const Option wide = Option::integer("x", {}, 0, std::numeric_limits<std::int64_t>::max(), "");
  CHECK(OptionTable::check(wide, 9'000'000'000'000'000, "x") == 9'000'000'000'000'000);
  CHECK_THROWS_AS(OptionTable::check(wide, 9'000'000'000'000'002, "x"), ConfigError);
  CHECK_THROWS_AS(OptionTable::check(wide, 1e300, "x"), ConfigError);
}

TEST_CASE("a size is given or left to the budget", "[options]") {
  CHECK(table().has_size());
  CHECK(table().gives_size({{"window", 0}}));
  CHECK_FALSE(table().gives_size({{"window", nullptr}}));
  CHECK_FALSE(table().gives_size({{"group", 4}}));
  CHECK(table().size_is_open(table().resolve(Json::object(), "")));
  CHECK_FALSE(table().size_is_open(table().resolve({{"window", 3}}, "")));
  CHECK_FALSE(OptionTable{}.has_size());
  CHECK(OptionTable{}.resolve(Json::object(), "") == Json::object());
}
