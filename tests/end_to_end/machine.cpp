// A machine that fails: no descriptors, no processes, no memory, a zygote that dies, standard streams that are closed.
// None of it is stored as the result of a scheme, and the same command measures what is missing.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "../support/catch.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::machine {
namespace {

const char* const config_text = R"({"experiment": "index_frontier", "seed": 3,
  "grid": {"n": 8, "d": 16, "rate": [0.5, 1], "scheme": "bitpack"}, "queries": 16, "stop": {"max_trials": 6}})";

struct Sweep {
  Folder folder;
  std::string config = folder.write("config.json", std::string(config_text)), out = folder / "out";
  std::string whole;
  Sweep() {
    REQUIRE(kvfrontier({"run", config, "--out", folder / "whole"}).code == 0);
    whole = canonical(folder / "whole");
  }
  std::vector<std::string> run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"run", config, "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // The same command on a sound machine.
  void check_finishes() const {
    const Finished again = kvfrontier(run());
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK(canonical(out) == whole);
  }
};

// kvfrontier with these words, started by a shell that does `first` and appends `redirections`.
Finished in_shell(const std::string& first, const std::vector<std::string>& words,
                  const std::string& redirections = {}) {
  std::string line = first + "exec";
  for (const auto& word : kvfrontier_words(words)) line.append(" '").append(word).append("'");
  return Running({"/bin/sh", "-c", line + redirections}).wait();
}

Finished with_environment(const std::vector<std::string>& settings, const std::vector<std::string>& words) {
  std::vector<std::string> all{"/usr/bin/env"};
  all.insert(all.end(), settings.begin(), settings.end());
  for (const auto& word : kvfrontier_words(words)) all.push_back(word);
  return Running(all).wait();
}

// The fork of that number fails for lack of processes; 1 is the zygote, those after it are Bobs.
std::vector<std::string> failing_fork(int number) {
  return {"KVFRONTIER_FAULT_CALL=fork", std::string("KVFRONTIER_FAULT_AT=").append(std::to_string(number)),
          "KVFRONTIER_FAULT_DO=error", "ASAN_OPTIONS=verify_asan_link_order=0",
          std::string("LD_PRELOAD=") + KVFRONTIER_FAULTS};
}

// Living processes of that name whose command line has `marker` in it.
std::vector<pid_t> processes_named(const std::string& name, const std::string& marker) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string number = entry.path().filename();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream comm(entry.path() / "comm"), line(entry.path() / "cmdline", std::ios::binary);
    std::string called;
    std::getline(comm, called);
    const std::string text{std::istreambuf_iterator<char>(line), {}};
    if (called == name && text.find(marker) != std::string::npos) found.push_back(std::stoi(number));
  }
  return found;
}

// The one zygote of a kvfrontier that has `marker` in its command line; a Bob has its name for a moment.
pid_t zygote_of(const std::string& marker) {
  std::vector<pid_t> found;
  REQUIRE(eventually([&] { return (found = processes_named("kvf-zygote", marker)).size() == 1; }));
  return found.front();
}

}  // namespace

TEST_CASE("standard streams may be closed: run works, and data that nobody can get is exit 4",
          "[end_to_end][machine]") {
  const Sweep sweep;
  for (int closed = 0; closed < 8; ++closed) {
    std::string redirections;
    for (const int stream : {0, 1, 2}) {
      if ((closed >> stream & 1) != 0) redirections.append(" ").append(std::to_string(stream)).append(">&-");
    }
    const bool no_stdout = (closed & 2) != 0;
    CAPTURE(redirections);
    fs::remove_all(sweep.out);
    const Finished run = in_shell("", sweep.run(), redirections);
    INFO(run.err);
    CHECK(run.code == 0);
    CHECK(canonical(sweep.out) == sweep.whole);
    const std::string point = records_of(sweep.out).at(0).at("point");
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"table", sweep.out},
                                               {"frontier", sweep.out},
                                               {"fit", sweep.out},
                                               {"gap", sweep.out},
                                               {"audit", sweep.out},
                                               {"replay", sweep.out, "--point", point, "--trial", "0"},
                                               {"list", "schemes"},
                                               {"describe", "kivi"},
                                               {"check", sweep.config},
                                               {"floor", "--n", "8", "--d", "16", "--error", "0.1"},
                                               {"schema"},
                                               {"completion", "bash"},
                                               {"run", sweep.config, "--dry-run"},
                                               {"--version"},
                                               {"--help"}}) {
      const Finished finished = in_shell("", words, redirections);
      CAPTURE(words.front(), finished.out, finished.err);
      if (no_stdout) {
        CHECK(finished.code == 4);
      } else {
        CHECK(finished.code <= 1);  // fit may find that a claim does not hold
        CHECK_FALSE(finished.out.empty());
      }
    }
  }
}

