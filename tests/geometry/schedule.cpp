#include "geometry/schedule.hpp"

#include "../support/catch.hpp"
#include "core/errors.hpp"

using kvfrontier::core::ConfigError;
using kvfrontier::geometry::Index;
using kvfrontier::geometry::Position;
using kvfrontier::geometry::Schedule;

namespace {

// The error that `make` throws, or a failure.
template <class Make>
ConfigError error_of(Make&& make) {
  try {
    make();
  } catch (const ConfigError& error) {
    return error;
  }
  FAIL("no ConfigError");
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("published schedules hold the published token counts", "[schedule]") {
  const auto var256 = Schedule::named("var256", 16);
  CHECK(var256.tokens() == 424);
  CHECK(var256.map_count() == 9);
  CHECK(var256.n() == 16);
  // Cumulative tokens of the 256-pixel model.
  const Index cumulative[] = {0, 1, 5, 14, 30, 55, 91, 155, 255, 424};
  for (int k = 0; k <= 9; ++k) CHECK(var256.first_token(k) == cumulative[k]);

  const auto var512 = Schedule::named("var512", 0);
  CHECK(var512.tokens() == 1216);
  CHECK(var512.n() == 32);
  CHECK(var512.first_token(6) == 147);

  const auto infinity = Schedule::named("infinity", 64);
  CHECK(infinity.tokens() == 6425);
  CHECK(infinity.sides().size() == 13);
  // Prefixes of the same list are the models of fewer pixels: their totals with the last map.
  CHECK(infinity.first_token(7) == 521);
  CHECK(infinity.first_token(10) == 2521);
}

TEST_CASE("doubling caches (n^2 - 1)/3 tokens, one step caches one", "[schedule]") {
  for (int n = 2; n <= 16384; n *= 2) {
    const auto doubling = Schedule::named("doubling", n);
    CHECK(doubling.tokens() == (Index{n} * n - 1) / 3);
    CHECK(doubling.n() == n);
    CHECK(doubling.name() == "doubling");
  }
  CHECK(Schedule::named("one_step", 2).tokens() == 1);
  CHECK(Schedule::named("one_step", 1000).tokens() == 1);
  CHECK(Schedule::named("one_step", 1000).n() == 1000);
}

TEST_CASE("names and fixed sides", "[schedule]") {
  CHECK(Schedule::names() == std::vector<std::string>{"doubling", "infinity", "one_step", "var256", "var512"});
  CHECK(Schedule::fixed_side("var256") == 16);
  CHECK(Schedule::fixed_side("var512") == 32);
  CHECK(Schedule::fixed_side("infinity") == 64);
  CHECK(Schedule::fixed_side("doubling") == 0);
  CHECK(Schedule::fixed_side("one_step") == 0);
}

TEST_CASE("positions run through the maps in raster order", "[schedule]") {
  for (const Schedule& schedule : {Schedule::named("var256", 0), Schedule::named("doubling", 16),
                                   Schedule("sides", {3, 4, 9}), Schedule::named("one_step", 7)}) {
    Index token = 0;
    for (int map = 0; map < schedule.map_count(); ++map) {
      REQUIRE(schedule.first_token(map) == token);
      const int side = schedule.sides()[static_cast<std::size_t>(map)];
      for (int row = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column, ++token) {
          REQUIRE(schedule.map_of(token) == map);
          const Position position = schedule.position(token);
          REQUIRE(position.map == map);
          REQUIRE(position.row == row);
          REQUIRE(position.column == column);
        }
      }
    }
    CHECK(token == schedule.tokens());
    CHECK(schedule.first_token(schedule.map_count()) == token);
  }
}

TEST_CASE("schedule errors say where, what and what is allowed", "[schedule]") {
  CHECK(error_of([] { Schedule("sides", {4}); }).path == "schedule");
  CHECK(error_of([] { Schedule("sides", {}); }).found == "0 sides");
  const auto flat = error_of([] { Schedule("sides", {1, 2, 2}, "grid.schedule.sides"); });
  CHECK(flat.path == "grid.schedule.sides[2]");
  CHECK(flat.found == "2");
  CHECK(flat.allowed.find("more than 2") != std::string::npos);
  CHECK(error_of([] { Schedule("sides", {0, 2}); }).path == "schedule[0]");
  CHECK(error_of([] { Schedule("sides", {1, 16385}); }).path == "schedule[1]");
  CHECK_NOTHROW(Schedule("sides", {1, 16384}));

  const auto unknown = error_of([] { Schedule::named("var265", 16, "grid.schedule"); });
  CHECK(unknown.path == "grid.schedule");
  CHECK(unknown.nearest == "var256");
  const auto wrong_side = error_of([] { Schedule::named("var256", 32); });
  CHECK(wrong_side.found == "\"var256\" with n = 32");
  CHECK(wrong_side.allowed.find("n = 16") != std::string::npos);
  CHECK(error_of([] { Schedule::named("doubling", 24); }).allowed.find("16 or 32") != std::string::npos);
  for (const int n : {-4, 0, 1, 32768}) {
    CHECK_THROWS_AS(Schedule::named("doubling", n), ConfigError);
    CHECK_THROWS_AS(Schedule::named("one_step", n), ConfigError);
  }
}
