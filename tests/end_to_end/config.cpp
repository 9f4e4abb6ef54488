// Configs become points: ranges, several grids, --set, and numbers that mean the same.

#include <set>

#include "../support/catch.hpp"
#include "core/errors.hpp"
#include "process.hpp"
#include "sweep/config.hpp"

namespace kvfrontier::end_to_end::config {
namespace {

sweep::Plan plan_of(const std::string& text) {
  return sweep::make_plan(Json::parse(text, nullptr, true, true));
}

sweep::Plan grid(const std::string& grid, const std::string& rest = "") {
  return plan_of(R"({"experiment": "index_frontier", "grid": )" + grid + rest + "}");
}

std::vector<std::string> ids(const sweep::Plan& plan) {
  std::vector<std::string> list;
  for (const auto& point : plan.points) list.push_back(point.id);
  return list;
}

template <class T>
std::vector<T> values(const sweep::Plan& plan, const char* key) {
  std::vector<T> list;
  for (const auto& point : plan.points) list.push_back(point.parameters.at(key).get<T>());
  return list;
}

}  // namespace

TEST_CASE("ranges are lists", "[end_to_end]") {
  CHECK(values<int>(grid(R"({"n": 8, "d": {"geometric": [16, 128, 2]}, "scheme": "exact"})"), "d") ==
        std::vector<int>{16, 32, 64, 128});
  CHECK(values<int>(grid(R"({"n": 8, "d": {"linear": [16, 40, 8]}, "scheme": "exact"})"), "d") ==
        std::vector<int>{16, 24, 32, 40});
  CHECK(values<int>(grid(R"({"n": 8, "d": {"linear": [16, 39, 8]}, "scheme": "exact"})"), "d") ==
        std::vector<int>{16, 24, 32});
  CHECK(values<int>(grid(R"({"n": 8, "d": {"geometric": [16, 16, 2]}, "scheme": "exact"})"), "d") ==
        std::vector<int>{16});
  // Integers between steps are rounded; one that comes twice is one point.
  CHECK(values<int>(grid(R"({"n": 8, "d": {"geometric": [2, 4, 1.2]}, "scheme": "exact"})"), "d") ==
        std::vector<int>{2, 3});
  // 0.1 + 2 * 0.1 is 0.3, and the last value is reached however it rounds.
  const std::string by_range = R"({"n": 8, "d": 16, "rate": {"linear": [0.1, 0.7, 0.1]}, "scheme": "bitpack"})";
  const std::string by_hand = R"({"n": 8, "d": 16, "rate": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "scheme": "bitpack"})";
  CHECK(values<double>(grid(by_range), "rate") == std::vector<double>{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7});
  CHECK(ids(grid(by_range)) == ids(grid(by_hand)));
  CHECK(ids(grid(R"({"n": 8, "d": 16, "rate": {"geometric": [0.1, 12.8, 2]}, "scheme": "bitpack"})")) ==
        ids(grid(R"({"n": 8, "d": 16, "rate": [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8], "scheme": "bitpack"})")));
}

TEST_CASE("numbers that mean the same are the same point, others are not", "[end_to_end]") {
  const auto id = [](const std::string& text) {
    const auto list = ids(grid(text));
    REQUIRE(list.size() == 1);
    return list[0];
  };
  const std::string plain = id(R"({"n": 16, "d": 16, "eta": 0.5, "scheme": "exact"})");
  CHECK(id(R"({"n": 16.0, "d": 16, "eta": 0.50, "scheme": "exact"})") == plain);
  CHECK(id(R"({"n": 1.6e1, "d": [16], "eta": 5e-1, "scheme": ["exact"]})") == plain);
  CHECK(id(R"({"n": 16, "d": 16, "scheme": {"name": "exact"}})") == plain);
  CHECK(id(R"({"n": 16, "d": 16, "scheme": {"keys": "stored", "format": "fp32", "name": "exact"}})") == plain);
  CHECK(
      id(R"({"d": 16, "n": 16, "scheme": "exact", "instance": {"name": "index"}, "embedding": "sphere", "tau": "certified"})") ==
      plain);
  CHECK(id(R"({"n": 16, "d": 16, "tau": 8, "scheme": "exact"})") ==
        id(R"({"n": 16, "d": 16, "tau": 8.0, "scheme": "exact"})"));
  CHECK(id(R"({"n": 16, "d": 16, "eta": 0, "scheme": "exact"})") ==
        id(R"({"n": 16, "d": 16, "eta": 0.0, "scheme": "exact"})"));
  for (const char* other :
       {R"({"n": 16, "d": 16, "eta": 0.25, "scheme": "exact"})", R"({"n": 8, "d": 16, "scheme": "exact"})",
        R"({"n": 16, "d": 16, "scheme": {"name": "exact", "format": "fp16"}})",
        R"({"n": 16, "d": 16, "chunk": 32, "scheme": "exact"})",
        R"({"n": 16, "d": 16, "tau": "typical", "scheme": "exact"})"}) {
    INFO(other);
    CHECK(id(other) != plain);
  }
  // What does not belong to a point: the rule for stopping. What does: the seed.
  const std::string one = R"({"n": 16, "d": 16, "scheme": "exact"})";
  CHECK(ids(grid(one, R"(, "stop": {"max_trials": 5})")) == ids(grid(one)));
  CHECK(ids(grid(one, R"(, "seed": 8)")) != ids(grid(one)));
}

TEST_CASE("the same point twice is one point; a fixed entry meets all rates as one", "[end_to_end]") {
  CHECK(
      grid(
          R"([{"n": 8, "d": 16, "scheme": "exact"}, {"n": [8, 8], "d": 16, "scheme": ["exact", {"name": "exact", "format": "fp32"}]}])")
          .points.size() == 1);
  const auto plan =
      grid(R"({"n": 8, "d": 16, "rate": [0.5, 1, 2], "scheme": ["bitpack", "exact", {"name": "bitpack", "bits": 9}]})");
  REQUIRE(plan.points.size() == 5);
  int fixed = 0;
  for (const auto& point : plan.points) fixed += point.parameters.at("rate").is_null();
  CHECK(fixed == 2);
}

TEST_CASE("an option at the top of a config is one of all its grids", "[end_to_end]") {
  const auto split = grid(R"([{"n": 8, "scheme": "exact"}, {"n": 16, "scheme": "exact"}])", R"(, "d": [16, 32])");
  CHECK(ids(split) == ids(grid(R"({"n": [8, 16], "d": [16, 32], "scheme": "exact"})")));
  // It is dead only when no grid reads it.
  CHECK(
      grid(R"([{"n": 8, "d": 16, "scheme": "exact"}, {"n": 8, "d": 16, "scheme": "bitpack"}])", R"(, "rate": [0.5, 1])")
          .points.size() == 3);
  CHECK_THROWS_AS(grid(R"([{"n": 8, "d": 16, "scheme": "exact"}])", R"(, "rate": [0.5, 1])"), core::ConfigError);
  CHECK_THROWS_AS(
      grid(R"([{"n": 8, "d": 16, "rate": 1, "scheme": "exact"}, {"n": 8, "d": 16, "rate": 1, "scheme": "bitpack"}])"),
      core::ConfigError);
}

TEST_CASE("a config under --set: it overrides values, makes new ones, and reaches into lists", "[end_to_end]") {
  const Folder folder;
  const std::string file = folder.write("config.json", std::string(R"(// comments
{ "experiment": "index_frontier", /* are */ "seed": 7,
  "grid": [{"n": 8, "d": 16, "scheme": ["exact", {"name": "bitpack", "bits": 5}]}, {"n": 16, "d": 16, "scheme": "exact"}] // allowed
})"));
  const auto load = [&](const std::vector<std::string>& sets) { return sweep::load_plan(file, sets); };
  CHECK(load({}).points.size() == 3);
  CHECK(load({"seed=8"}).seed == 8);
  CHECK(load({"stop.max_trials=9"}).stop.max_trials == 9);
  CHECK(load({"stop={\"max_trials\": 9, \"min_trials\": 3}"}).stop.min_trials == 3);
  CHECK(values<int>(load({"grid.0.n=4"}), "n") == std::vector<int>{4, 4, 16});
  CHECK(values<int>(load({"grid[1].n=[32, 64]"}), "n") == std::vector<int>{8, 8, 32, 64});
  CHECK(values<int>(load({"grid[0].n={\"geometric\": [4, 8, 2]}"}), "n") == std::vector<int>{4, 4, 8, 8, 16});
  CHECK(values<std::string>(load({"grid.1.embedding=srht"}), "embedding").back() == "srht");
  CHECK(load({"grid.0.scheme.1.bits=6"}).points[1].parameters.at("scheme").at("options").at("bits") == 6);
  CHECK(load({"grid={\"n\": 4, \"d\": 8, \"scheme\": \"exact\"}", "grid.d=[4, 8]"}).points.size() == 2);  // in order
  CHECK(load({"queries=3"}).points[0].parameters.at("queries") == 3);
  CHECK(load({"grid.0.n=4"}).config.at("grid").at(0).at("n") == 4);  // what a session records
  CHECK_THROWS_AS(load({"grid.2.n=4"}), core::UserError);
  CHECK_THROWS_AS(load({"seed.x=4"}), core::UserError);
  CHECK_THROWS_AS(load({"=4"}), core::UserError);
}

TEST_CASE("shards are a partition of the points, a pure function of the plan", "[end_to_end]") {
  const auto plan = grid(
      R"({"n": [4, 8, 16, 32], "d": [8, 16], "rate": [0.25, 0.5, 1, 2], "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, "exact"]})");
  const auto all = ids(plan);
  for (const int count : {1, 2, 3, 7, 100}) {
    std::multiset<std::string> seen;
    std::vector<double> loads;
    for (int index = 1; index <= count; ++index) {
      loads.push_back(0);
      const auto points = sweep::shard(plan, index, count), again = sweep::shard(plan, index, count);
      REQUIRE(points.size() == again.size());
      for (std::size_t i = 0; i < points.size(); ++i) {
        CHECK(points[i].id == again[i].id);
        seen.insert(points[i].id);
        loads.back() += points[i].operations;
      }
    }
    CHECK(seen == std::multiset<std::string>(all.begin(), all.end()));
    // Largest first onto the lightest: no two shards differ by more than one point's cost.
    double largest = 0;
    for (const auto& point : plan.points) largest = std::max(largest, point.operations);
    CHECK(*std::max_element(loads.begin(), loads.end()) - *std::min_element(loads.begin(), loads.end()) <= largest);
  }
}

}  // namespace kvfrontier::end_to_end::config
