// A disk that fails at each call in turn, a process that is killed there, and a machine whose power fails: no record is
// lost, no fault ends with exit 0, and the same command measures what is missing.

#include <signal.h>

#include <fstream>
#include <set>

#include "../support/catch.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::faults {
namespace {

// Three points, eight trials each.
const char* const config_text = R"({"experiment": "index_frontier", "seed": 3,
  "grid": {"n": 4, "d": 8, "rate": [0.5, 1, 2], "scheme": "bitpack"}, "queries": 4, "stop": {"max_trials": 8}})";
constexpr std::int64_t all_records = 24;

// What is done to which call.
struct Fault {
  std::string act, call;
  int at = 1;
};

// kvfrontier with a fault on whatever lies below a directory. `happened`: the call was made.
struct Outcome {
  Finished finished;
  bool happened = false;
};
Outcome with_fault(const std::vector<std::string>& words, const fs::path& below, const fs::path& mark,
                   const Fault& fault) {
  fs::remove(mark);
  std::vector<std::string> all{"/usr/bin/env",
                               "KVFRONTIER_FAULT_BELOW=" + below.string(),
                               "KVFRONTIER_FAULT_CALL=" + fault.call,
                               std::string("KVFRONTIER_FAULT_AT=").append(std::to_string(fault.at)),
                               "KVFRONTIER_FAULT_DO=" + fault.act,
                               "KVFRONTIER_FAULT_MARK=" + mark.string(),
                               "ASAN_OPTIONS=verify_asan_link_order=0",
                               std::string("LD_PRELOAD=") + KVFRONTIER_FAULTS};
  for (const auto& word : kvfrontier_words(words)) all.push_back(word);
  Outcome outcome{Running(all).wait(), false};
  outcome.happened = fs::exists(mark);
  return outcome;
}

struct Sweep {
  Folder folder;
  std::string config = folder.write("config.json", std::string(config_text));
  std::string whole;  // canonical() of a run without faults
  Sweep() {
    REQUIRE(kvfrontier(run_words(folder / "whole")).code == 0);
    REQUIRE(record_count(folder / "whole") == all_records);
    whole = canonical(folder / "whole");
  }
  std::vector<std::string> run_words(const std::string& out) const {
    return {"run", config, "--out", out, "--threads", "1", "--isolate", "never", "--quiet"};
  }
  // The sweep as three shards in one directory.
  void make_shards(const std::string& out) const {
    for (const char* shard : {"1/3", "2/3", "3/3"}) {
      auto words = run_words(out);
      words.insert(words.end(), {"--shard", shard});
      REQUIRE(kvfrontier(words).code == 0);
    }
  }
};

// Point and trial of every record in a directory, with its data.
std::set<std::string> contents(const fs::path& directory) {
  std::set<std::string> records;
  if (!fs::is_directory(directory)) return records;
  for (const Json& record : records_of(directory))
    records.insert(record.at("point").get<std::string>() + record.at("trial").dump() + record.at("data").dump());
  return records;
}

bool holds_all(const std::set<std::string>& records, const std::set<std::string>& some) {
  return std::includes(records.begin(), records.end(), some.begin(), some.end());
}

const std::vector<std::string> calls{"open", "read", "write", "stat", "rename", "remove", "fsync", "flock", "list"};

// Puts the fault at every call in turn, until there are no more, but at most at `most` of each kind. `trial` prepares,
// runs with the fault and looks; false when the call was not made.
void at_every_call(const std::string& act, int most, const std::function<bool(const Fault&)>& trial) {
  int faults = 0;
  for (const auto& call : calls) {
    for (int at = 1; at <= most && trial({act, call, at}); ++at) ++faults;
  }
  CHECK(faults > 20);
}

}  // namespace

TEST_CASE("run: whatever call fails, kills it or loses the power, the same command finishes the sweep",
          "[end_to_end][faults]") {
  const Sweep sweep;
  const std::string out = sweep.folder / "out", mark = sweep.folder / "mark";
  for (const char* act : {"error", "kill", "power"}) {
    at_every_call(act, 12, [&](const Fault& fault) {
      fs::remove_all(out);
      const Outcome first = with_fault(sweep.run_words(out), out, mark, fault);
      CAPTURE(fault.act, fault.call, fault.at, first.finished.err, first.finished.code);
      if (!first.happened) return false;
      CHECK(first.finished.code == (fault.act == "error" ? 4 : -SIGKILL));
      const auto saved = contents(out);
      const Finished again = kvfrontier(sweep.run_words(out));
      CAPTURE(again.err);
      CHECK(again.code == 0);
      CHECK(holds_all(contents(out), saved));
      CHECK(canonical(out) == sweep.whole);
      return true;
    });
  }
}

TEST_CASE("run: what it has said to be measured survives a power failure", "[end_to_end][faults]") {
  const Sweep sweep;
  const std::string out = sweep.folder / "out";
  auto words = sweep.run_words(out);
  words.pop_back();
  const Outcome outcome = with_fault(words, out, sweep.folder / "mark", {"power", "none", 0});
  INFO(outcome.finished.err);
  REQUIRE(outcome.happened);
  CHECK_THAT(outcome.finished.err, Contains("3 of 3 points done, 24 trials measured"));
  CHECK(canonical(out) == sweep.whole);
}

TEST_CASE("merge: whatever call fails, kills it or loses the power, no record is lost", "[end_to_end][faults]") {
  const Sweep sweep;
  const std::string shards = sweep.folder / "shards", out = sweep.folder / "out", mark = sweep.folder / "mark";
  sweep.make_shards(shards);
  const auto all = contents(shards);
  REQUIRE(all.size() == all_records);
  for (const char* act : {"error", "kill", "power"}) {
    at_every_call(act, 100, [&](const Fault& fault) {
      fs::remove_all(out);
      fs::copy(shards, out);
      const Outcome first = with_fault({"merge", out, "--out", out}, out, mark, fault);
      CAPTURE(fault.act, fault.call, fault.at, first.finished.err, first.finished.code);
      if (!first.happened) return false;
      CHECK(first.finished.code == (fault.act == "error" ? 4 : -SIGKILL));
      CHECK(contents(out) == all);
      const Finished again = kvfrontier({"merge", out, "--out", out});
      CAPTURE(again.err);
      CHECK(again.code == 0);
      CHECK(canonical(out) == sweep.whole);
      CHECK_FALSE(fs::exists(out + "/records.1-of-3.jsonl"));
      return true;
    });
  }
}

TEST_CASE("readers: a call that fails is an error and never a shorter answer", "[end_to_end][faults]") {
  const Sweep sweep;
  const std::string out = sweep.folder / "shards", mark = sweep.folder / "mark";
  sweep.make_shards(out);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"table", out, "--format", "csv"}, {"audit", out}, {"verify", "--only", "leak_law", "--from", out}}) {
    at_every_call("error", 100, [&](const Fault& fault) {
      const Outcome outcome = with_fault(words, out, mark, fault);
      CAPTURE(words.front(), fault.call, fault.at, outcome.finished.out, outcome.finished.err);
      if (!outcome.happened) return false;
      CHECK(outcome.finished.code == 4);
      CHECK_FALSE(outcome.finished.err.empty());
      return true;
    });
  }
}

}  // namespace kvfrontier::end_to_end::faults
