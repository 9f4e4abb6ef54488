// What a store keeps of records and stops that disagree, and what a progress line says.

#include "sweep/store_files.hpp"

#include <unistd.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

#include "../support/catch.hpp"
#include "core/errors.hpp"
#include "sweep/progress.hpp"

namespace kvfrontier {
namespace {

using sweep::Record;
using sweep::Status;
using sweep::Stop;
using sweep::Store;

Record record(std::int64_t trial, Status status, core::Json data, const std::string& session = "s") {
  Record made;
  made.parameters = std::make_shared<const core::Json>(core::Json{{"n", 4}});
  made.point = sweep::point_id(*made.parameters);
  made.trial = trial;
  made.result = {status, std::move(data)};
  made.session = session;
  return made;
}

std::int64_t kept_trials(const std::vector<Stop>& stops) {
  Store store;
  for (const Stop& stop : stops) store.add(stop);
  return store.stops.at("p").trials;
}

}  // namespace

TEST_CASE("the last decision of a store counts; of strangers the one that saw more", "[store]") {
  const Stop long_one{"p", 64, 1, "max_trials"}, short_one{"p", 8, 1, "max_trials"};
  Stop lowered = short_one;
  lowered.revision = 1;
  CHECK(kept_trials({long_one, short_one}) == 64);
  CHECK(kept_trials({short_one, long_one}) == 64);
  CHECK(kept_trials({long_one, lowered}) == 8);
  CHECK(kept_trials({lowered, long_one}) == 8);

  // Of equal ones the wider interval, and what was measured before what failed: in either order.
  const Stop many_looks{"p", 8, 4, "half_width"}, failed{"p", 8, 1, "failed"};
  for (const auto& [better, worse] : {std::pair{many_looks, short_one}, std::pair{short_one, failed}}) {
    CHECK(better.supersedes(worse));
    CHECK_FALSE(worse.supersedes(better));
    CHECK_FALSE(better.supersedes(better));
  }
  CHECK(lowered.same_as(short_one));
  CHECK_FALSE(lowered.same_as(long_one));
  CHECK(Stop::from_json(lowered.to_json()).revision == 1);
  CHECK(Stop::from_json({{"point", "p"}, {"trials", 8}, {"looks", 1}, {"reason", "max_trials"}}).revision == 0);
}

TEST_CASE("records of one trial agree up to counted ties and rounding, or are a conflict", "[store]") {
  const auto collide = [](const core::Json& a, const core::Json& b) {
    Store store;
    store.add(record(0, Status::ok, a, "first"));
    store.add(record(0, Status::ok, b, "second"));
    return store.points.begin()->second.at(0).session;
  };
  CHECK(collide({{"bits", 5}}, {{"bits", 5}}) == "first");
  CHECK(collide({{"wrong", 5}, {"ties", 2}}, {{"wrong", 7}, {"ties", 2}}) == "first");
  CHECK(collide({{"mse", 0.5}}, {{"mse", 0.5004}}) == "first");
  CHECK_THROWS_AS(collide({{"wrong", 5}, {"ties", 1}}, {{"wrong", 7}, {"ties", 1}}), core::StoreError);
  CHECK_THROWS_AS(collide({{"bits", 5}}, {{"bits", 6}}), core::StoreError);
  CHECK_THROWS_AS(collide({{"mse", 0.5}}, {{"mse", 0.51}}), core::StoreError);
  CHECK_THROWS_AS(collide({{"a", 1}}, {{"b", 1}}), core::StoreError);
  CHECK_THROWS_AS(collide({{"a", {1, 2}}}, {{"a", {1, 2, 3}}}), core::StoreError);
  CHECK_THROWS_AS(collide({{"a", nullptr}}, {{"a", 0}}), core::StoreError);
  Store store;
  store.add(record(0, Status::ok, {{"a", 1}}));
  CHECK_THROWS_AS(store.add(record(0, Status::uncertified, {{"a", 1}})), core::StoreError);
}

TEST_CASE("packed files are read like plain ones, and a damaged one is named", "[store]") {
  namespace fs = std::filesystem;
  const fs::path directory = fs::temp_directory_path() / ("kvfrontier-packed-" + std::to_string(getpid()));
  fs::create_directories(directory);
  const auto warn = [](const std::string& text) { FAIL(text); };
  Store store;
  // Enough that the text does not come out in one piece.
  for (std::int64_t trial = 0; trial < 3000; ++trial)
    store.add(record(trial, Status::ok, {{"error", 1.0 / (trial + 1)}}));
  sweep::write_store(store, directory);
  const auto text = [](const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(stream), {}};
  };
  const std::string lines = text(directory / "records.jsonl");
  REQUIRE(lines.size() > ZSTD_DStreamOutSize());
  std::string packed(ZSTD_compressBound(lines.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), lines.data(), lines.size(), 3));
  fs::remove(directory / "records.jsonl");
  const auto put = [&](const std::string& bytes) {
    std::ofstream(directory / "records.jsonl.zst", std::ios::binary) << bytes;
  };
  put(packed);
  sweep::write_store(sweep::read_store(directory, warn), directory);
  CHECK(text(directory / "records.jsonl") == lines);
  CHECK_FALSE(fs::exists(directory / "records.jsonl.zst"));
  for (const std::string& damaged : {packed.substr(0, packed.size() / 2), "x" + packed}) {
    put(damaged);
    CHECK_THROWS_WITH(sweep::read_store(directory, warn), Contains("records.jsonl.zst"));
  }
  fs::remove_all(directory);
}

TEST_CASE("records count from trial 0 to the first gap or the stop", "[store]") {
  Store store;
  for (const std::int64_t trial : {4, 0, 1, 2}) store.add(record(trial, Status::ok, {{"a", trial}}));
  const std::string point = store.points.begin()->first;
  CHECK(store.record_count() == 4);
  CHECK(store.leading_records(point).size() == 3);
  CHECK(store.counted_records(point).size() == 3);
  store.add(Stop{point, 2, 1, "max_trials"});
  CHECK(store.counted_records(point).size() == 2);
  CHECK(store.leading_records("none").empty());
}

TEST_CASE("the time left follows from what this run has measured", "[progress]") {
  // Nine tenths were there already: the tenth that this run did took 10 s, and as much is left.
  CHECK(sweep::progress_text({100, 100, 2000, 7, 3, 5, 1}, 10) ==
        "3/5 points, 7 trials, 1 failed, 95 %, 10 s elapsed, at most 10 s left");
  CHECK(sweep::progress_text({0, 200, 200, 0, 0, 2, 0}, 1) ==
        "0/2 points, 0 trials, 0 failed, 0 %, 1.0 s elapsed, at most ? left");
  CHECK(sweep::progress_text({50, 0, 200, 4, 2, 2, 0}, 200) ==
        "2/2 points, 4 trials, 0 failed, 100 %, 3 min elapsed, at most 0.0 s left");
  CHECK(sweep::progress_text({250, -1e-9, 200, 20, 1, 2, 0, "searches"}, 200) ==
        "1/2 searches, 20 trials, 0 failed, 99 %, 3 min elapsed, at most ? left");
}

}  // namespace kvfrontier
