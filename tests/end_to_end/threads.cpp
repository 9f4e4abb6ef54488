// How many threads a run takes, and from whom.

#include <sched.h>

#include <cstdlib>

#include "../support/catch.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::threads {
namespace {

// Sets or unsets a variable for as long as it lives; children inherit it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

int affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
  return CPU_COUNT(&set);
}

struct Sweep {
  Folder folder;
  std::string config = folder.write(
      "config.json",
      std::string(R"({"experiment": "index_frontier", "grid": {"n": 4, "d": 16, "rate": 1, "scheme": "bitpack"},
                                     "queries": 4, "stop": {"max_trials": 8}})"));
  int runs = 0;

  // The session's threads and where they come from, which the last line must say too.
  std::string threads(const std::vector<std::string>& flags = {}) {
    const std::string out = folder / std::to_string(runs++);
    std::vector<std::string> words{"run", config, "--out", out};
    words.insert(words.end(), flags.begin(), flags.end());
    const Finished finished = kvfrontier(words);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    const Json session = Json::parse(lines_of(read_text(out + "/sessions.jsonl")).at(0));
    const int count = session.at("threads");
    const std::string text = std::to_string(count) + (count == 1 ? " thread (" : " threads (") +
                             session.at("threads_from").get<std::string>() + ")";
    CHECK_THAT(finished.err, Contains(" on " + text + " -> "));
    return text;
  }
};

}  // namespace

TEST_CASE("a run takes the least of OMP_NUM_THREADS, OMP_THREAD_LIMIT, SLURM_CPUS_PER_TASK and what the machine grants",
          "[end_to_end]") {
  const Variable no_openmp("OMP_NUM_THREADS", nullptr), no_slurm("SLURM_CPUS_PER_TASK", nullptr),
      no_limit("OMP_THREAD_LIMIT", nullptr);
  Sweep sweep;
  const std::string granted = sweep.threads();  // cgroup or affinity
  CHECK(std::atoi(granted.c_str()) <= affinity());
  CHECK_THAT(granted, Contains("(affinity)") || Contains("(cgroup)"));
  {
    const Variable slurm("SLURM_CPUS_PER_TASK", "1");
    CHECK(sweep.threads() == "1 thread (SLURM_CPUS_PER_TASK)");
    const Variable openmp("OMP_NUM_THREADS", "1");
    CHECK(sweep.threads() == "1 thread (OMP_NUM_THREADS)");
    CHECK(sweep.threads({"--threads", "3"}) == "3 threads (--threads)");
  }
  {
    const Variable limit("OMP_THREAD_LIMIT", "1");
    CHECK(sweep.threads() == "1 thread (OMP_THREAD_LIMIT)");
  }
  const Variable openmp("OMP_NUM_THREADS", "1,4");
  CHECK(sweep.threads() == "1 thread (OMP_NUM_THREADS)");
#ifdef __clang__  // its OpenMP runtime ends the process on "" and "-2" before main begins
  const std::vector<const char*> unusable{"0", "many", "4000"};
#else
  const std::vector<const char*> unusable{"", "0", "-2", "many", "4000"};
#endif
  for (const char* ignored : unusable) {
    INFO(ignored);
    const Variable not_less("OMP_NUM_THREADS", ignored);
    CHECK(sweep.threads() == granted);
  }
}

}  // namespace kvfrontier::end_to_end::threads
