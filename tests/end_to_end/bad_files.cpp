// Stores that are damaged, full, foreign or in use: the file and line, the right exit code, and nothing written is
// lost.

#include <signal.h>

#include <fstream>

#include "../support/catch.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::bad_files {
namespace {

const char* const config_text = R"({"experiment": "index_frontier", "seed": 3,
  "grid": {"n": 8, "d": 16, "rate": [0.5, 1], "scheme": "bitpack"}, "queries": 16, "stop": {"max_trials": 6}})";

// The line of a record without its newline.
std::string sealed(const Json& record) {
  std::string line = sweep::sealed_line(record);
  line.pop_back();
  return line;
}

// A finished run of the config above.
struct Sweep {
  Folder folder;
  std::string config = folder.write("config.json", std::string(config_text));
  std::string out = folder / "out";
  Sweep() {
    const Finished finished = kvfrontier({"run", config, "--out", out, "--threads", "1"});
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    REQUIRE(record_count(out) == 12);
  }
  fs::path records() const { return fs::path(out) / "records.jsonl"; }
  void replace_line(int number, const std::string& text) const {  // counted from 1
    auto lines = lines_of(read_text(records()));
    lines.at(number - 1) = text;
    std::ofstream stream(records(), std::ios::binary);
    for (const auto& line : lines) stream << line << '\n';
  }
  Json line(int number) const { return Json::parse(lines_of(read_text(records())).at(number - 1)); }
};

}  // namespace

TEST_CASE("a damaged, foreign or edited record is exit 3 with file and line, and stays in its file", "[end_to_end]") {
  const Sweep sweep;
  struct Damage {
    std::string text;
    std::vector<std::string> says;
  };
  const Json good = sweep.line(5);
  Json foreign = good, edited = good;
  foreign["schema"] = 1;
  edited["parameters"]["d"] = 17;
  const auto without = [&](const char* member) {
    Json bad = good;
    bad.erase(member);
    return sealed(bad);
  };
  const auto with = [&](const char* member, const Json& value) {
    Json bad = good;
    bad[member] = value;
    return sealed(bad);
  };
  const std::vector<Damage> damages{
      {"{\"schema\": 1, \"poi", {"not JSON", "damaged"}},
      {"", {"not JSON"}},
      {std::string(40, '\0'), {"not JSON"}},
      {"[1, 2]", {"schema"}},
      {without("schema"), {"a record of schema null; this program reads schema 2"}},
      {sealed(foreign), {"a record of schema 1; this program reads schema 2"}},
      {sealed(edited), {"the point id is not the hash of the parameters; the record was edited"}},
      {without("data"), {":5: data: found nothing; allowed: an object", "damaged"}},
      {without("parameters"), {":5: parameters: found nothing; allowed: an object", "damaged"}},
      {without("point"), {":5: point: found nothing; allowed: text", "damaged"}},
      {without("seconds"), {":5: seconds: found nothing; allowed: a number", "damaged"}},
      {without("session"), {":5: session: found nothing; allowed: text", "damaged"}},
      {without("status"), {":5: status: found nothing; allowed: ok, uncertified, infeasible, failed", "damaged"}},
      {without("trial"), {":5: trial: found nothing; allowed: an integer", "damaged"}},
      {with("trial", 1.5), {":5: trial: found 1.5; allowed: an integer", "damaged"}},
      {with("trial", -1), {":5: trial: found -1; allowed: an integer", "damaged"}},
      {with("status", "fine"), {":5: status: found \"fine\"; allowed: ok, uncertified, infeasible, failed", "damaged"}},
      {with("data", 3), {":5: data: found 3; allowed: an object", "damaged"}},
      {with("parameters", Json::array()), {":5: parameters: found []; allowed: an object", "damaged"}},
  };
  for (const Damage& damage : damages) {
    sweep.replace_line(5, damage.text);
    const std::string before = read_text(sweep.records());
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"table", sweep.out},
                                               {"audit", sweep.out},
                                               {"run", sweep.config, "--out", sweep.out},
                                               {"merge", sweep.out, "--out", sweep.folder / "union"}}) {
      const Finished finished = kvfrontier(words);
      INFO(words.front() << " says: " << finished.err);
      CHECK(finished.code == 3);
      CHECK(lines_of(finished.err).size() == 1);
      CHECK_THAT(finished.err, Contains(sweep.records().string() + ":5: "));
      CHECK_THAT(finished.err, !Contains("json.exception"));
      for (const auto& part : damage.says) CHECK_THAT(finished.err, Contains(part));
    }
    CHECK(read_text(sweep.records()) == before);
    CHECK_FALSE(fs::exists(sweep.folder.path() / "union"));
  }
}

