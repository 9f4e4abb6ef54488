// When and why points stop, what a changed rule does to a store that is there already, and points that cannot be
// measured.

#include <fstream>

#include "../support/catch.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::stopping {
namespace {

struct Sweep {
  Folder folder;
  std::string config, out = folder / "out";
  explicit Sweep(const std::string& grid, const std::string& stop = R"({"max_trials": 8})", int queries = 32)
      : config(folder.write("config.json", R"({"experiment": "index_frontier", "seed": 4, "grid": )" + grid +
                                               R"(, "queries": )" + std::to_string(queries) + R"(, "stop": )" + stop +
                                               "}")) {}
  Finished run(const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> words{"run", config, "--out", out};
    words.insert(words.end(), flags.begin(), flags.end());
    return kvfrontier(words);
  }
};

const char* const one_point = R"({"n": 8, "d": 16, "rate": 0.5, "scheme": "bitpack"})";

}  // namespace

TEST_CASE("half_width stops at the first checkpoint that is narrow enough", "[end_to_end]") {
  const Sweep sweep(one_point, R"({"min_trials": 4, "max_trials": 64, "half_width": 0.06})");
  REQUIRE(sweep.run().code == 0);
  const auto stops = last_stops(sweep.out);
  REQUIRE(stops.size() == 1);
  const Json stop = stops.begin()->second;
  INFO(stop.dump());
  CHECK(stop.at("reason") == "half_width");
  CHECK(stop.at("looks") == 5);  // 4, 8, 16, 32, 64
  const std::int64_t trials = stop.at("trials");
  CHECK((trials == 8 || trials == 16 || trials == 32));
  CHECK(record_count(sweep.out) == trials);  // none beyond
  const auto line = table_of(sweep.out).at(0);
  CHECK(line.at("trials") == std::to_string(trials));
  CHECK(line.at("stop") == "half_width");
  CHECK(std::stod(line.at("error_hi")) - std::stod(line.at("error_lo")) <= 2 * 0.06);
}

TEST_CASE("raising max_trials goes on, lowering it leaves later trials uncounted", "[end_to_end]") {
  const Sweep sweep(one_point);
  REQUIRE(sweep.run().code == 0);
  const auto eight = table_of(sweep.out).at(0);
  CHECK(eight.at("trials") == "8");
  CHECK(eight.at("stop") == "max_trials");

  const Finished raised = sweep.run({"--set", "stop.max_trials=12"});
  CHECK_THAT(raised.err, Contains("4 trials measured, 8 found"));
  const auto twelve = table_of(sweep.out).at(0);
  CHECK(twelve.at("trials") == "12");
  CHECK(twelve.at("error") != eight.at("error"));

  const Finished lowered = sweep.run({"--set", "stop.max_trials=8"});
  CHECK_THAT(lowered.err, Contains("0 trials measured, 12 found"));
  auto again = table_of(sweep.out).at(0);
  CHECK(record_count(sweep.out) == 12);  // nothing is thrown away
  CHECK(again == eight);                 // nor counted
  REQUIRE(sweep.run({"--set", "stop.max_trials=12"}).code == 0);
  CHECK(table_of(sweep.out).at(0) == twelve);
  // The last decision survives a merge.
  REQUIRE(sweep.run({"--set", "stop.max_trials=8"}).code == 0);
  REQUIRE(kvfrontier({"merge", sweep.out, "--out", sweep.folder / "merged"}).code == 0);
  CHECK(table_of(sweep.folder / "merged").at(0) == eight);
  // Fewer than the default min_trials is no contradiction.
  REQUIRE(sweep.run({"--set", "stop.max_trials=3"}).code == 0);
  CHECK(table_of(sweep.out).at(0).at("trials") == "3");
}

TEST_CASE("an unfinished point shows the trials it has", "[end_to_end]") {
  const Sweep sweep(one_point);
  REQUIRE(sweep.run({"--threads", "1"}).code == 0);
  fs::remove(sweep.out + "/stops.jsonl");
  const std::string text = read_text(sweep.out + "/records.jsonl");
  const auto lines = lines_of(text);
  // Trial 5 is missing: a run that was killed with others under way.
  fs::remove(sweep.out + "/records.jsonl");
  std::string rest;
  for (std::size_t i = 0; i < lines.size(); ++i) rest += i == 5 ? "" : lines[i] + '\n';
  sweep.folder.write("out/records.jsonl", rest);
  const auto line = table_of(sweep.out).at(0);
  CHECK(line.at("trials") == "5");
  CHECK(line.at("stop") == "unfinished");
  CHECK_THAT(kvfrontier({"table", sweep.out}).out, Contains("unfinished"));
  CHECK_THAT(sweep.run().err, Contains("1 trials measured, 7 found"));
  CHECK(table_of(sweep.out).at(0).at("trials") == "8");
}

