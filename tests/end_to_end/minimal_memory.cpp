// Searches: the same probes and answers whatever the threads, the shards and the interruptions, and the verbs that read
// them.

#include <signal.h>

#include <set>

#include "../support/catch.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::minimal_memory {
namespace {

const char* const config_text = R"({"experiment": "minimal_memory", "seed": 5, "target_error": [0.3, 0.05],
  "grid": {"n": [4, 8], "d": 16, "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, "exact", "rate_distortion"]},
  "queries": 64, "stop": {"min_trials": 4, "max_trials": 16}})";

std::string answers(const std::string& directory) {
  std::string text;
  for (const char* verb : {"frontier", "fit", "gap"}) {
    const Finished finished = kvfrontier({verb, directory});
    INFO(finished.err);
    CHECK(finished.code == 0);
    text += finished.out;
  }
  return text;
}

struct Reference {
  Folder folder;
  std::string config = folder.write("config.json", std::string(config_text)), out = folder / "reference";
  Finished finished = kvfrontier({"run", config, "--out", out, "--threads", "1"});
  std::string records = canonical(out);
};

}  // namespace

TEST_CASE("searches: the same records for any threads, and a rerun measures nothing", "[end_to_end]") {
  const Reference reference;
  INFO(reference.finished.err);
  CHECK(reference.finished.code == 0);
  CHECK_THAT(reference.finished.err, Contains("16 of 16 searches done; "));
  // Probes are points of index_frontier, and they stop as soon as they are decided.
  for (const Json& record : records_of(reference.out))
    CHECK(record.at("parameters").at("experiment") == "index_frontier");
  std::set<std::string> reasons;
  for (const auto& [point, stop] : last_stops(reference.out)) reasons.insert(stop.at("reason").get<std::string>());
  CHECK(reasons.count("decided") == 1);

  const std::string other = reference.folder / "threads";
  CHECK(kvfrontier({"run", reference.config, "--out", other, "--threads", "4", "--isolate", "never"}).code == 0);
  CHECK(canonical(other) == reference.records);
  const Finished again = kvfrontier({"run", reference.config, "--out", reference.out});
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Contains("16 of 16 searches done; ") && Contains(" 0 trials measured"));
  CHECK(canonical(reference.out) == reference.records);
  CHECK_THAT(kvfrontier({"run", reference.config, "--dry-run"}).out, Contains("searches        16"));
  CHECK_THAT(kvfrontier({"check", reference.config}).out, Contains("minimal_memory"));
}

TEST_CASE("searches: killed at several moments and resumed, the same records and answers", "[end_to_end]") {
  const Reference reference;
  const std::string out = reference.folder / "killed";
  const std::int64_t count = record_count(reference.out);
  int killed = 0;
  for (int part = 1; part <= 5; ++part) {
    Running run(kvfrontier_words({"run", reference.config, "--out", out, "--threads", "2"}));
    REQUIRE(eventually([&] { return record_count(out) >= count * part / 7 || run.ended(); }));
    run.signal(SIGKILL);
    killed += run.wait().code == -SIGKILL;
  }
  CHECK(killed == 5);
  CHECK(kvfrontier({"run", reference.config, "--out", out}).code == 0);
  CHECK(canonical(out) == reference.records);
  CHECK(answers(out) == answers(reference.out));
}

TEST_CASE("searches: shards take whole searches, and merged they give the same answers", "[end_to_end]") {
  const Reference reference;
  const std::string one = reference.folder / "one", two = reference.folder / "two",
                    merged = reference.folder / "merged";
  CHECK(kvfrontier({"run", reference.config, "--out", one, "--shard", "1/2"}).code == 0);
  CHECK(record_count(one) > 0);
  CHECK(record_count(one) < record_count(reference.out));
  const Finished half = kvfrontier({"merge", one, "--out", merged, "--expect", reference.config});
  CHECK(half.code == 1);
  CHECK(kvfrontier({"run", reference.config, "--out", two, "--shard", "2/2"}).code == 0);
  const Finished whole = kvfrontier({"merge", one, two, "--out", merged, "--expect", reference.config});
  INFO(whole.err);
  CHECK(whole.code == 0);
  CHECK(canonical(merged) == reference.records);
  CHECK(answers(merged) == answers(reference.out));
  CHECK_THAT(kvfrontier({"run", reference.config, "--out", merged}).err, Contains(" 0 trials measured"));
}

TEST_CASE("fit and gap print laws, as text and as JSON", "[end_to_end]") {
  const Reference reference;
  const Json laws = Json::parse(kvfrontier({"fit", reference.out, "--target-error", "0.05", "--json"}).out);
  REQUIRE(laws.size() == 4);
  for (const Json& law : laws) {
    CHECK(law.at("sizes").size() == 2);
    if (law.at("curve") == "exact") CHECK(law.at("n").at("value").get<double>() == Approx(2).epsilon(1e-6));
  }
  const Json gaps = Json::parse(kvfrontier({"gap", reference.out, "--json"}).out);
  REQUIRE(gaps.size() == 12);  // three errors
  CHECK(gaps.front().at("curve") == "rate_distortion");
  for (const Json& entry : gaps) {
    if (!entry.at("gap").is_null()) CHECK(entry.at("gap_least").get<double>() >= 1);
  }
  CHECK_THAT(kvfrontier({"fit", reference.out}).out, Contains("exponent"));
  CHECK_THAT(kvfrontier({"fit", reference.out, "--over-floor"}).out, Contains("per entry: in N"));
  CHECK(laws.front().at("over_floor").contains("tokens"));
  CHECK_THAT(kvfrontier({"gap", reference.out}).out, Contains("stored keys"));
  const Json best =
      Json::parse(kvfrontier({"gap", reference.out, "--target-error", "0.1", "--best", "2", "--json"}).out);
  REQUIRE(best.size() == 2);
  CHECK(best[0].at("curve") == "rate_distortion");
  CHECK(best[0].at("gap").get<double>() < best[1].at("gap").get<double>());
  CHECK_FALSE(best[1].at("stored_keys").get<bool>());
  CHECK(kvfrontier({"gap", reference.out, "--best", "0"}).code == 2);
  for (const char* verb : {"fit", "gap"}) {
    const Finished bad = kvfrontier({verb, reference.out, "--target-error", "0.7"});
    CHECK(bad.code == 2);
    CHECK_THAT(bad.err, Contains("--target-error"));
  }
}

TEST_CASE("a scheme that nobody named and that does not suit is passed over aloud", "[end_to_end]") {
  const Folder folder;
  const std::string config = folder.write("config.json", std::string(R"({"experiment": "minimal_memory",
    "grid": {"n": 4, "d": 16, "instance": {"name": "clustered", "clusters": 2}}})"));
  const Finished dry = kvfrontier({"run", config, "--dry-run"});
  INFO(dry.err);
  CHECK(dry.code == 0);
  CHECK_THAT(dry.err, Contains("no search for") && Contains("bitpack"));
}

}  // namespace kvfrontier::end_to_end::minimal_memory