TEST_CASE("data that lack a member or hold it in another form are exit 3 and name record and member", "[end_to_end]") {
  const Sweep sweep;
  const Json good = sweep.line(5);
  const std::string place = "point " + good.at("point").get<std::string>() + ", trial " + good.at("trial").dump();
  // A ledger may be empty; then it must balance all the same.
  {
    Json bad = good;
    REQUIRE(bad["data"].erase("ledger") == 1);
    sweep.replace_line(5, sealed(bad));
    const Finished finished = kvfrontier({"audit", sweep.out});
    CHECK(finished.code == 3);
    CHECK_THAT(finished.out, Contains(place + ": ") && Contains("the ledger books 0 bits"));
  }
  // Numbers that no game can give, and means that are none.
  const auto refused = [&](const char* pointer, const Json& value, const std::string& says) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    sweep.replace_line(5, sealed(bad));
    for (const char* verb : {"audit", "table", "frontier", "gap"}) {
      const Finished finished = kvfrontier({verb, sweep.out});
      INFO(verb << " " << pointer << ": " << finished.out << finished.err);
      CHECK(finished.code == 3);
      CHECK_THAT(finished.err, Contains(place + " (session ") && Contains(says));
    }
  };
  refused("/data/metrics/error/mean", nullptr, "data.metrics.error: found {\"count\":");
  refused("/data/metrics/mse/mean", nullptr, "data.metrics.mse: found {\"count\":");
  refused("/data/metrics/error", nullptr, "data.metrics.error: found null");
  refused("/data/metrics", Json::object(), "data.metrics.error: found nothing");
  refused("/data/metrics/error/count", -1, "data.metrics.error.count: found -1; allowed: an integer of at least 0");
  refused("/data/information_bits", -5, "data.information_bits: found -5; allowed: an integer of at least 0");
  refused("/data/message_bits", 1e300, "data.message_bits: found 1e+300; allowed: an integer of at least 0");
  refused("/data/value_bits", 65, "data.value_bits: found 65; allowed: an integer from 0 to 64");
  refused("/data/floor_kind", "none", "data.floor_kind: found \"none\"; allowed: finite, entropy");
  // What every measured game has must be there, for every verb that looks at it.
  for (const char* member : {"label", "stored_keys", "floor_kind", "distortion_floor", "value_bits", "information_bits",
                             "message_bits", "peak_state_bits", "queried_rows", "metrics", "tau", "ties"}) {
    Json bad = good;
    REQUIRE(bad["data"].erase(member) == 1);
    sweep.replace_line(5, sealed(bad));
    for (const char* verb : {"audit", "table", "frontier"}) {
      const Finished finished = kvfrontier({verb, sweep.out});
      INFO(verb << " " << member << ": " << finished.out << finished.err);
      CHECK(finished.code == 3);
      CHECK(lines_of(finished.err).size() == 1);
      CHECK_THAT(finished.err, Contains(place + " (session ") &&
                                   Contains("): data." + std::string(member) + ": found nothing; allowed: ") &&
                                   Contains("the record was edited or is damaged"));
    }
  }
  // What no record may hold is damage, for every verb that looks at it.
  for (const char* member :
       {"/message_bits", "/queried_rows", "/ledger", "/ledger/values", "/information_bits", "/peak_state_bits",
        "/formula_bits", "/tau", "/ties", "/floor_kind", "/map_errors", "/map_rows/0", "/metrics", "/metrics/error",
        "/metrics/error/mean", "/metrics/mse/count"}) {
    Json bad = good;
    const Json::json_pointer pointer(member);
    REQUIRE(bad["data"].contains(pointer));
    bad["data"][pointer] = "much";
    sweep.replace_line(5, sealed(bad));
    std::string path = "data";
    for (const char* c = member; *c != 0; ++c) path += *c == '/' ? '.' : *c;
    if (path == "data.map_rows.0") path = "data.map_rows[0]";
    for (const char* verb : {"audit", "table", "frontier", "gap"}) {
      const Finished finished = kvfrontier({verb, sweep.out});
      INFO(verb << ", " << member << ": " << finished.err);
      CHECK(finished.code == 3);
      CHECK(lines_of(finished.err).size() == 1);
      CHECK_THAT(finished.err, Contains(place + " (session ") && Contains(path + ": found \"much\"; allowed: ") &&
                                   Contains("the record was edited or is damaged") && !Contains("json.exception"));
    }
  }
  Json stop = Json::parse(lines_of(read_text(sweep.out + "/stops.jsonl")).at(0));
  sweep.replace_line(5, sealed(good));
  CHECK(kvfrontier({"audit", sweep.out}).code == 0);
  stop["looks"] = 0;
  std::ofstream(sweep.out + "/stops.jsonl") << sweep::sealed_line(stop);
  const Finished finished = kvfrontier({"table", sweep.out});
  CHECK(finished.code == 3);
  CHECK_THAT(finished.err, Contains("stops.jsonl:1: looks: found 0; allowed: an integer") && Contains("damaged"));
}

