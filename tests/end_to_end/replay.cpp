// A stored trial measured again, and its message decoded again from a file by another process.

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <fstream>

#include "../support/catch.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::replay {
namespace {

struct Sweep {
  Folder folder;
  std::string out = folder / "out";
  explicit Sweep(const std::string& grid) {
    const std::string config = folder.write("config.json", R"({"experiment": "index_frontier", "seed": 9, "grid": )" +
                                                               grid + R"(, "queries": 16, "stop": {"max_trials": 2}})");
    // One thread: records are in the order of their trials.
    const Finished finished = kvfrontier({"run", config, "--out", out, "--threads", "1"});
    INFO(finished.err);
    REQUIRE(finished.code == 0);
  }
};

}  // namespace

TEST_CASE("replay gives the stored record, and decode in a fresh process the same answers", "[end_to_end]") {
  const Sweep sweep(
      R"([{"n": 8, "d": 16, "rate": 4, "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, {"name": "h2o", "keys": "public"}, {"name": "streaming_llm", "keys": "public"}, {"name": "kivi", "keys": "public", "rotation": "public"}]},
                       {"n": 8, "d": 16, "embedding": "kerdock", "scheme": {"name": "exact", "format": "fp16"}},
                       {"n": 8, "d": 16, "rate": 0.001, "scheme": {"name": "uniform", "keys": "public"}}])");
  int games = 0, others = 0;
  for (const Json& record : records_of(sweep.out)) {
    const std::string point = record.at("point"), trial = record.at("trial").dump(), file = sweep.folder / "game";
    INFO(record.dump());
    const Finished plain = kvfrontier({"replay", sweep.out, "--point", point.substr(0, 12), "--trial", trial});
    CHECK(plain.code == 0);
    CHECK_THAT(plain.err, Contains("identical to the stored record"));
    const Json again = Json::parse(plain.out);
    for (const char* member : {"data", "parameters", "point", "schema", "status", "trial"})
      CHECK(again.at(member) == record.at(member));
    const Finished dumped = kvfrontier(
        {"replay", sweep.out, "--point", point, "--trial", trial, "--dump-message", file, "--isolate", "never"});
    if (record.at("status") != "ok") {
      ++others;
      CHECK(dumped.code == 2);
      CHECK_THAT(dumped.err, Contains("nothing was written, because this trial is infeasible"));
      continue;
    }
    ++games;
    CHECK(dumped.code == 0);
    const Finished decoded = kvfrontier({"decode", file, "--answers"});
    INFO(decoded.err);
    CHECK(decoded.code == 0);
    CHECK_THAT(decoded.err, Contains("the answers are bit for bit those of the replay"));
    CHECK(lines_of(decoded.out).size() == 16 + 16 + 16);  // queries, mixtures, random directions
    fs::remove(file);
  }
  CHECK(games == 12);
  CHECK(others == 1);
}

TEST_CASE("replay of a record that says otherwise is exit 3", "[end_to_end]") {
  const Sweep sweep(R"({"n": 8, "d": 16, "rate": 0.5, "scheme": "bitpack"})");
  auto records = records_of(sweep.out);
  records.at(1)["data"]["metrics"]["mse"]["mean"] = 0.75;
  std::ofstream stream(sweep.out + "/records.jsonl");
  for (const Json& record : records) stream << sweep::sealed_line(record);
  stream.close();
  const std::string point = records[0].at("point");
  CHECK(kvfrontier({"replay", sweep.out, "--point", point, "--trial", "0"}).code == 0);
  const Finished finished = kvfrontier({"replay", sweep.out, "--point", point, "--trial", "1"});
  CHECK(finished.code == 3);
  CHECK_THAT(finished.err, Contains("the stored record says otherwise"));
  const Finished none = kvfrontier({"replay", sweep.out, "--point", point, "--trial", "7"});
  CHECK(none.code == 2);
  CHECK_THAT(none.err, Contains("--trial 7: the point has trials 0 to 1"));
}

