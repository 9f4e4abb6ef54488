// Whole runs of kvfrontier: threads, isolation, memory of large instances, and stores of a million records.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "core/json.hpp"
#include "simulator/play.hpp"
#include "suite.hpp"
#include "sweep/config.hpp"
#include "sweep/record.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::perf {
namespace {

using core::Json;

// A sweep of every kind of scheme that takes some seconds.
const char* const sweep_text = R"({"experiment": "index_frontier", "seed": 7,
  "grid": {"n": [16, 32, 64], "d": 64, "rate": [0.5, 1, 2, 4],
           "scheme": ["bitpack", "rate_distortion", {"name": "uniform", "keys": "public"}, {"name": "h2o", "keys": "public"},
                      {"name": "kivi", "keys": "public", "rotation": "public"}]},
  "queries": 256, "stop": {"min_trials": 16, "max_trials": 16}})";

std::string records_without_times(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    sweep::Record record = sweep::Record::from_json(Json::parse(line));
    record.seconds = 0;
    record.session.clear();
    lines.push_back(record.to_json().dump());
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::vector<std::string> words(const Folder& folder, const std::string& out, const std::string& threads,
                               const std::string& isolation = "always") {
  return {"run", folder / "sweep.json", "--out", folder / out, "--quiet", "--threads", threads, "--isolate", isolation};
}

void check_threads(const Settings& settings) {
  const Folder folder;
  Json sweep = Json::parse(sweep_text);
  sweep["grid"]["n"] = 16;
  sweep["stop"] = {{"min_trials", 2}, {"max_trials", 2}};
  folder.write("sweep.json", sweep.dump());
  run_program(settings, words(folder, "one", "1"));
  run_program(settings, words(folder, "two", "2"));
  run_program(settings, words(folder, "never", "1", "never"));
  const std::string one = records_without_times(folder / "one/records.jsonl");
  require(!one.empty() && records_without_times(folder / "two/records.jsonl") == one, "records depend on the threads");
  require(records_without_times(folder / "never/records.jsonl") == one, "records depend on isolation");
}

void time_threads(const Settings& settings, Report& report) {
  const Folder folder;
  folder.write("sweep.json", sweep_text);
  int runs = 0;
  const auto run = [&](const std::string& threads, const std::string& isolation) {
    run_program(settings, words(folder, std::to_string(runs++), threads, isolation));
  };
  const auto seconds = best_seconds({[&] { run("1", "never"); }, [&] { run("2", "never"); },
                                     [&] { run("1", "always"); }, [&] { run("2", "always"); }},
                                    4);
  // Without Bobs in processes of their own, which end on the other core while one thread goes on.
  report.add({"", "two threads", seconds[1], "s", seconds[0] / seconds[1], 1.9, "one thread's speed"});
  for (const int threads : {1, 2}) {
    const double calls = seconds[threads - 1], isolated = seconds[threads + 1];
    report.add({"", "isolated Bobs, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), isolated,
                "s", isolated / calls, 1.05, "function calls' time", Goal::at_most});
  }
}

const Registration threads_benchmark({"threads", "two threads 1.9 times as fast as one; isolation costs 5 %",
                                      check_threads, time_threads, true});

// n = 2048: 1.4 million tokens, whose keys and values would fill 716 MB in float.
std::string large_sweep(const Json& scheme, int n) {
  return Json{{"experiment", "index_frontier"},
              {"grid", {{"n", n}, {"d", 64}, {"tau", "typical"}, {"scheme", scheme}, {"rate", 1}}},
              {"queries", 64},
              {"stop", {{"min_trials", 1}, {"max_trials", 1}}}}
      .dump();
}

const std::vector<Json> streaming{
    {{"name", "uniform"}, {"keys", "public"}}, {{"name", "streaming_llm"}, {"keys", "public"}}, {{"name", "bitpack"}}};

void check_memory(const Settings& settings) {
  const Folder folder;
  Json exact = Json::parse(large_sweep("exact", 2048));
  exact["grid"].erase("rate");
  folder.write("sweep.json", exact.dump());
  const auto run =
      run_program(settings, {"run", folder / "sweep.json", "--out", folder / "exact", "--memory", "1", "--quiet"}, 4);
  require(run.seconds < 5 && run.peak_bytes < 1e9 && std::filesystem::file_size(folder / "exact/records.jsonl") == 0,
          "a trial beyond the memory was not passed over up front");
}

void time_memory(const Settings& settings, Report& report) {
  for (const Json& scheme : streaming) {
    const Folder folder;
    folder.write("sweep.json", large_sweep(scheme, 2048));
    const auto run = run_program(settings, {"run", folder / "sweep.json", "--out", folder / "out", "--quiet"});
    report.add({"", scheme.at("name").get<std::string>() + ", n 2048, " + std::to_string(run.seconds) + " s",
                run.peak_bytes / 1e6, "MB", run.peak_bytes / 1e6, 400, "MB", Goal::at_most});
  }
}

const Registration memory_benchmark({"memory",
                                     "N 1398101, d 64: 400 MB resident; exact is refused up front where it "
                                     "does not fit",
                                     check_memory, time_memory, true});

// Small games, so that many of them are soon played.
const char* const run_memory_text = R"({"experiment": "index_frontier", "seed": 7,
  "grid": {"n": 4, "d": 16, "rate": [0.5, 1, 2, 4], "scheme": ["bitpack", "uniform"]},
  "queries": 16, "stop": {"min_trials": 2, "max_trials": 2}})";