TEST_CASE("records of kvfrontier 0.1 must be measured again, and every verb says so in a sentence", "[end_to_end]") {
  const Folder folder;
  const std::string config = folder.write("config.json", std::string(config_text));
  for (const char* name : {"rows.jsonl", "rows.2-of-3.jsonl", "rows.jsonl.zst"}) {
    const std::string old = folder / std::string("old-") + name, file = old + "/" + name, text = "{\"schema\": 1}\n";
    folder.write("old-" + std::string(name) + "/" + name, text);
    for (const auto& words : std::vector<std::vector<std::string>>{{"table", old},
                                                                   {"frontier", old},
                                                                   {"fit", old},
                                                                   {"gap", old},
                                                                   {"audit", old},
                                                                   {"merge", old, "--out", folder / "union"},
                                                                   {"run", config, "--out", old},
                                                                   {"verify", "--only", "leak_law", "--from", old},
                                                                   {"verify", "--only", "leak_law", "--out", old},
                                                                   {"report", old, "--out", folder / "report.html"}}) {
      const Finished finished = kvfrontier(words);
      INFO(words.front() << ", " << name << ": " << finished.err);
      CHECK(finished.code == 3);
      // `verify` says before which claim it measures.
      const bool measures = words.front() == "verify" && words[3] == "--out";
      CHECK(lines_of(finished.err).size() == (measures ? 2 : 1));
      CHECK_THAT(finished.err, Contains(file + ": records of kvfrontier 0.1 must be measured again"));
    }
    // Nothing is touched.
    CHECK(read_text(file) == text);
    CHECK(std::distance(fs::directory_iterator(old), {}) == 1);
  }
  CHECK_FALSE(fs::exists(folder.path() / "union"));
  // Other files of such a beginning are nobody's business, and those beside new records are left alone.
  const std::string other = folder / "other";
  folder.write("other/rows.txt", std::string("text"));
  CHECK_THAT(kvfrontier({"table", other}).err, Contains("no records here"));
  REQUIRE(kvfrontier({"run", config, "--out", other}).code == 0);
  folder.write("other/rows.jsonl", std::string("{\"schema\": 1}\n"));
  CHECK(kvfrontier({"table", other}).code == 0);
  CHECK(kvfrontier({"run", config, "--out", other}).code == 0);
}

