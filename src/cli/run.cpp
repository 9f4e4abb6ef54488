// kvfrontier run: a config becomes records.

#include <cstdio>
#include <iostream>
#include <set>

#include "cli/arguments.hpp"
#include "cli/dry_run.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "sweep/planner.hpp"
#include "sweep/progress.hpp"
#include "sweep/runner.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* run_usage =
    "run CONFIG [--out DIR] [--threads T] [--shard I/N] [--set path=value]... [--max-seconds S] [--dry-run [--json]] "
    "[--isolate always|never] [--bob-seconds S] [--retry-failed] [--memory GB] [--quiet]";

void require_positive(const po::variables_map& values, const std::string& flag, double number,
                      const std::string& unit) {
  if (values.count(flag) > 0 && !(number > 0 && number <= 1e9)) {
    throw core::UserError("--" + flag + " " + core::describe(number) + ": a positive number of " + unit +
                          ", at most 1e9");
  }
}

// Names the goals that the planner passes over, once each.
void report_refusals(const sweep::Plan& plan) {
  std::set<std::string> said;
  for (const sweep::Point& goal : plan.points) {
    const std::string refusal = plan.experiment->planner().refusal(goal.parameters);
    if (!refusal.empty() && said.insert(refusal).second) warn("no search for " + refusal);
  }
}

int run_config(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  std::string out, shard = "1/1", isolate = "always";
  std::vector<std::string> sets;
  double max_seconds = 0, bob_seconds = 600, memory = 0;
  flags.add_options()("out", po::value(&out),
                      "directory for records; default results/runs/<config name> below the current directory")(
      "threads", po::value<int>(),
      "OpenMP threads; default: the least of OMP_NUM_THREADS, OMP_THREAD_LIMIT, SLURM_CPUS_PER_TASK, cgroup and affinity")(
      "shard", po::value(&shard), "run part I of N of the points (I/N); merge the parts afterwards")(
      "set", po::value(&sets)->composing(), "override a value of the config: dotted.path=value")(
      "max-seconds", po::value(&max_seconds), "start no trial after S seconds; rerun to go on")(
      "dry-run", "show points, trials, time and memory, and run nothing")("json", "with --dry-run: as JSON")(
      "isolate", po::value(&isolate), "always: each Bob is a process of his own; never: a function call (profiling)")(
      "bob-seconds", po::value(&bob_seconds), "kill a Bob that has not answered after S seconds")(
      "retry-failed", "measure failed trials again")(
      "memory", po::value(&memory), "GB that running trials may take together; default 90 % of what is free")(
      "quiet", "no progress");
  po::variables_map values;
  if (!parse("run", run_usage, flags, "CONFIG", 1, arguments, values)) return 0;
  const std::filesystem::path config = required(values, "CONFIG", "run");
  const sweep::GrantedThreads threads = chosen_threads(values);
  require_positive(values, "max-seconds", max_seconds, "seconds");
  require_positive(values, "bob-seconds", bob_seconds, "seconds");
  require_positive(values, "memory", memory, "GB");

  if (config == "-" && out.empty())
    throw core::UserError("run: --out is missing, which a config from the standard input has no name for");
  const sweep::Plan plan = sweep::load_plan(config, sets);
  report_refusals(plan);
  sweep::RunOptions options;
  options.out = out.empty() ? std::filesystem::path("results/runs") / config.stem() : std::filesystem::path(out);
  options.threads = threads;
  std::tie(options.shard_index, options.shard_count) = parse_shard(shard);
  options.max_seconds = max_seconds;
  options.retry_failed = values.count("retry-failed") > 0;
  options.bob = {parse_isolation(isolate), bob_seconds};
  options.memory_bytes = memory * 1e9;
  options.quiet = values.count("quiet") > 0;
  if (values.count("json") > 0 && values.count("dry-run") == 0)
    throw core::UserError("--json goes with --dry-run: what a sweep measured is printed by kvfrontier table");
  if (values.count("dry-run") > 0) {
    const auto points = sweep::shard(plan, options.shard_index, options.shard_count);
    const DryRun estimate = dry_run(plan, points, threads.count, measured_speed());
    if (values.count("json") > 0) {
      std::cout << to_json(estimate).dump(1) << "\n";
      return 0;
    }
    std::printf("experiment      %s\n", plan.experiment->name().c_str());
    print(estimate, threads);
    std::printf("out             %s\n", options.out.c_str());
    return 0;
  }

  const sweep::RunOutcome outcome = sweep::run(plan, options);
  char seconds[32];
  if (!plan.experiment->planner().counts_ahead())
    std::fprintf(stderr, "%ld of %ld %s done; ", outcome.goals_done, outcome.goals, outcome.noun.c_str());
  std::fprintf(stderr,
               "%ld of %ld points done, %ld trials measured, %ld found, %ld uncertified, %ld infeasible, %ld failed, "
               "%s on %s -> %s\n",
               outcome.points_done, outcome.points, outcome.trials_measured, outcome.trials_found, outcome.uncertified,
               outcome.infeasible, outcome.failed, sweep::duration_text(outcome.seconds, seconds),
               threads_text(threads).c_str(), options.out.c_str());
  if (outcome.failed > 0) std::fprintf(stderr, "one that failed: %s\n", core::printable(outcome.a_failure).c_str());
  if (outcome.signal != 0) {
    std::fprintf(stderr, "interrupted; every finished trial is saved, run the same command to go on\n");
    return exit_signal + outcome.signal;
  }
  report_too_large(outcome);
  if (outcome.out_of_time) std::fprintf(stderr, "--max-seconds reached; run the same command to go on\n");
  if (outcome.failed > 0) return exit_result;
  if (outcome.too_large > 0) return exit_machine;
  return outcome.out_of_time ? exit_time : exit_ok;
}

}  // namespace

Verb run_verb() {
  return {"run", run_usage, "run a sweep; the same command again resumes it", run_config, true};
}

void report_too_large(const sweep::RunOutcome& outcome) {
  if (outcome.too_large == 0) return;
  std::fprintf(stderr,
               "kvfrontier: %ld %s not measured: up to %.3g GB of memory are needed for a trial and %.3g GB may be "
               "used; the same command on a larger machine, or with a larger --memory, measures what is missing\n",
               outcome.too_large, outcome.too_large == 1 ? "point was" : "points were", outcome.largest_bytes / 1e9,
               outcome.usable_bytes / 1e9);
}

void warn(const std::string& text) {
  std::fprintf(stderr, "kvfrontier: warning: %s\n", core::printable(text).c_str());
}

}  // namespace kvfrontier::cli
