#include "core/members.hpp"

#include <limits>

#include "../support/catch.hpp"
#include "core/errors.hpp"

namespace kvfrontier::core::members_test {

enum class Proxy { k2k, random };

struct Made {
  std::optional<int> window;
  std::int64_t group = 32;
  double eta = 0.5;
  Proxy proxy = Proxy::k2k;
  std::string label = "none";
  bool exact = false;
  JsonText schedule{"doubling"};
  static MemberList<Made> members() {
    return {member("window", &Made::window, "a size").range(0, 100).sized(),
            member("group", &Made::group, "an integer").range(1, 1e6),
            member("eta", &Made::eta, "a number").range(0, 0.99),
            member("proxy", &Made::proxy, "a choice"),
            member("label", &Made::label, "any text"),
            member("exact", &Made::exact, "a switch"),
            member("schedule", &Made::schedule, "read elsewhere").allowed("a name or an object")};
  }
};

// Parts within parts, lists, maps, a member that exists only sometimes.
struct Part {
  double mean = 0;
  std::int64_t count = 0;
  static MemberList<Part> members() {
    return {member("mean", &Part::mean, "mean").nullable(), member("count", &Part::count, "count").needed()};
  }
};
struct Whole {
  bool tailed = false;
  std::optional<double> tail;
  std::map<std::string, Part> parts;
  std::vector<int> list;
  std::string text;
  static MemberList<Whole> members() {
    return {{member("tailed", &Whole::tailed, "whether there is a tail"),
             member("tail", &Whole::tail, "the tail").when([](const Whole& whole) { return whole.tailed; }),
             member("parts", &Whole::parts, "parts by name"), member("list", &Whole::list, "numbers"),
             member("text", &Whole::text, "text")},
            Nulls::omit};
  }
};

struct Needy {
  std::vector<std::string> program;
  int group = 32;
  static MemberList<Needy> members() {
    return {member("program", &Needy::program, "a program").allowed("a list of words").needed(),
            member("group", &Needy::group, "an integer").range(1, 64)};
  }
};

struct Numbers {
  double any = 0, below = 0, above = 0;
  std::int64_t wide = 0;
  static MemberList<Numbers> members() {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return {member("any", &Numbers::any, ""), member("below", &Numbers::below, "").range(-infinity, 5),
            member("above", &Numbers::above, "").range(0, infinity),
            member("wide", &Numbers::wide, "").range(3, 1e300)};
  }
};

namespace {

const OptionTable& table() {
  return table_of<Made>();
}
Json resolved(const Json& given) {
  return table().resolve(given, "").to_json();
}

template <class Read>
ConfigError error_of(const Read& read) {
  try {
    read();
  } catch (const ConfigError& error) {
    return error;
  }
  FAIL("no ConfigError");
  throw std::logic_error("unreachable");
}
ConfigError refused(const Json& given) {
  INFO(given);
  return error_of([&] { table().resolve(given, "grid.scheme[2]"); });
}

}  // namespace
}  // namespace kvfrontier::core::members_test

template <>
struct kvfrontier::core::EnumNames<kvfrontier::core::members_test::Proxy> {
  static constexpr std::array names{"k2k", "random"};
};