TEST_CASE("a torn last line is dropped with a warning and measured again", "[end_to_end]") {
  const Sweep sweep;
  const std::string whole = canonical(sweep.out);
  for (const double share : {0.0, 0.5, 1.0}) {
    const std::string text = read_text(sweep.records());
    const std::size_t last_line = text.rfind('\n', text.size() - 2) + 1, length = text.size() - 1 - last_line;
    // A first byte, half a line, all of it but its end.
    const std::size_t kept = std::max(1.0, share * length);
    fs::resize_file(sweep.records(), last_line + kept);
    const Finished table = kvfrontier({"table", sweep.out});
    CHECK(table.code == 0);
    CHECK_THAT(table.err, Contains(sweep.records().string() + ":12: the last line is cut off and is not counted"));
    const Finished again = kvfrontier({"run", sweep.config, "--out", sweep.out});
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK_THAT(again.err, Contains("warning") && Contains(std::to_string(kept) + " bytes); dropped it") &&
                              Contains("1 trials measured, 11 found"));
    CHECK(canonical(sweep.out) == whole);
  }
}

TEST_CASE("a full disk is one sentence, keeps every whole record, and the run goes on later", "[end_to_end]") {
  const Sweep sweep;
  const std::string whole = canonical(sweep.out);
  const std::string out = sweep.folder / "small";
  // Room for some records and a part of the next one.
  Surroundings small;
  small.file_bytes = read_text(sweep.records()).size() / 2;
  const Finished full = kvfrontier({"run", sweep.config, "--out", out, "--threads", "2"}, small);
  INFO(full.err);
  CHECK(full.code == 4);
  CHECK_THAT(full.err, Contains("cannot write " + out +
                                "/records.jsonl: File too large; every finished trial is saved, run the same command "
                                "to go on"));
  const std::string text = read_text(out + "/records.jsonl");
  REQUIRE_FALSE(text.empty());
  CHECK(text.back() == '\n');
  CHECK(record_count(out) > 2);
  CHECK(record_count(out) < 12);
  // No torn line: what any reader warns of. (A point whose trial 0 was still under way has nothing to show in a table.)
  CHECK(kvfrontier({"merge", out, "--out", sweep.folder / "readable"}).err.find("warning") == std::string::npos);
  CHECK(kvfrontier({"run", sweep.config, "--out", out}).code == 0);
  CHECK(canonical(out) == whole);

  // A merge that finds no room leaves its target as it was.
  const std::string target = sweep.folder / "target";
  fs::create_directory(target);
  fs::copy(out + "/records.jsonl", target + "/records.jsonl");
  const std::string before = read_text(target + "/records.jsonl");
  const Finished merge = kvfrontier({"merge", out, target, "--out", target}, small);
  CHECK(merge.code == 4);
  CHECK_THAT(merge.err, Contains("cannot write " + target + "/records.jsonl") && Contains("File too large"));
  CHECK(read_text(target + "/records.jsonl") == before);
  CHECK_FALSE(fs::exists(target + "/records.jsonl.tmp"));
}

TEST_CASE("output that cannot be written is an error, a reader that has seen enough is not", "[end_to_end]") {
  const Sweep sweep;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"table", sweep.out}, {"frontier", sweep.out}, {"list", "schemes"}}) {
    Surroundings full;
    full.stdout_to = "/dev/full";
    const Finished finished = kvfrontier(words, full);
    INFO(words.front());
    CHECK(finished.code == 4);
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
  REQUIRE(eventually([&] { return record_count(out) > 0; }));
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"run", config, "--out", out}, {"merge", out, "--out", out}}) {
    const Finished second = kvfrontier(words);
    INFO(second.err);
    CHECK(second.code == 2);
    CHECK(lines_of(second.err).size() == 1);
    CHECK_THAT(second.err,
               Contains(out + (words.front() == "run" ? "/records.jsonl is being written by another kvfrontier"
                                                      : " is being written or merged by another kvfrontier")));
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