TEST_CASE("a budget below the least message is one infeasible record with the least rate, for any number of threads",
          "[end_to_end]") {
  const Sweep sweep(R"({"n": 8, "d": 16, "rate": [0.05, 0.1], "scheme": {"name": "uniform", "keys": "public"}})");
  for (const char* threads : {"1", "8"}) {
    const Finished finished = sweep.run({"--threads", threads});
    CHECK(finished.code == 0);
    CHECK_THAT(finished.err, Contains("2 infeasible, 0 failed"));
    CHECK(record_count(sweep.out) == 2);
    for (const auto& [point, stop] : last_stops(sweep.out)) {
      CHECK(stop.at("reason") == "infeasible");
      CHECK(stop.at("trials") == 1);
    }
    for (const auto& line : table_of(sweep.out)) {
      CHECK(line.at("status") == "infeasible");
      CHECK(std::stod(line.at("least_rate")) == Approx(16.0 * 16 / (21 * 16)));  // one value row in fp16
      CHECK(line.at("message_bits").empty());
      CHECK(line.at("error").empty());
    }
    CHECK_THAT(kvfrontier({"table", sweep.out}).out, Contains("infeasible: least rate 0.7619"));
    fs::remove_all(sweep.out);
  }
}

TEST_CASE("uncertified trials are records, counted in the table, and never redrawn", "[end_to_end]") {
  // 341 sign vectors of length 16 coincide in most draws; of length 22, in some.
  const Sweep sweep(R"({"n": 32, "d": [16, 20], "embedding": "rademacher", "scheme": "exact"})",
                    R"({"max_trials": 40})", 8);
  const Finished finished = sweep.run();
  INFO(finished.err);
  CHECK(finished.code == 0);
  CHECK(record_count(sweep.out) == 80);
  for (const auto& line : table_of(sweep.out)) {
    const int measured = std::stoi(line.at("trials")), uncertified = std::stoi(line.at("uncertified"));
    INFO("d = " << line.at("d") << ": " << measured << " + " << uncertified);
    CHECK(measured + uncertified == 40);
    CHECK(uncertified > 0);
    CHECK(line.at("status") == (measured > 0 ? "ok" : "uncertified"));
    if (measured > 0) CHECK(std::stod(line.at("error")) == 0);
  }
  int found = 0;
  for (const Json& record : records_of(sweep.out)) found += record.at("status") == "uncertified";
  CHECK_THAT(finished.err, Contains(std::to_string(found) + " uncertified"));
  CHECK_THAT(kvfrontier({"table", sweep.out}).out,
             Contains(std::to_string(found) + " trials have no certified scaling"));
}

TEST_CASE("a failed trial stays one until --retry-failed measures it again", "[end_to_end]") {
  const Sweep sweep(one_point);
  REQUIRE(sweep.run({"--threads", "1"}).code == 0);
  const std::string whole = canonical(sweep.out);
  auto records = records_of(sweep.out);
  records.at(3)["status"] = "failed";
  records.at(3)["data"] = {{"reason", "a decoder of yesterday"}};
  {
    std::ofstream stream(sweep.out + "/records.jsonl");
    for (const Json& record : records) stream << sweep::sealed_line(record);
  }
  const Finished found = sweep.run();
  CHECK(found.code == 1);
  CHECK_THAT(found.err, Contains("0 trials measured, 8 found") && Contains("1 failed") &&
                            Contains("one that failed: a decoder of yesterday"));
  const Finished again = sweep.run({"--retry-failed"});
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Contains("1 trials measured, 7 found") && Contains("0 failed"));
  CHECK(sweep.run().code == 0);
  REQUIRE(kvfrontier({"merge", sweep.out, "--out", sweep.out}).code == 0);
  CHECK(canonical(sweep.out) == whole);
}

