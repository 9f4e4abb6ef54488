// Stores that are damaged, full, foreign or in use: the file and line, the right exit code, and nothing written is
// lost.

#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "process.hpp"

namespace kvfrontier::end_to_end::bad_files {
namespace {

using Catch::Matchers::Contains;

const char* const config_text = R"({"experiment": "index_frontier", "seed": 3,
  "grid": {"n": 8, "d": 16, "rate": [0.5, 1], "scheme": "bitpack"}, "queries": 16, "stop": {"max_trials": 6}})";

// A finished run of the config above.
struct Sweep {
  Folder folder;
  std::string config = folder.write("config.json", std::string(config_text));
  std::string out = folder / "out";
  Sweep() {
    const Finished finished = kvfrontier({"run", config, "--out", out, "--threads", "1"});
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    REQUIRE(row_count(out) == 12);
  }
  fs::path rows() const { return fs::path(out) / "rows.jsonl"; }
  void replace_line(std::size_t number, const std::string& text) const {  // counted from 1
    auto lines = lines_of(read_text(rows()));
    lines.at(number - 1) = text;
    std::ofstream stream(rows(), std::ios::binary);
    for (const auto& line : lines) stream << line << '\n';
  }
  Json line(std::size_t number) const { return Json::parse(lines_of(read_text(rows())).at(number - 1)); }
};

}  // namespace

TEST_CASE("a damaged, foreign or edited row is exit 3 with file and line, and stays where it is", "[end_to_end]") {
  const Sweep sweep;
  struct Damage {
    std::string text;
    std::vector<std::string> says;
  };
  Json foreign = sweep.line(5), edited = sweep.line(5), incomplete = sweep.line(5), mistyped = sweep.line(5),
       status = sweep.line(5), flat = sweep.line(5);
  foreign["schema"] = 2;
  edited["parameters"]["d"] = 17;
  incomplete.erase("trial");
  mistyped["trial"] = 1.5;
  status["status"] = "fine";
  flat["data"] = 3;
  const std::vector<Damage> damages{
      {"{\"schema\": 1, \"poi", {"not JSON", "damaged"}},
      {"", {"not JSON"}},
      {std::string(40, '\0'), {"not JSON"}},
      {"[1, 2]", {"schema"}},
      {foreign.dump(), {"a row of schema 2; this program reads schema 1"}},
      {edited.dump(), {"the point id is not the hash of the parameters; the row was edited"}},
      {incomplete.dump(), {"key 'trial' not found"}},
      {mistyped.dump(), {"trial 1.5 is no integer"}},
      {status.dump(), {"status \"fine\" is unknown"}},
      {flat.dump(), {"data is 3 where an object belongs"}},
  };
  for (const Damage& damage : damages) {
    sweep.replace_line(5, damage.text);
    const std::string before = read_text(sweep.rows());
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"table", sweep.out},
                                               {"audit", sweep.out},
                                               {"run", sweep.config, "--out", sweep.out},
                                               {"merge", sweep.out, "--out", sweep.folder / "union"}}) {
      const Finished finished = kvfrontier(words);
      INFO(words.front() << " says: " << finished.err);
      CHECK(finished.code == 3);
      CHECK(lines_of(finished.err).size() == 1);
      CHECK_THAT(finished.err, Contains(sweep.rows().string() + ":5: "));
      CHECK_THAT(finished.err, !Contains("json.exception"));
      for (const auto& part : damage.says) CHECK_THAT(finished.err, Contains(part));
    }
    CHECK(read_text(sweep.rows()) == before);
    CHECK_FALSE(fs::exists(sweep.folder.path() / "union"));
  }
}

TEST_CASE("data that lack a field or hold it in another form are exit 3 and name the row", "[end_to_end]") {
  const Sweep sweep;
  const Json good = sweep.line(5);
  for (const char* field :
       {"message_bits", "row_errors", "queried_rows", "ledger", "information_bits", "peak_state_bits"}) {
    for (const bool missing : {true, false}) {
      Json bad = good;
      if (missing)
        bad["data"].erase(field);
      else
        bad["data"][field] = "much";
      sweep.replace_line(5, bad.dump());
      const Finished finished = kvfrontier({"audit", sweep.out});
      INFO(field << ": " << finished.err);
      CHECK(finished.code == 3);
      CHECK_THAT(finished.err, Contains(good.at("point").get<std::string>()) && Contains("edited or is damaged") &&
                                   !Contains("json.exception"));
    }
  }
  Json stop = Json::parse(lines_of(read_text(sweep.out + "/stops.jsonl")).at(0));
  sweep.replace_line(5, good.dump());
  CHECK(kvfrontier({"audit", sweep.out}).code == 0);
  stop["looks"] = 0;
  std::ofstream(sweep.out + "/stops.jsonl") << stop.dump() << '\n';
  const Finished finished = kvfrontier({"table", sweep.out});
  CHECK(finished.code == 3);
  CHECK_THAT(finished.err, Contains("stops.jsonl:1: "));
}

