// What a store keeps of records and stops that disagree, and what a progress line says.

#include "sweep/store_files.hpp"

#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../support/catch.hpp"
#include "core/errors.hpp"
#include "core/files.hpp"
#include "core/rng.hpp"
#include "sweep/progress.hpp"
#include "sweep/record_line.hpp"

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

struct TemporaryDirectory {
  std::filesystem::path path;
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kvfrontier-store-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
};

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
  CHECK(collide({{"mse", 0.5}}, {{"mse", 0.5004}}) == "second");  // the lesser text
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
  const Store read = sweep::read_store(directory, warn);
  sweep::write_store(read, directory, read.files);
  CHECK(text(directory / "records.jsonl") == lines);
  CHECK_FALSE(fs::exists(directory / "records.jsonl.zst"));
  for (const std::string& damaged : {packed.substr(0, packed.size() / 2), "x" + packed}) {
    put(damaged);
    CHECK_THROWS_WITH(sweep::read_store(directory, warn), Contains("records.jsonl.zst"));
  }
  fs::remove_all(directory);
}

TEST_CASE("a packed file may end where a buffer ends, hold several frames, and not end within one", "[store]") {
  const TemporaryDirectory directory;
  // Records whose lines add up to a multiple of what is unpacked at a time.
  Store store;
  std::string lines;
  std::int64_t trial = 0;
  const auto line_with = [&](std::size_t padding) {
    return sweep::sealed_line(record(trial, Status::ok, {{"a", std::string(padding, 'x')}}).to_json());
  };
  for (; lines.size() + 5000 < ZSTD_DStreamOutSize(); ++trial) lines += line_with(1000);
  lines += line_with(ZSTD_DStreamOutSize() - lines.size() - line_with(0).size());
  REQUIRE(lines.size() == ZSTD_DStreamOutSize());
  ++trial;
  const auto packed = [](const std::string& text) {
    std::string bytes(ZSTD_compressBound(text.size()), '\0');
    bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), text.data(), text.size(), 3));
    return bytes;
  };
  const auto records_in = [&](const std::string& bytes) {
    std::ofstream(directory.path / "records.jsonl.zst", std::ios::binary) << bytes;
    return static_cast<std::int64_t>(
        sweep::read_store(directory.path, [](const std::string& text) { FAIL(text); }).record_count());
  };
  const std::string frame = packed(lines);
  CHECK(records_in(frame) == trial);
  CHECK(records_in(frame + frame) == trial);
  CHECK(records_in(frame + packed("")) == trial);
  CHECK_THROWS_WITH(records_in(frame + frame.substr(0, 20)), Contains("the zstd file is cut off"));
  CHECK_THROWS_WITH(records_in(""), Contains("the zstd file is cut off"));
}

TEST_CASE("a line without an end is refused before it fills the memory", "[store]") {
  const TemporaryDirectory directory;
  const std::string endless(std::size_t{100} << 20, 'x');
  std::string packed(ZSTD_compressBound(endless.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), endless.data(), endless.size(), 3));
  std::ofstream(directory.path / "records.jsonl.zst", std::ios::binary) << packed;
  CHECK_THROWS_WITH(sweep::read_store(directory.path, [](const std::string&) {}),
                    Contains("records.jsonl.zst:1: a line of more than 67108864 bytes"));
}

TEST_CASE("lines of every kind are sealed, and a stop needs records", "[store]") {
  const TemporaryDirectory directory;
  const auto quiet = [](const std::string&) {};
  Store store;
  for (const std::int64_t trial : {0, 1}) store.add(record(trial, Status::ok, {{"a", trial}}));
  const std::string point = store.points.begin()->first;
  store.add(Stop{point, 2, 1, "max_trials"});
  store.sessions.emplace("s", core::Json{{"session", "s"}, {"host", "here"}});
  sweep::write_store(store, directory.path);
  for (const char* name : {"records.jsonl", "stops.jsonl", "sessions.jsonl"}) {
    const auto file = directory.path / name;
    std::ifstream stream(file, std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(stream), {}};
    stream.close();
    const auto put = [&](const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; };
    std::string changed = whole;
    changed[changed.find('}') - 1] ^= 1;
    put(changed);
    CAPTURE(changed);
    CHECK_THROWS_AS(sweep::read_store(directory.path, quiet), core::StoreError);
    put(whole.substr(0, whole.find('\n')).replace(0, 31, "{") + "\n");
    CHECK_THROWS_WITH(sweep::read_store(directory.path, quiet),
                      Contains(file.string() + ":1: the line has no checksum"));
    put(whole);
    CHECK_NOTHROW(sweep::read_store(directory.path, quiet));
  }
  store.add(Stop{"another point", 2, 1, "max_trials"});
  sweep::write_store(store, directory.path);
  CHECK_THROWS_WITH(sweep::read_store(directory.path, quiet),
                    Contains("stops.jsonl:2: says when point another point stopped, of which there is no record"));
}

