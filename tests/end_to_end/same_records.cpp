// The same records and stops, whatever the threads, the shards, the isolation and the interruptions.

#include <signal.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "../support/catch.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::same_records {
namespace {

// Points that end in every way: by half width at different looks, at max_trials, infeasible, uncertified (rademacher
// keys that coincide).
const char* const config_text = R"({"experiment": "index_frontier", "seed": 5,
  "grid": [{"n": [4, 8], "d": 16, "rate": [0.25, 0.5, 1],
            "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, {"name": "kivi", "keys": "public", "bits": 2, "group": 8}]},
           {"n": 32, "d": 16, "embedding": "rademacher", "scheme": "exact"},
           {"n": 16, "d": 32, "rate": 1, "scheme": {"name": "streaming_llm", "keys": "public"}}],
  "queries": 32, "stop": {"min_trials": 4, "max_trials": 16, "half_width": 0.06}})";

struct Reference {
  Folder folder;
  std::string config = folder.write("config.json", std::string(config_text));
  std::string records;
  std::int64_t count = 0;
  Reference() {
    records = run("reference", {"--threads", "1"});
    count = record_count(folder / "reference");
    std::set<std::string> reasons, statuses;
    for (const auto& [point, stop] : last_stops(folder / "reference"))
      reasons.insert(stop.at("reason").get<std::string>());
    for (const Json& record : records_of(folder / "reference")) statuses.insert(record.at("status").get<std::string>());
    CHECK(reasons == std::set<std::string>{"half_width", "infeasible", "max_trials"});
    CHECK(statuses == std::set<std::string>{"infeasible", "ok", "uncertified"});
  }
  std::string run(const std::string& name, std::vector<std::string> flags) const {
    std::vector<std::string> words{"run", config, "--out", folder / name};
    words.insert(words.end(), flags.begin(), flags.end());
    const Finished finished = kvfrontier(words);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    return canonical(folder / name);
  }
};

}  // namespace

TEST_CASE("the same records for 1, 2 and 8 threads, isolated or not, and a rerun measures nothing", "[end_to_end]") {
  const Reference reference;
  CHECK(reference.count > 100);
  for (const char* threads : {"2", "8"}) {
    for (int repeat = 0; repeat < 3; ++repeat)
      CHECK(reference.run(std::string("threads-") + threads + "-" + std::to_string(repeat), {"--threads", threads}) ==
            reference.records);
  }
  CHECK(reference.run("never", {"--threads", "2", "--isolate", "never"}) == reference.records);
  const Finished again = kvfrontier({"run", reference.config, "--out", reference.folder / "reference"});
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Contains(" 0 trials measured, " + std::to_string(reference.count) + " found"));
  CHECK(canonical(reference.folder / "reference") == reference.records);
  CHECK(lines_of(read_text(reference.folder / "reference" + std::string("/sessions.jsonl"))).size() == 1);
}

TEST_CASE("the same records for three shards merged, at once or one by one, in one directory or three",
          "[end_to_end]") {
  const Reference reference;
  std::vector<std::string> directories;
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    directories.push_back(reference.folder / ("apart-" + std::string(1, shard[0])));
    CHECK(kvfrontier({"run", reference.config, "--out", directories.back(), "--shard", shard, "--threads", "2"}).code ==
          0);
    CHECK(record_count(directories.back()) > 0);
    CHECK(fs::exists(directories.back() + "/records." + shard[0] + "-of-3.jsonl"));
  }
  std::vector<std::string> words{"merge"};
  words.insert(words.end(), directories.begin(), directories.end());
  const std::string merged = reference.folder / "merged";
  const auto merge_to = [&](const std::string& out, const std::vector<std::string>& more = {}) {
    auto all = words;
    all.insert(all.end(), {"--out", out});
    all.insert(all.end(), more.begin(), more.end());
    return kvfrontier(all);
  };
  CHECK(merge_to(merged, {"--expect", reference.config}).code == 0);
  CHECK(canonical(merged) == reference.records);

  // Merging again, or with itself, changes no byte.
  const auto bytes = [&] {
    return read_text(merged + "/records.jsonl") + read_text(merged + "/stops.jsonl") +
           read_text(merged + "/sessions.jsonl");
  };
  const std::string before = bytes();
  CHECK(kvfrontier({"merge", merged, "--out", merged}).code == 0);
  CHECK(bytes() == before);
  CHECK(kvfrontier({"merge", merged, merged, "--out", merged}).code == 0);
  CHECK(bytes() == before);
  CHECK(merge_to(merged).code == 0);
  CHECK(bytes() == before);
  // A merge keeps what its target holds: nothing is lost by merging something else into it.
  CHECK(kvfrontier({"merge", directories[0], "--out", merged}).code == 0);
  CHECK(bytes() == before);
  // A merged store is complete for an unsharded run.
  CHECK_THAT(kvfrontier({"run", reference.config, "--out", merged}).err, Contains(" 0 trials measured"));

  // All three at once in one directory.
  const std::string together = reference.folder / "together";
  {
    Running one(kvfrontier_words({"run", reference.config, "--out", together, "--shard", "1/3"}));
    Running two(kvfrontier_words({"run", reference.config, "--out", together, "--shard", "2/3"}));
    Running three(kvfrontier_words({"run", reference.config, "--out", together, "--shard", "3/3"}));
    for (Running* running : {&one, &two, &three}) {
      const Finished finished = running->wait();
      INFO(finished.err);
      CHECK(finished.code == 0);
    }
  }
  CHECK(canonical(together) == reference.records);
  CHECK(kvfrontier({"merge", together, "--out", together}).code == 0);
  CHECK(canonical(together) == reference.records);
  CHECK_FALSE(fs::exists(together + "/records.1-of-3.jsonl"));
  CHECK(fs::exists(together + "/records.jsonl"));
}