// What a game of this point records when every queried row has the same share of wrong bits.
std::string data_of(const Json& parameters, double error) {
  namespace names = simulator::metric_names;
  const auto point = core::from_json<simulator::GamePoint>(parameters, "parameters");
  const Index queries = point.queries;
  simulator::GameRecord game = simulator::described(point);
  game.information_bits = game.message_bits = game.peak_state_bits = point.tokens * point.d;
  game.ledger = {{"scales", 0}, {"values", game.message_bits}};
  game.margin = 0.43375223456067935;
  game.tau = 9.448801827926895;
  game.queried_rows = queries;
  game.metrics = {{names::error, {error, queries, error * error * queries}},
                  {names::error_theorem, {error, queries, error * error * queries}},
                  {names::mse, {0.0002106939211820528, queries * point.d, 1.3e-5}},
                  {names::worst_decile, {0, 1, {}}},
                  {names::within_eta, {0, queries, {}}},
                  {names::within_eta_wrong, {0, queries, {}}},
                  {names::relative_l2, {0.01788375803719727, 1, {}}},
                  {"mixture_relative_l2", {0.0138757, 1, {}}},
                  {"random_relative_l2", {0.5, 1, {}}}};
  game.map_errors = {0, 0, error * queries};
  game.map_rows = {10, 44, 202};
  return core::to_json(game).dump();
}

// Records as index_frontier writes them, `trials` of each point.
void write_store(const Folder& folder, const std::string& name, std::int64_t trials, int sizes) {
  Json rates = Json::array();
  for (int k = 1; k <= sizes; ++k) rates.push_back(k / 64.0);
  const auto plan = sweep::make_plan({{"experiment", "index_frontier"},
                                      {"grid",
                                       {{"n", {8, 16, 32, 64}},
                                        {"d", {32, 64}},
                                        {"rate", rates},
                                        {"scheme", {{{"name", "bitpack"}}, {{"name", "kivi"}, {"keys", "public"}}}}}}});
  // Trials differ as little as the time to make them up allows.
  constexpr int kinds = 7;
  std::vector<std::string> parameters, data;
  for (const auto& point : plan.points) {
    parameters.push_back(point.parameters.dump());
    for (int kind = 0; kind < kinds; ++kind) data.push_back(data_of(point.parameters, 0.1 + 1e-3 * kind));
  }
  std::filesystem::create_directories(folder / name);
  std::ofstream stream(folder / (name + "/records.jsonl"), std::ios::binary);
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    for (Index i = 0; i < std::ssize(plan.points); ++i) {
      stream << sweep::record_line({data[i * kinds + trial % kinds], parameters[i], plan.points[i].id, 0.001364937,
                                    "perf", sweep::Status::ok, trial});
    }
  }
}