namespace kvfrontier::core::members_test {

TEST_CASE("defaults fill what was not given", "[members]") {
  CHECK(resolved(Json::object()) == Json{{"window", nullptr},
                                         {"group", 32},
                                         {"eta", 0.5},
                                         {"proxy", "k2k"},
                                         {"label", "none"},
                                         {"exact", false},
                                         {"schedule", "doubling"}});
  const Options options = table().resolve(
      {{"name", "x"}, {"window", 7}, {"proxy", "random"}, {"exact", true}, {"schedule", {{"sides", {1, 2}}}}},
      "scheme");
  const Made& made = options.as<Made>();
  CHECK(made.window == 7);
  CHECK(made.proxy == Proxy::random);
  CHECK(made.exact);
  CHECK(made.schedule.parsed()["sides"][1] == 2);
  CHECK_FALSE(options.to_json().contains("name"));
  CHECK(table().names() == std::vector<std::string>{"window", "group", "eta", "proxy", "label", "exact", "schedule"});
  CHECK(table().find("eta")->meaning == "a number");
  CHECK(table().find("Eta") == nullptr);
  CHECK(member_name(&Made::group) == "group");
}

TEST_CASE("options are of the struct that declared them, and of no other", "[members]") {
  const Options options = table().resolve(Json::object(), "");
  CHECK_FALSE(options.is_unknown());
  CHECK_NOTHROW(options.as<Made>());
  CHECK_THROWS_AS(options.as<Needy>(), std::logic_error);
  CHECK(options == Options(Made{}));
  const Options unknown = Options::unknown({{"knobs", {1, 2}}});
  CHECK(unknown.is_unknown());
  CHECK(unknown.to_json() == Json{{"knobs", {1, 2}}});
  CHECK_THROWS_AS(unknown.as<Made>(), std::logic_error);
}

TEST_CASE("a required option must be given", "[members]") {
  const OptionTable& needy = table_of<Needy>();
  CHECK(needy.has_required());
  CHECK_FALSE(table().has_required());
  CHECK(needy.resolve({{"program", {"x"}}}, "").to_json() == Json{{"program", {"x"}}, {"group", 32}});
  for (const Json& given : {Json{{"group", 32}}, Json{{"program", nullptr}}}) {
    const ConfigError error = error_of([&] { needy.resolve(given, "grid.scheme"); });
    CHECK(error.path == "grid.scheme.program");
    CHECK(error.found == "nothing");
    CHECK(error.allowed == "a list of words");
  }
  CHECK(error_of([&] { needy.resolve({{"program", {"x", 3}}}, "s"); }).path == "s.program[1]");
}

TEST_CASE("numbers take the type of their member, so equal values give equal points", "[members]") {
  const Json one = resolved({{"group", 4.0}, {"eta", 0}});
  CHECK(one["group"].dump() == "4");
  CHECK(one["eta"].dump() == "0.0");
  CHECK(resolved({{"group", 4}, {"eta", 0.0}}).dump() == one.dump());
}

TEST_CASE("what does not fit is refused with path, found, allowed and the nearest name", "[members]") {
  const auto unknown = refused({{"grp", 4}});
  CHECK(unknown.path == "grid.scheme[2].grp");
  CHECK(unknown.nearest == "group");
  CHECK(unknown.allowed.find("window, group, eta") != std::string::npos);

  const auto range = refused({{"group", 0}});
  CHECK(range.path == "grid.scheme[2].group");
  CHECK(range.found == "0");
  CHECK(range.allowed == "an integer from 1 to 1000000");
  CHECK(std::string(range.what()) == "grid.scheme[2].group: found 0; allowed: an integer from 1 to 1000000");

  CHECK(refused({{"group", 1'000'001}}).found == "1000001");
  CHECK(refused({{"group", 2.5}}).found == "2.5");
  CHECK(refused({{"group", "4"}}).found == "\"4\"");
  CHECK(refused({{"group", true}}).found == "true");
  CHECK(refused({{"group", nullptr}}).found == "null");  // only a member without a default may be left open
  CHECK_NOTHROW(resolved({{"window", nullptr}}));
  CHECK(refused({{"window", -1}}).allowed == "an integer from 0 to 100");
  CHECK(refused({{"eta", 1.0}}).allowed == "a number from 0 to 0.99");
  CHECK(refused({{"exact", 1}}).allowed == "true or false");
  CHECK(refused({{"label", 1}}).allowed == "text");
  CHECK_NOTHROW(resolved({{"label", "anything"}}));

  const auto choice = refused({{"proxy", "randon"}});
  CHECK(choice.allowed == "k2k, random");
  CHECK(choice.nearest == "random");
  CHECK(std::string(choice.what()).find("did you mean \"random\"?") != std::string::npos);
  CHECK(refused({{"proxy", "something else"}}).nearest.empty());
  CHECK(refused(Json::array({1, 2})).path == "grid.scheme[2]");
  CHECK(refused(7).found == "7");
}

TEST_CASE("half-open ranges are told as such", "[members]") {
  const OptionTable& numbers = table_of<Numbers>();
  CHECK(numbers.find("above")->allowed_text() == "a number of at least 0");
  CHECK(numbers.find("below")->allowed_text() == "a number of at most 5");
  CHECK(numbers.find("any")->allowed_text() == "a number");
  CHECK(numbers.find("any")->type_text() == "number");
  CHECK(table().find("exact")->type_text() == "true or false");
  // No integer beyond what a double holds exactly gets through.
  const Option& wide = *numbers.find("wide");
  CHECK(wide.allowed_text() == "an integer of at least 3");
  CHECK(OptionTable::check(wide, 9'000'000'000'000'000, "x") == 9'000'000'000'000'000);
  CHECK_THROWS_AS(OptionTable::check(wide, 9'000'000'000'000'002, "x"), ConfigError);
  CHECK_THROWS_AS(OptionTable::check(wide, 1e300, "x"), ConfigError);
}

TEST_CASE("a size is given or left to the budget", "[members]") {
  CHECK(table().has_size());
  CHECK(table().size_names() == "window");
  CHECK(table().gives_size({{"window", 0}}));
  CHECK_FALSE(table().gives_size({{"window", nullptr}}));
  CHECK_FALSE(table().gives_size({{"group", 4}}));
  CHECK(table().size_is_open(table().resolve(Json::object(), "")));
  const Options sized = table().resolve({{"window", 3}}, "");
  CHECK_FALSE(table().size_is_open(sized));
  CHECK(table().size_is_open(table().without_sizes(sized)));
  CHECK_FALSE(table_of<NoOptions>().has_size());
  CHECK(table_of<NoOptions>().resolve(Json::object(), "").to_json() == Json::object());
}

TEST_CASE("structs come back from their JSON, parts, lists and maps included", "[members]") {
  Whole whole;
  whole.parts = {{"error", {0.25, 4}}, {"none", {std::numeric_limits<double>::quiet_NaN(), 2}}};
  whole.list = {3, 1};
  const Json json = core::to_json(whole);
  CHECK(json ==
        Json{{"tailed", false},
             {"parts", {{"error", {{"mean", 0.25}, {"count", 4}}}, {"none", {{"mean", nullptr}, {"count", 2}}}}},
             {"list", {3, 1}}});
  const auto again = core::from_json<Whole>(json, "");
  CHECK(core::to_json(again) == json);
  CHECK(std::isnan(again.parts.at("none").mean));
  // A member that does not exist is neither written nor read.
  whole.tail = 2.5;
  CHECK_FALSE(core::to_json(whole).contains("tail"));
  whole.tailed = true;
  CHECK(core::to_json(whole).at("tail") == 2.5);
  CHECK_FALSE(core::from_json<Whole>({{"tailed", false}, {"tail", 1.5}}, "").tail);
  CHECK(core::from_json<Whole>({{"tailed", true}, {"tail", 1.5}}, "").tail == 1.5);
  // Keys that are no member are passed over, and a complaint names the whole path.
  CHECK_NOTHROW(core::from_json<Whole>({{"later", 1}}, ""));
  CHECK(error_of([] {
          core::from_json<Whole>({{"parts", {{"error", {{"mean", 1}}}}}}, "data");
        }).path == "data.parts.error.count");
  CHECK(error_of([] { core::from_json<Whole>({{"parts", {{"error", 7}}}}, "data"); }).path == "data.parts.error");
  CHECK(error_of([] { core::from_json<Whole>({{"list", {1, "2"}}}, "data"); }).path == "data.list[1]");
  CHECK(error_of([] { core::from_json<Whole>(Json(3), "data"); }).path == "data");
}

TEST_CASE("members are picked and lifted by what they point to", "[members]") {
  struct Outer {
    Made inner;
    static MemberList<Outer> members() {
      std::vector<Member<Outer>> list;
      for (const auto& one : members_of<Made>().list()) {
        if (one.option().name != "schedule") list.push_back(lifted(&Outer::inner, one));
      }
      return list;
    }
  };
  const Outer outer = table_of<Outer>().resolve({{"group", 7}, {"proxy", "random"}}, "").as<Outer>();
  CHECK(outer.inner.group == 7);
  CHECK(outer.inner.proxy == Proxy::random);
  CHECK(table_of<Outer>().find("schedule") == nullptr);
  CHECK(pick(outer.inner, &Made::group, &Made::proxy) == Json{{"group", 7}, {"proxy", "random"}});
}

}  // namespace kvfrontier::core::members_test