TEST_CASE("merge --expect names the shard that has not finished, exit 1", "[end_to_end]") {
  const Reference reference;
  const std::string one = reference.folder / "one", three = reference.folder / "three",
                    merged = reference.folder / "merged";
  CHECK(kvfrontier({"run", reference.config, "--out", one, "--shard", "1/3"}).code == 0);
  CHECK(kvfrontier({"run", reference.config, "--out", three, "--shard", "3/3"}).code == 0);
  const Finished merge = kvfrontier({"merge", one, three, "--out", merged, "--expect", reference.config});
  INFO(merge.err);
  CHECK(merge.code == 1);
  CHECK_THAT(merge.err, Contains("shard 2/3 has not finished") && !Contains("shard 1/3") && !Contains("shard 3/3"));
  CHECK(record_count(merged) == record_count(one) + record_count(three));  // what there is, is merged all the same
}

TEST_CASE("records that contradict each other do not merge, exit 3 with both sessions", "[end_to_end]") {
  const Reference reference;
  const std::string other = reference.folder / "other", merged = reference.folder / "merged",
                    file = other + "/records.jsonl";
  fs::copy(reference.folder / "reference", other);
  auto records = records_of(other);
  const auto measured =
      std::find_if(records.begin(), records.end(), [](const Json& record) { return record.at("status") == "ok"; });
  REQUIRE(measured != records.end());
  const std::string session = measured->at("session");
  const auto write = [&] {
    std::ofstream stream(file);
    for (const Json& record : records) stream << sweep::sealed_line(record);
  };
  const Json genuine = *measured;
  (*measured)["session"] = "another-session";
  write();
  CHECK(kvfrontier({"merge", reference.folder / "reference", other, "--out", merged}).code ==
        0);  // equal records of two sessions
  fs::remove_all(merged);

  (*measured)["data"]["message_bits"] =
      genuine["data"]["message_bits"].get<int>() + 1 + genuine["data"]["ties"].get<int>();
  write();
  const Finished conflict = kvfrontier({"merge", reference.folder / "reference", other, "--out", merged});
  INFO(conflict.err);
  CHECK(conflict.code == 3);
  CHECK_THAT(conflict.err, Contains(genuine.at("point").get<std::string>()) &&
                               Contains("trial " + genuine.at("trial").dump()) && Contains(session) &&
                               Contains("another-session"));
  CHECK_FALSE(fs::exists(merged));

  // Rounding in the last digits of a real number, as between two machines, is no contradiction; a tenth is.
  *measured = genuine;
  (*measured)["data"]["metrics"]["mse"]["mean"] = mean_of(genuine, "mse").get<double>() * (1 + 1e-5);
  write();
  CHECK(kvfrontier({"merge", reference.folder / "reference", other, "--out", merged}).code == 0);
  (*measured)["data"]["tau"] = genuine["data"]["tau"].get<double>() * 1.1;
  write();
  CHECK(kvfrontier({"merge", reference.folder / "reference", other, "--out", merged}).code == 3);
}

TEST_CASE("a run killed at ten random moments and resumed has the same records and stops", "[end_to_end]") {
  const Reference reference;
  const std::string out = reference.folder / "killed";
  boost::random::mt19937 random(20240607);
  std::vector<std::int64_t> moments;
  for (int i = 0; i < 10; ++i)
    moments.push_back(boost::random::uniform_int_distribution<std::int64_t>(1, reference.count - 10)(random));
  std::sort(moments.begin(), moments.end());
  int killed = 0;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    Running run(kvfrontier_words({"run", reference.config, "--out", out, "--threads", i % 2 ? "3" : "1", "--isolate",
                                  i % 3 ? "never" : "always"}));
    REQUIRE(eventually([&] { return record_count(out) >= moments[i] || run.ended(); }));
    run.signal(SIGKILL);
    killed += run.wait().code == -SIGKILL;
    if (i % 3 == 1) {  // as a machine that crashes leaves it: the last line half written
      const fs::path file = out + "/records.jsonl";
      fs::resize_file(file, fs::file_size(file) - 1 - moments[i] % 100);
    }
  }
  CHECK(killed == 10);
  const Finished finished = kvfrontier({"run", reference.config, "--out", out});
  INFO(finished.err);
  CHECK(finished.code == 0);
  CHECK(canonical(out) == reference.records);
}

TEST_CASE("a run stopped by --max-seconds goes on where it stopped", "[end_to_end]") {
  const Reference reference;
  const std::string out = reference.folder / "slices";
  Finished slice;
  int slices = 0;
  do {
    // Longer and longer, or a slow machine would never start a trial.
    const std::string seconds = std::to_string(0.05 * std::pow(1.1, slices));
    slice = kvfrontier({"run", reference.config, "--out", out, "--threads", "1", "--max-seconds", seconds});
    const bool reached = slice.err.find("--max-seconds reached; run the same command to go on") != std::string::npos;
    REQUIRE(slice.code == (reached ? 5 : 0));
    REQUIRE(++slices < 100);
  } while (slice.code == 5);
  CHECK(slices > 1);
  CHECK(canonical(out) == reference.records);
}

}  // namespace kvfrontier::end_to_end::same_records
