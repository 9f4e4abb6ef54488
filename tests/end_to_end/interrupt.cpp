// Signals: every finished trial is saved, the exit code tells, and no process is left behind.

#include <signal.h>

#include "../support/catch.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::interrupt {
namespace {

// Bobs that compute for a while: many queries over many tokens.
const char* const slow_config =
    R"({"experiment": "index_frontier", "grid": {"n": 64, "d": 64, "tau": 8, "scheme": "exact"},
  "queries": 4000, "stop": {"max_trials": 1000}})";
const char* const quick_config =
    R"({"experiment": "index_frontier", "grid": {"n": 8, "d": 16, "rate": 1, "scheme": "bitpack"},
  "queries": 16, "stop": {"max_trials": 1000000}})";

}  // namespace

TEST_CASE("SIGINT and SIGTERM: 130 and 143, trials saved, nobody left", "[end_to_end]") {
  for (const int number : {SIGINT, SIGTERM}) {
    const Folder folder;
    const std::string config = folder.write("config.json", std::string(quick_config)), out = folder / "out";
    Running run(kvfrontier_words({"run", config, "--out", out, "--threads", "2"}));
    REQUIRE(eventually([&] { return record_count(out) >= 20; }));
    run.signal(number);
    const Finished finished = run.wait();
    INFO(finished.err);
    CHECK(finished.code == 128 + number);
    CHECK_THAT(finished.err, Contains("interrupted; every finished trial is saved, run the same command to go on"));
    const std::int64_t records = record_count(out);
    CHECK_THAT(finished.err, Contains(std::to_string(records) + " trials measured"));
    CHECK(kvfrontier({"table", out}).err.empty());
    CHECK(eventually([&] { return processes_of(folder.path()) == 0; }));
    // What was saved is taken over.
    const Finished more =
        kvfrontier({"run", config, "--out", out, "--set", "stop.max_trials=" + std::to_string(records + 5)});
    CHECK(more.code == 0);
    CHECK_THAT(more.err, Contains(std::to_string(records) + " found"));
  }
}

TEST_CASE("a second signal, or SIGKILL, ends a run at once and leaves no zygote and no Bob", "[end_to_end]") {
  for (const bool kill : {false, true}) {
    const Folder folder;
    const std::string config = folder.write("config.json", std::string(slow_config)), out = folder / "out";
    Running run(kvfrontier_words({"run", config, "--out", out, "--threads", "2"}));
    // The sweep, its zygote, and a Bob at work.
    REQUIRE(eventually([&] { return processes_of(folder.path()) >= 3; }));
    if (kill) {
      run.signal(SIGKILL);
    } else {
      run.signal(SIGINT);
      run.signal(SIGTERM);  // the first of each kind lets trials finish
      run.signal(SIGINT);
    }
    const Finished finished = run.wait();
    if (kill)
      CHECK(finished.code == -SIGKILL);
    else
      CHECK((finished.code == -SIGINT || finished.code == 130 || finished.code == 143));
    CHECK(eventually([&] { return processes_of(folder.path()) == 0; }));
    CHECK(kvfrontier({"run", config, "--out", out, "--set", "stop.max_trials=1", "--set", "queries=16"}).code == 0);
  }
}

}  // namespace kvfrontier::end_to_end::interrupt