TEST_CASE("few descriptors end a run with a sentence and no record of a failure", "[end_to_end][machine]") {
  const Sweep sweep;
  for (const char* limit : {"6", "8", "10", "12", "16", "1000"}) {
    fs::remove_all(sweep.out);
    const Finished finished = in_shell(std::string("ulimit -n ") + limit + "; ", sweep.run({"--threads", "8"}));
    CAPTURE(limit, finished.err);
    CHECK((finished.code == 0 || finished.code == 4));
    if (std::string(limit) == "1000") CHECK(finished.code == 0);
    if (finished.code == 4) CHECK_THAT(finished.err, Contains("Too many open files"));
    if (fs::is_directory(sweep.out)) {
      for (const Json& record : records_of(sweep.out)) CHECK(record.at("status") == "ok");
    }
    sweep.check_finishes();
  }
}

TEST_CASE("without processes there is no record, exit 4 and a sentence", "[end_to_end][machine]") {
  const Sweep sweep;
  for (const int number : {1, 2, 5}) {
    fs::remove_all(sweep.out);
    const Finished finished = with_environment(failing_fork(number), sweep.run({"--threads", "1"}));
    CAPTURE(number, finished.err);
    CHECK(finished.code == 4);
    CHECK_THAT(finished.err, Contains(number == 1 ? "cannot fork the zygote: Resource temporarily unavailable"
                                                  : "cannot start a process for Bob: Resource temporarily "
                                                    "unavailable; every finished trial is saved, run the same "
                                                    "command to go on"));
    if (number > 1) CHECK(record_count(sweep.out) == number - 2);
    sweep.check_finishes();
  }
  // Verbs that play no game need no zygote.
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"table", sweep.out}, {"audit", sweep.out}, {"list", "schemes"}, {"merge", sweep.out, "--out", sweep.out}}) {
    CAPTURE(words.front());
    CHECK(with_environment(failing_fork(1), words).code == 0);
  }
}

TEST_CASE("a zygote that dies is started again once, and its games are played", "[end_to_end][machine]") {
  const Sweep sweep;
  const auto marker = sweep.folder.path().string();
  Running run(kvfrontier_words(sweep.run({"--threads", "2", "--set", "stop.max_trials=1000000"})));
  REQUIRE(eventually([&] { return record_count(sweep.out) > 20; }));
  REQUIRE(kill(zygote_of(marker), SIGKILL) == 0);
  const auto records = record_count(sweep.out);
  REQUIRE(eventually([&] { return record_count(sweep.out) > records + 100 || run.ended(); }));
  CHECK_FALSE(run.ended());
  for (const Json& record : records_of(sweep.out)) CHECK(record.at("status") == "ok");
  // The second one is a program of its own: its command line is its name.
  std::vector<pid_t> again;
  for (const pid_t pid : processes_named("kvf-zygote", "kvf-zygote")) again.push_back(pid);
  REQUIRE_FALSE(again.empty());
  for (const pid_t pid : again) kill(pid, SIGKILL);
  const Finished finished = run.wait();
  INFO(finished.err);
  CHECK(finished.code == 4);
  CHECK_THAT(finished.err, Contains("the zygote, which every Bob is forked from, has died again; every finished trial "
                                    "is saved, run the same command to go on"));
  for (const Json& record : records_of(sweep.out)) CHECK(record.at("status") == "ok");
}