TEST_CASE("points that do not fit into memory are passed over and measured where there is more", "[end_to_end]") {
  const Sweep sweep(R"({"n": [4, 64], "d": 16, "scheme": "exact"})");
  const Finished none = sweep.run({"--memory", "0.001", "--threads", "4"});
  INFO(none.err);
  CHECK(none.code == 4);
  CHECK(record_count(sweep.out) == 0);
  CHECK_THAT(none.err, Contains("2 points were not measured: up to ") && Contains("0.001 GB may be used"));
  // Room for the small point.
  const Finished some = sweep.run({"--memory", "0.0045", "--threads", "4"});
  INFO(some.err);
  CHECK(some.code == 4);
  CHECK_THAT(some.err, Contains("1 of 2 points done") && Contains("1 point was not measured: up to "));
  CHECK(record_count(sweep.out) == 8);
  for (const Json& record : records_of(sweep.out)) {
    CHECK(record.at("status") == "ok");
    CHECK(record.at("parameters").at("n") == 4);
  }
  CHECK(sweep.run().code == 0);
  CHECK(record_count(sweep.out) == 16);
  // Raising max_trials where memory no longer suffices keeps what was measured.
  const Finished more = sweep.run({"--memory", "0.0045", "--set", "stop.max_trials=20", "--threads", "4"});
  CHECK(more.code == 4);
  for (const auto& line : table_of(sweep.out)) CHECK(line.at("trials") == (line.at("n") == "4" ? "20" : "8"));
}

TEST_CASE("a --dry-run runs nothing and creates nothing", "[end_to_end]") {
  const Sweep sweep(R"({"n": [8, 16], "d": 16, "rate": [0.5, 1], "scheme": "bitpack"})",
                    R"({"min_trials": 4, "max_trials": 8, "half_width": 0.1})");
  const Finished finished = sweep.run({"--dry-run"});
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  CHECK_THAT(finished.out, Contains("experiment      index_frontier\n") && Contains("points          4\n") &&
                               Contains("trials          16 to 32\n") && Contains("estimated time") &&
                               Contains("GB a trial"));
  CHECK_FALSE(fs::exists(sweep.out));
  CHECK_THAT(sweep.run({"--dry-run", "--shard", "1/2"}).out, Contains("points          2\n"));
}

TEST_CASE("without --out records go below the current directory", "[end_to_end]") {
  const Sweep sweep(one_point);
  Surroundings elsewhere;
  elsewhere.directory = sweep.folder / "work";
  fs::create_directory(elsewhere.directory);
  const Finished finished = kvfrontier({"run", sweep.config}, elsewhere);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.err, Contains("-> results/runs/config"));
  CHECK(record_count(elsewhere.directory / "results/runs/config") == 8);
}

TEST_CASE("progress is a plain line, or one that is rewritten on a terminal", "[end_to_end]") {
  const Sweep sweep(one_point, R"({"max_trials": 1000000})");
  for (const bool terminal : {false, true}) {
    Surroundings surroundings;
    surroundings.terminal = terminal;
    const Finished finished =
        kvfrontier({"run", sweep.config, "--out", sweep.out, "--max-seconds", "1.5"}, surroundings);
    INFO(finished.err);
    CHECK(finished.code == 5);
    CHECK_THAT(finished.err,
               Contains("0/1 points, ") && Contains(" elapsed, at most ") && Contains("--max-seconds reached"));
    CHECK((finished.err.find("\r\033[K") != std::string::npos) == terminal);
    if (!terminal) CHECK(finished.err.find_first_of("\r\033") == std::string::npos);
  }
  // A narrow terminal would begin a new line at its edge, which "\r" cannot take back.
  Surroundings narrow;
  narrow.terminal = true;
  narrow.columns = 30;
  const std::string text = kvfrontier({"run", sweep.config, "--out", sweep.out, "--max-seconds", "1.5"}, narrow).err;
  const std::string mark = "\r\033[K";
  const auto first = text.find(mark);
  REQUIRE(first != std::string::npos);
  for (auto start = first; start != std::string::npos;) {
    const auto end = std::min(text.find(mark, start + 1), text.find('\n', start + 1));
    CHECK(end - start - mark.size() <= 30);
    start = text.find(mark, start + 1);
  }
  const Finished quiet = kvfrontier({"run", sweep.config, "--out", sweep.out, "--max-seconds", "1.2", "--quiet"});
  CHECK(lines_of(quiet.err).size() == 2);
}

}  // namespace kvfrontier::end_to_end::stopping