void merge_and_table(const Settings& settings, const Folder& folder, const std::string& name, ProgramRun& merge,
                     ProgramRun& table) {
  merge = run_program(settings, {"merge", folder / name, "--out", folder / (name + "-merged")});
  table = run_program(settings, {"table", folder / (name + "-merged"), "--format", "csv"});
}

void check_store(const Settings& settings) {
  const Folder folder;
  write_store(folder, "store", 2, 4);
  ProgramRun merge, table;
  merge_and_table(settings, folder, "store", merge, table);
  require(records_without_times(folder / "store-merged/records.jsonl") ==
              records_without_times(folder / "store/records.jsonl"),
          "a merge changed the records");
}

// Seconds that nlohmann::json::parse takes for every line of a file; reading the file is not counted.
double parse_seconds(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  std::atomic<std::size_t> members = 0;
  const auto start = std::chrono::steady_clock::now();
#pragma omp parallel for schedule(static)
  for (std::size_t i = 0; i < lines.size(); ++i) members += Json::parse(lines[i]).size();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  require(members >= 2 * lines.size(), "lines of a store are objects");
  return seconds;
}

// Resident memory of a long run, per record that it has stored: the difference between a run of a few trials and one of
// many, of the same points. The cache of exact outputs, 64 MiB at most, is a part of it, so the run must be long.
void time_run_memory(const Settings& settings, Report& report) {
  const Folder folder;
  folder.write("sweep.json", run_memory_text);
  const auto peak = [&](int trials) {
    return run_program(settings, {"run", folder / "sweep.json", "--out", folder / std::to_string(trials), "--quiet",
                                  "--isolate", "never", "--set", "stop.max_trials=" + std::to_string(trials)})
        .peak_bytes;
  };
  constexpr int few = 200, many = 20'000, points = 8;
  const double bytes = (peak(many) - peak(few)) / ((many - few) * points);
  report.add({"", "160,000 records in one run", bytes, "bytes a record", bytes, 600, "bytes", Goal::at_most});
}

void check_run_memory(const Settings& settings) {
  const Folder folder;
  folder.write("sweep.json", run_memory_text);
  run_program(settings,
              {"run", folder / "sweep.json", "--out", folder / "out", "--quiet", "--set", "stop.max_trials=2"});
}

void time_store(const Settings& settings, Report& report) {
  const Folder folder;
  write_store(folder, "store", 977, 64);  // 1024 points: 1000448 records
  ProgramRun merge, table;
  double seconds = 1e300;
  for (int round = 0; round < 2; ++round) {
    merge_and_table(settings, folder, "store", merge, table);
    seconds = std::min(seconds, merge.seconds + table.seconds);
  }
  // The same lines through the library's parser, on as many threads.
  const double parsing = parse_seconds(folder / "store/records.jsonl");
  report.add({"", "merge and table", seconds, "s", seconds / parsing, 2, "times nlohmann::json::parse", Goal::at_most});
  report.add({"", "their CPU time", merge.cpu_seconds + table.cpu_seconds, "s", merge.cpu_seconds + table.cpu_seconds,
              30, "s (two threads)", Goal::at_most});
  const double peak = std::max(merge.peak_bytes, table.peak_bytes) / 1e9;
  report.add({"", "largest memory", peak, "GB", peak, 2, "GB", Goal::at_most});
}

const Registration store_benchmark({"store",
                                    "merging and tabling 1e6 records in twice the time of parsing them, and 2 GB",
                                    check_store, time_store, true});

const Registration run_memory_benchmark({"run-memory", "a run keeps at most 600 bytes of memory for a record",
                                         check_run_memory, time_run_memory, true});

}  // namespace
}  // namespace kvfrontier::perf