TEST_CASE("no flipped bit of a store goes unnoticed", "[store]") {
  const TemporaryDirectory directory;
  Store store;
  for (std::int64_t trial = 0; trial < 8; ++trial)
    store.add(record(trial, Status::ok, {{"error", 1.0 / (trial + 3)}, {"ledger", {{"values", 1460 + trial}}}}));
  store.add(Stop{store.points.begin()->first, 8, 1, "max_trials"});
  store.sessions.emplace("s", core::Json{{"session", "s"}, {"host", "here"}, {"threads", 2}});
  sweep::write_store(store, directory.path);
  core::Stream stream({18}, core::Purpose("test/flipped bits"), 0);
  int noticed = 0, warned = 0;
  for (const char* name : {"records.jsonl", "stops.jsonl", "sessions.jsonl"}) {
    const auto file = directory.path / name;
    const std::string whole = core::read_file(file);
    for (int flip = 0; flip < 500; ++flip) {
      const std::uint64_t bit = stream.next64() % (8 * whole.size());
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      core::write_file(file, damaged);
      bool said = false;
      CAPTURE(name, bit);
      try {
        sweep::read_store(directory.path, [&](const std::string&) { said = true; });
        CHECK(said);  // the last line has lost its end
        ++warned;
      } catch (const core::StoreError&) {
        ++noticed;
      }
    }
    core::write_file(file, whole);
  }
  CHECK(noticed + warned == 1500);
  CHECK(noticed > 1400);
}

TEST_CASE("the order in which stores are merged does not change a stored number", "[store]") {
  const auto text = [](std::vector<Record> records) {
    Store store;
    for (const Record& one : records) store.add(one);
    std::string lines;
    store.write_records([&](std::string_view line) { lines += line; });
    return lines;
  };
  std::vector<Record> records{record(0, Status::ok, {{"mse", 0.5}}, "b"), record(0, Status::ok, {{"mse", 0.5001}}, "a"),
                              record(0, Status::ok, {{"mse", 0.5}}, "c")};
  records[2].seconds = 7;
  const std::string first = text(records);
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.session < b.session; });
  do CHECK(text(records) == first);
  while (std::next_permutation(records.begin(), records.end(),
                               [](const Record& a, const Record& b) { return a.session < b.session; }));
}

TEST_CASE("only what was read is removed by a merge", "[store]") {
  const TemporaryDirectory directory;
  const auto quiet = [](const std::string&) {};
  Store store;
  store.add(record(0, Status::ok, {{"a", 1}}));
  sweep::write_store(store, directory.path);
  std::filesystem::rename(directory.path / "records.jsonl", directory.path / "records.1-of-2.jsonl");
  Store read = sweep::read_store(directory.path, quiet);
  // Another shard appears meanwhile.
  std::filesystem::copy(directory.path / "records.1-of-2.jsonl", directory.path / "records.2-of-2.jsonl");
  sweep::write_store(read, directory.path, read.files);
  CHECK(std::filesystem::exists(directory.path / "records.jsonl"));
  CHECK_FALSE(std::filesystem::exists(directory.path / "records.1-of-2.jsonl"));
  CHECK(std::filesystem::exists(directory.path / "records.2-of-2.jsonl"));
}

TEST_CASE("writers share a directory, and a merge has it alone", "[store]") {
  using sweep::StoreLock;
  const TemporaryDirectory directory;
  {
    const StoreLock one(directory.path, StoreLock::Kind::writer), two(directory.path, StoreLock::Kind::writer);
    CHECK_THROWS_WITH(StoreLock(directory.path, StoreLock::Kind::merge), Contains("is being written or merged"));
  }
  const StoreLock merge(directory.path, StoreLock::Kind::merge);
  CHECK_THROWS_WITH(StoreLock(directory.path, StoreLock::Kind::writer), Contains("is being merged"));
  CHECK_THROWS_WITH(StoreLock(directory.path, StoreLock::Kind::merge), Contains("is being written or merged"));
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