TEST_CASE("a damaged dump is exit 3 and never a crash", "[end_to_end]") {
  const Sweep sweep(
      R"({"n": 4, "d": 4, "tau": 8, "scheme": {"name": "kivi", "keys": "public", "bits": 2, "group": 4}})");
  const std::string file = sweep.folder / "game", bad = sweep.folder / "bad";
  REQUIRE(kvfrontier({"replay", sweep.out, "--point", "", "--trial", "0"}).code == 2);
  const std::string point = records_of(sweep.out).at(0).at("point");
  REQUIRE(kvfrontier({"replay", sweep.out, "--point", point, "--trial", "0", "--dump-message", file}).code == 0);
  const std::string game = read_text(file);
  const std::size_t header = game.find('\n');
  const auto decode = [&](const std::string& bytes) {
    std::ofstream(bad, std::ios::binary) << bytes;
    return kvfrontier({"decode", bad});
  };
  // Cut anywhere, or with something behind.
  for (const std::size_t size : {std::size_t{0}, header / 2, header, header + 1, header + 9, game.size() - 1}) {
    const Finished finished = decode(game.substr(0, size));
    INFO(size << ": " << finished.err);
    CHECK(finished.code == 3);
    CHECK_THAT(finished.err, Contains(bad));
  }
  CHECK(decode(game + "x").code == 3);
  // Sizes that ask for the memory of a warehouse, and other lies in the header.
  const Json honest = Json::parse(game.substr(0, header));
  const auto lie = [&](const std::string& pointer, const Json& value) {
    Json changed = honest;
    REQUIRE(changed.contains(Json::json_pointer(pointer)));
    changed[Json::json_pointer(pointer)] = value;
    const Finished finished = decode(changed.dump() + game.substr(header));
    INFO(pointer << " = " << value.dump() << ": " << finished.err);
    CHECK(finished.code == 3);
    CHECK(finished.out.empty());
    CHECK_THAT(finished.err, !Contains("json.exception"));
  };
  lie("/message_bits", 1ull << 39);
  lie("/message_bits", -5);
  lie("/queries", 1ull << 39);
  lie("/d", 0);
  lie("/d", "four");
  lie("/format", 3);
  lie("/format", "kvfrontier-game-1");
  lie("/params/d", 5);
  lie("/params/d", -4);
  lie("/params/d", 1ull << 60);
  lie("/params/chunk", "x");
  lie("/params/scheme", "zip");
  lie("/params/scheme", "bitpack");
  lie("/params/embedding", "tube");
  lie("/params/embedding", "kerdock");
  lie("/params/schedule", "doubling");
  lie("/params/schedule/name", 3);
  lie("/params/schedule/sides", Json{1, 2});
  lie("/params/schedule/sides", Json{1, 200, 16000});
  lie("/params/schedule/sides", Json{4, 2});
  lie("/params/options", Json::object());
  lie("/params/options/bits", 99);
  lie("/params/options/group", 0);
  lie("/params", Json::array());
  lie("/answers_digest", 7);
  lie("/answers_digest", "00000000000000000000000000000000");
  // One byte changed anywhere: refused or found to differ, unless JSON or padding does not care.
  boost::random::mt19937 random(4);
  int refused = 0;
  constexpr int tries = 60;
  for (int i = 0; i < tries; ++i) {
    std::string bytes = game;
    const std::size_t place = boost::random::uniform_int_distribution<std::size_t>(0, game.size() - 1)(random);
    bytes[place] ^= 1 << (i % 8);
    const Finished finished = decode(bytes);
    INFO("byte " << place << " of " << game.size() << ", header " << header << ": " << finished.err);
    CHECK((finished.code == 3 || finished.code == 0));
    CHECK(lines_of(finished.err).size() == 1);
    refused += finished.code == 3;
  }
  CHECK(refused > tries / 2);
}

}  // namespace kvfrontier::end_to_end::replay