TEST_CASE("a zygote that does not answer does not keep a run from its end", "[end_to_end][machine]") {
  const Sweep sweep;
  Running run(kvfrontier_words(sweep.run({"--threads", "1", "--set", "stop.max_trials=1000000"})));
  REQUIRE(eventually([&] { return record_count(sweep.out) > 20; }));
  REQUIRE(kill(zygote_of(sweep.folder.path().string()), SIGSTOP) == 0);
  run.signal(SIGTERM);
  const Finished finished = run.wait();
  INFO(finished.err);
  CHECK((finished.code == 4 || finished.code == 143));
  CHECK(processes_of(sweep.folder.path().string()) == 0);
  for (const Json& record : records_of(sweep.out)) CHECK(record.at("status") == "ok");
}

TEST_CASE("a run waits for its zygote: nothing of it is left when it has ended", "[end_to_end][machine]") {
  const Sweep sweep;
  for (int repeat = 0; repeat < 5; ++repeat) {
    CHECK(kvfrontier(sweep.run({"--set", std::string("seed=").append(std::to_string(repeat))})).code == 0);
    CHECK(processes_of(sweep.folder.path().string()) == 0);
  }
}

TEST_CASE("points that need more memory than there is are left for a larger machine", "[end_to_end][machine]") {
  const Sweep sweep;
  const Finished small = with_environment({"SLURM_MEM_PER_NODE=1"}, sweep.run());
  INFO(small.err);
  CHECK(small.code == 4);
  CHECK_THAT(small.err, Contains("2 points were not measured: up to ") &&
                            Contains("GB may be used; the same command on a larger machine, or with a larger --memory, "
                                     "measures what is missing") &&
                            Contains("0 trials measured, 0 found, 0 uncertified, 0 infeasible, 0 failed"));
  CHECK(record_count(sweep.out) == 0);
  sweep.check_finishes();
}

TEST_CASE("an output folder that vanishes is an error", "[end_to_end][machine]") {
  const Sweep sweep;
  Running run(kvfrontier_words(sweep.run({"--threads", "1", "--set", "stop.max_trials=1000000"})));
  REQUIRE(eventually([&] { return record_count(sweep.out) > 20; }));
  fs::remove_all(sweep.out);
  const Finished finished = run.wait();
  CHECK(finished.code == 4);
  CHECK_THAT(finished.err, Contains(sweep.out + "/records.jsonl was deleted while it was written"));
  sweep.check_finishes();
}

TEST_CASE("what is no file in place of records is refused, and a signal ends a run all the same",
          "[end_to_end][machine]") {
  const Sweep sweep;
  fs::create_directory(sweep.out);
  const std::string records = sweep.out + "/records.jsonl";
  const auto refused = [&] {
    for (const auto& words : std::vector<std::vector<std::string>>{
             sweep.run(), {"table", sweep.out}, {"merge", sweep.out, "--out", sweep.out}}) {
      const Finished finished = kvfrontier(words);
      CAPTURE(words.front(), finished.err);
      CHECK(finished.code == 2);
      CHECK_THAT(finished.err, Contains(records));
    }
  };
  REQUIRE(mkfifo(records.c_str(), 0644) == 0);
  refused();
  fs::remove(records);
  fs::create_directory(records);
  refused();
  fs::remove(records);
  fs::create_symlink(sweep.folder / "nowhere/file", records);
  refused();
}

TEST_CASE("a run whose --max-seconds leave work is exit 5, and exit 0 once there is no more", "[end_to_end][machine]") {
  const Sweep sweep;
  const Finished stopped =
      kvfrontier(sweep.run({"--threads", "1", "--max-seconds", "0.3", "--set", "stop.max_trials=1000000"}));
  INFO(stopped.err);
  CHECK(stopped.code == 5);
  CHECK(kvfrontier(sweep.run({"--max-seconds", "600", "--set", "stop.max_trials=2"})).code == 0);
}

}  // namespace kvfrontier::end_to_end::machine
