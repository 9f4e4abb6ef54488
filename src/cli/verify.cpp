// kvfrontier verify: every claim, measured and judged.

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>

#include "analysis/claim.hpp"
#include "cli/arguments.hpp"
#include "cli/dry_run.hpp"
#include "cli/markdown.hpp"
#include "cli/verb_list.hpp"
#include "cli/verdicts.hpp"
#include "core/errors.hpp"
#include "sweep/planner.hpp"
#include "sweep/progress.hpp"
#include "sweep/runner.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::cli {
namespace {

using analysis::Claim;
using analysis::Outcome;

constexpr const char* verify_usage =
    "verify [--size quick|paper] [--only NAME]... [--out DIR] [--from DIR] [--seed S] [--threads T] [--shard I/N] "
    "[--max-seconds S] [--dry-run] [--checks] [--json] "
    "[--quiet] [--markdown]";

struct Request {
  std::string size_name = "quick", out, from, shard = "1/1";
  std::vector<std::string> only;
  std::uint64_t seed = 1;
  bool seed_given = false;
  sweep::GrantedThreads threads;
  int shard_index = 1, shard_count = 1;
  double max_seconds = 0;
  bool checks = false, dry_run = false, json = false, quiet = false;

  analysis::Size size() const { return size_name == "quick" ? analysis::Size::quick : analysis::Size::paper; }
  const std::string& directory() const { return from.empty() ? out : from; }
};

std::vector<const Claim*> chosen(const std::vector<std::string>& only) {
  if (only.empty()) return analysis::claims();
  std::vector<std::string> names;
  for (const auto* claim : analysis::claims()) names.push_back(claim->name());
  std::vector<const Claim*> list;
  for (const auto& name : only) {
    const auto* claim = analysis::find_claim(name);
    if (claim == nullptr && sweep::Experiments::find_or_null(name) != nullptr)
      throw core::UserError("--only " + name + ": an experiment, but no claim: it has no verdict");
    require_choice("--only", name, names);
    if (std::find(list.begin(), list.end(), claim) == list.end()) list.push_back(claim);
  }
  return list;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

std::string interval_text(const core::Interval& interval) {
  std::string text = "[";
  return text.append(number(interval.lo)).append(", ").append(number(interval.hi)).append("]");
}

// The command that measures what is missing.
std::string measure_command(const Claim& claim, const Request& request, std::uint64_t seed) {
  std::string text = "kvfrontier verify --only " + claim.name();
  if (request.size_name != "quick") text.append(" --size ").append(request.size_name);
  if (seed != 1) text.append(" --seed ").append(std::to_string(seed));
  return text.append(" --out ").append(request.directory());
}

// Why a verdict is inconclusive though no check is; empty otherwise.
std::string lack_of(const analysis::Verdict& verdict, const Claim& claim, const Request& request, std::uint64_t seed) {
  if (verdict.unfinished > 0) {
    return (verdict.unfinished == verdict.points
                ? "no records at size " + request.size_name + " and seed " + std::to_string(seed)
                : std::to_string(verdict.unfinished) + " of " + std::to_string(verdict.points) +
                      " points lack trials") +
           "; measure them with: " + measure_command(claim, request, seed);
  }
  if (verdict.failed_trials > 0)
    return std::to_string(verdict.failed_trials) + " trials failed; their records in " + request.directory() +
           " say why";
  return verdict.checks.empty() ? "its records allow no check" : "";
}

// One line a claim. Numbers are those of the deciding check; what it is and the statement come last, unpadded, cut at
// the edge of a terminal.
class Table {
 public:
  Table(const std::vector<const Claim*>& claims, bool all_checks) : all_checks_(all_checks) {
    for (const auto* claim : claims) width_ = std::max(width_, static_cast<int>(claim->name().size()));
    line(pad("claim", width_) +
         "  verdict       checks  measured    predicted   interval                  statement (source); numbers at");
  }

  void add(const Claim& claim, const analysis::Verdict& verdict, const std::string& lack) {
    const analysis::Check* check = verdict.deciding();
    std::string text = pad(claim.name(), width_) + "  " + pad(analysis::outcome_name(verdict.outcome()), 12) + "  " +
                       pad(std::to_string(verdict.checks.size()), 6, true) + "  ";
    text += pad(check ? number(check->measured) : "-", 10) + "  " + pad(check ? number(check->predicted) : "-", 10) +
            "  " + pad(check ? interval_text(check->interval) : "-", 24) + "  ";
    line(text + claim.statement() + " (" + claim.source() + ")" + (check ? "; at " + check->where() : ""));
    if (!lack.empty()) line("  " + claim.name() + ": " + lack, true);
    // A verdict that is not `holds` shows what decided it, whole.
    if (all_checks_) {
      for (const auto& one : verdict.checks) show(one);
    } else if (check != nullptr && check->outcome() != Outcome::holds) {
      show(*check);
    }
    std::fflush(stdout);
  }

 private:
  static std::string pad(std::string text, int width, bool right = false) {
    const auto missing = static_cast<std::size_t>(std::max(0, width - static_cast<int>(text.size())));
    return right ? std::string(missing, ' ') + text : text.append(missing, ' ');
  }
  static void show(const analysis::Check& check) {
    line("    " + pad(analysis::outcome_name(check.outcome()), 12) + "  measured " + pad(number(check.measured), 10) +
             "  in " + pad(interval_text(check.interval), 24) + "  allowed " + pad(interval_text(check.allowed), 24) +
             "  predicted " + pad(number(check.predicted), 10) + "  at " + check.where(),
         true);
  }
  static void line(const std::string& text, bool whole = false) {
    winsize window{};
    const bool terminal = isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
    const std::size_t edge = terminal ? window.ws_col : 0;
    std::printf("%s\n",
                !whole && edge > 80 && text.size() > edge ? (text.substr(0, edge - 3) + "...").c_str() : text.c_str());
  }

  int width_ = 5;
  bool all_checks_;
};

// What measuring one claim, or its shard, came to.
struct Measured {
  bool in_time = true, failed = false, too_large = false;
  int stop = 0;  // exit code after a signal
};

// `store` keeps what the directory holds from one claim to the next.
Measured measure(const sweep::Plan& plan, const Request& request, std::chrono::steady_clock::time_point start,
                 std::optional<sweep::Store>& store) {
  sweep::RunOptions options;
  options.out = request.out;
  options.threads = request.threads;
  options.shard_index = request.shard_index;
  options.shard_count = request.shard_count;
  options.quiet = request.quiet;
  if (request.max_seconds > 0) {
    options.max_seconds =
        request.max_seconds - std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (options.max_seconds <= 0) return {.in_time = false};
  }
  const auto outcome = sweep::run(plan, options, &store);
  report_too_large(outcome);
  return {!outcome.out_of_time, outcome.failed > 0, outcome.too_large > 0,
          outcome.signal != 0 ? exit_signal + outcome.signal : 0};
}

// Claims that judge the same records share them: each point counts once.
int print_dry_run(const Request& request) {
  const double speed = measured_speed();
  std::set<std::string> seen;
  DryRun sum;
  for (const Claim* claim : chosen(request.only)) {
    const sweep::Plan plan = analysis::plan_of(claim->config(request.size()), *claim, request.seed);
    std::vector<sweep::Point> points = sweep::shard(plan, request.shard_index, request.shard_count);
    std::erase_if(points, [&](const sweep::Point& point) { return !seen.insert(point.id).second; });
    sum = sum + dry_run(plan, points, request.threads.count, speed);
  }
  if (request.json) {
    std::cout << to_json(sum).dump(1) << "\n";
  } else {
    print(sum, request.threads);
    std::printf("out             %s\n", request.out.c_str());
  }
  return 0;
}

int verify(const Request& request) {
  const auto start = std::chrono::steady_clock::now();
  const bool measuring = request.from.empty();
  const auto list = chosen(request.only);
  std::optional<sweep::Store> store;
  if (!measuring) store = read_tree(request.from, "kvfrontier verify --out " + request.from + " would measure them");
  // A shard measures its part of every claim; verdicts need all parts.
  const bool judging = request.shard_count == 1;
  const auto say = [&](const std::string& text) {
    if (!request.quiet) std::fprintf(stderr, "%s\n", text.c_str());
  };

  std::unique_ptr<Table> table;
  if (!request.json && judging) table = std::make_unique<Table>(list, request.checks);
  std::map<Outcome, int> counts;
  core::Json verdicts = core::Json::array();
  bool failed = false, in_time = true, too_large = false;
  const auto seed = request.seed_given ? std::optional(request.seed) : std::nullopt;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Claim& claim = *list[i];
    const sweep::Plan plan = measuring ? analysis::plan_of(claim.config(request.size()), claim, request.seed)
                                       : stored_plan(claim, request.size(), seed, *store);
    if (measuring) {
      std::string line = "[";
      say(line.append(std::to_string(i + 1))
              .append("/")
              .append(std::to_string(list.size()))
              .append("] ")
              .append(claim.name()));
      const Measured measured = in_time ? measure(plan, request, start, store) : Measured{.in_time = false};
      in_time = measured.in_time;
      failed = failed || measured.failed;
      too_large = too_large || measured.too_large;
      if (measured.stop != 0) {
        std::fprintf(stderr, "interrupted; every finished trial is saved, run the same command to go on\n");
        return measured.stop;
      }
    }
    if (!judging) continue;
    if (!store) store = sweep::read_store(request.out, warn);  // no time was left to measure anything
    const auto verdict = analysis::judge(claim, plan, *store);
    const std::string lack = lack_of(verdict, claim, request, plan.seed);
    if (table) {
      table->add(claim, verdict, lack);
    } else {
      verdicts.push_back(verdict_json(claim, verdict, lack));
    }
    failed = failed || verdict.failed_trials > 0;
    ++counts[verdict.outcome()];
  }
  const auto code_of = [&](bool bad_result) -> int {
    if (bad_result) return exit_result;
    if (too_large) return exit_machine;
    return in_time ? exit_ok : exit_time;
  };
  if (!in_time) std::fprintf(stderr, "--max-seconds reached; run the same command to go on\n");
  if (!judging) {
    say("shard " + request.shard + " measured; when all are, kvfrontier verify --from " + request.out +
        " (of one directory, or of several merged) gives the verdicts");
    return code_of(failed);
  }
  if (request.json) {
    std::cout << verdicts.dump(1) << "\n";
  } else {
    std::printf("%d holds, %d refuted, %d inconclusive\n", counts[Outcome::holds], counts[Outcome::refuted],
                counts[Outcome::inconclusive]);
  }
  const bool undecided = request.size() == analysis::Size::paper && counts[Outcome::inconclusive] > 0;
  return code_of(counts[Outcome::refuted] > 0 || failed || undecided);
}

int verify_verb_run(const std::vector<std::string>& arguments) {
  Request request;
  po::options_description flags("flags");
  flags.add_options()("size", po::value(&request.size_name), "quick (default) or paper: larger grids, more trials")(
      "only", po::value(&request.only)->composing(), "this claim only; may be repeated")(
      "out", po::value(&request.out), "directory for records; default results/runs/verify-<size>")(
      "from", po::value(&request.from), "judge the records stored here and in the directories in it, measure nothing")(
      "seed", po::value(&request.seed), "default 1; with --from, that of the records")("threads", po::value<int>(),
                                                                                       "default: all that are granted")(
      "shard", po::value(&request.shard), "measure part I of N of every claim's points (I/N) and judge nothing")(
      "max-seconds", po::value(&request.max_seconds), "start no trial after S seconds; rerun to go on")(
      "dry-run", "show points, trials, time and memory, and measure nothing")("checks", "print every check")(
      "json", "verdicts with every check as JSON, for figures")("quiet", "no progress")(
      "markdown", "print what the claims claim (docs/claims.md), and do nothing");
  po::variables_map values;
  if (!parse("verify", verify_usage, flags, "", 0, arguments, values)) return 0;
  if (values.count("markdown") > 0) {
    std::cout << claims_markdown();
    return 0;
  }
  require_choice("--size", request.size_name, {"quick", "paper"});
  request.threads = chosen_threads(values);
  if (values.count("max-seconds") > 0 && !(request.max_seconds > 0))
    throw core::UserError("--max-seconds: a positive number of seconds");
  if (values.count("from") > 0) {
    for (const char* flag : {"out", "shard", "max-seconds", "dry-run"}) {
      if (values.count(flag) > 0)
        throw core::UserError(
            std::string("--from and --").append(flag).append(": --from measures nothing; use one of the two"));
    }
  }
  std::tie(request.shard_index, request.shard_count) = parse_shard(request.shard);
  request.seed_given = values.count("seed") > 0;
  request.checks = values.count("checks") > 0;
  request.json = values.count("json") > 0;
  request.dry_run = values.count("dry-run") > 0;
  request.quiet = values.count("quiet") > 0;
  if (request.out.empty()) request.out = "results/runs/verify-" + request.size_name;
  return request.dry_run ? print_dry_run(request) : verify(request);
}

}  // namespace

Verb verify_verb() {
  return {"verify", verify_usage, "measure and judge every claim; one verdict each", verify_verb_run, true};
}

}  // namespace kvfrontier::cli