TEST_CASE("a torn last line is dropped with a warning and measured again", "[end_to_end]") {
  const Sweep sweep;
  const std::string whole = canonical(sweep.out);
  for (const double share : {0.0, 0.5, 1.0}) {
    const std::string text = read_text(sweep.rows());
    const std::size_t last_line = text.rfind('\n', text.size() - 2) + 1, length = text.size() - 1 - last_line;
    // A first byte, half a line, all of it but its end.
    const std::size_t kept = std::max<std::size_t>(1, static_cast<std::size_t>(share * static_cast<double>(length)));
    fs::resize_file(sweep.rows(), last_line + kept);
    const Finished table = kvfrontier({"table", sweep.out});
    CHECK(table.code == 0);
    CHECK_THAT(table.err, Contains(sweep.rows().string() + ":12: the last line is cut off and is not counted"));
    const Finished again = kvfrontier({"run", sweep.config, "--out", sweep.out});
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK_THAT(again.err, Contains("warning") && Contains(std::to_string(kept) + " bytes); dropped it") &&
                              Contains("1 trials measured, 11 found"));
    CHECK(canonical(sweep.out) == whole);
  }
}

TEST_CASE("a full disk is one sentence, keeps every whole row, and the run goes on later", "[end_to_end]") {
  const Sweep sweep;
  const std::string whole = canonical(sweep.out);
  const std::string out = sweep.folder / "small";
  // Room for some rows and a part of the next one.
  Surroundings small;
  small.file_bytes = read_text(sweep.rows()).size() / 2;
  const Finished full = kvfrontier({"run", sweep.config, "--out", out, "--threads", "2"}, small);
  INFO(full.err);
  CHECK(full.code == 2);
  CHECK_THAT(full.err, Contains("cannot write " + out +
                                "/rows.jsonl: File too large; everything before this row is saved, rerun to resume"));
  const std::string text = read_text(out + "/rows.jsonl");
  REQUIRE_FALSE(text.empty());
  CHECK(text.back() == '\n');
  CHECK(row_count(out) > 2);
  CHECK(row_count(out) < 12);
  // No torn line: what any reader warns of. (A point whose trial 0 was still under way has nothing to show in a table.)
  CHECK(kvfrontier({"merge", out, "--out", sweep.folder / "readable"}).err.find("warning") == std::string::npos);
  CHECK(kvfrontier({"run", sweep.config, "--out", out}).code == 0);
  CHECK(canonical(out) == whole);

  // A merge that finds no room leaves its target as it was.
  const std::string target = sweep.folder / "target";
  fs::create_directory(target);
  fs::copy(out + "/rows.jsonl", target + "/rows.jsonl");
  const std::string before = read_text(target + "/rows.jsonl");
  const Finished merge = kvfrontier({"merge", out, target, "--out", target}, small);
  CHECK(merge.code == 2);
  CHECK_THAT(merge.err, Contains("cannot write " + target + "/rows.jsonl") && Contains("File too large"));
  CHECK(read_text(target + "/rows.jsonl") == before);
  CHECK_FALSE(fs::exists(target + "/rows.jsonl.tmp"));
}

TEST_CASE("output that cannot be written is an error, a reader that has seen enough is not", "[end_to_end]") {
  const Sweep sweep;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"table", sweep.out}, {"frontier", sweep.out}, {"list", "schemes"}}) {
    Surroundings full;
    full.stdout_to = "/dev/full";
    const Finished finished = kvfrontier(words, full);
    INFO(words.front());
    CHECK(finished.code == 2);
    CHECK_THAT(finished.err, Contains("kvfrontier: cannot write to stdout: No space left on device"));
  }
  const std::string pipe = std::string(KVFRONTIER_BINARY) + " table " + sweep.out + " --format csv | head -1";
  const Finished head = Running({"/bin/sh", "-c", pipe}).wait();
  CHECK(head.code == 0);
  CHECK(head.err.empty());
  CHECK(lines_of(head.out).size() == 1);
  const Finished closed = Running({"/bin/sh", "-c",
                                   std::string("{ sleep 0.2; ") + KVFRONTIER_BINARY + " table " + sweep.out +
                                       " --format json; echo code $? >&2; } | true"})
                              .wait();
  CHECK(closed.err == "code 0\n");
}

TEST_CASE("one writer at a time: a second run or a merge into a running store is refused", "[end_to_end]") {
  const Folder folder;
  const std::string config = folder.write("config.json", std::string(config_text)), out = folder / "out";
  Running first(kvfrontier_words({"run", config, "--out", out, "--threads", "1", "--set", "stop.max_trials=1000000"}));
  REQUIRE(eventually([&] { return row_count(out) > 0; }));
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"run", config, "--out", out}, {"merge", out, "--out", out}}) {
    const Finished second = kvfrontier(words);
    INFO(second.err);
    CHECK(second.code == 2);
    CHECK(lines_of(second.err).size() == 1);
    CHECK_THAT(second.err, Contains(out + "/rows.jsonl is being written by another kvfrontier"));
  }
  // Readers, and writers of other shards, are welcome meanwhile.
  CHECK(kvfrontier({"table", out}).code == 0);
  CHECK(kvfrontier({"run", config, "--out", out, "--shard", "1/2", "--set", "grid.d=8"}).code == 0);
  CHECK(kvfrontier({"merge", out, "--out", folder / "elsewhere"}).code == 0);
  CHECK_FALSE(first.ended());
  first.signal(SIGTERM);
  CHECK(first.wait().code == 143);
  CHECK(kvfrontier({"merge", out, "--out", out}).code == 0);
}

}  // namespace kvfrontier::end_to_end::bad_files
