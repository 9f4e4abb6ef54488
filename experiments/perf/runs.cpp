// Whole runs of kvfrontier: threads, isolation, memory of large instances, and stores of a million rows.

#include <fstream>
#include <sstream>

#include "core/json.hpp"
#include "suite.hpp"
#include "sweep/config.hpp"
#include "sweep/row.hpp"
#include "sweep/row_line.hpp"

namespace kvfrontier::perf {
namespace {

using core::Json;

// A sweep of every kind of scheme that takes some seconds.
const char* const sweep_text = R"({"experiment": "index_frontier", "seed": 7,
  "grid": {"n": [16, 32, 64], "d": 64, "rate": [0.5, 1, 2, 4],
           "scheme": ["bitpack", "rate_distortion", {"name": "uniform", "keys": "public"}, {"name": "h2o", "keys": "public"},
                      {"name": "kivi", "keys": "public", "rotation": "public"}]},
  "queries": 256, "stop": {"min_trials": 16, "max_trials": 16}})";

std::string rows_without_times(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    Json row = Json::parse(line);
    row.erase("seconds");
    row.erase("session");
    lines.push_back(row.dump());
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
  const std::string one = rows_without_times(folder / "one/rows.jsonl");
  require(!one.empty() && rows_without_times(folder / "two/rows.jsonl") == one, "rows depend on the threads");
  require(rows_without_times(folder / "never/rows.jsonl") == one, "rows depend on isolation");
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
  for (const std::size_t threads : {1, 2}) {
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
  run_program(settings, {"run", folder / "sweep.json", "--out", folder / "exact", "--memory", "1", "--quiet"}, 1);
  std::ifstream rows(folder / "exact/rows.jsonl");
  std::string line;
  std::getline(rows, line);
  const Json row = Json::parse(line);
  require(row.at("status") == "failed" && row.at("seconds").get<double>() < 1 &&
              row.at("data").at("reason").get<std::string>().find("where 1 GB may be used") != std::string::npos,
          "a trial beyond the memory was not refused up front with its estimate");
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

// Rows as index_frontier writes them, `trials` of each point.
void write_store(const Folder& folder, const std::string& name, std::int64_t trials, int sizes) {
  Json rates = Json::array();
  for (int k = 1; k <= sizes; ++k) rates.push_back(k / 64.0);
  const auto plan = sweep::make_plan({{"experiment", "index_frontier"},
                                      {"grid",
                                       {{"n", {8, 16, 32, 64}},
                                        {"d", {32, 64}},
                                        {"rate", rates},
                                        {"scheme", {{{"name", "bitpack"}}, {{"name", "kivi"}, {"keys", "public"}}}}}}});
  std::filesystem::create_directories(folder / name);
  std::ofstream stream(folder / (name + "/rows.jsonl"), std::ios::binary);
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    for (const auto& point : plan.points) {
      const std::int64_t bits =
          point.parameters.at("tokens").get<std::int64_t>() * point.parameters.at("d").get<std::int64_t>();
      const double error = 0.1 + 1e-4 * static_cast<double>(trial % 97);
      const std::string data = Json{
          {"certified_gap", 0.43375223456067935},
          {"error", error},
          {"error_theorem", error},
          {"information_bits", bits},
          {"ledger", {{"scales", 0}, {"values", bits}}},
          {"message_bits", bits},
          {"mixture_relative_l2", 0.0138757},
          {"mse", 0.0002106939211820528},
          {"peak_state_bits", bits},
          {"queried_rows", 256},
          {"random_relative_l2", 0.5},
          {"relative_l2", 0.01788375803719727},
          {"row_errors", 256 * error},
          {"rows_within_eta", 0},
          {"rows_within_eta_wrong", 0},
          {"scale_queried_rows", {10, 44, 202}},
          {"scale_row_errors", {0.0, 0.0, 0.0}},
          {"tau", 9.448801827926895},
          {"ties", 0},
          {"worst_decile", 0.0}}.dump();
      sweep::write_row_line({data, point.parameters.dump(), point.id, 0.001364937, "perf", "ok", trial}, stream);
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
  write_store(folder, "rows", 2, 4);
  ProgramRun merge, table;
  merge_and_table(settings, folder, "rows", merge, table);
  require(rows_without_times(folder / "rows-merged/rows.jsonl") == rows_without_times(folder / "rows/rows.jsonl"),
          "a merge changed the rows");
}

void time_store(const Settings& settings, Report& report) {
  const Folder folder;
  write_store(folder, "rows", 977, 64);  // 1024 points: 1000448 rows
  ProgramRun merge, table;
  double seconds = 1e300;
  for (int round = 0; round < 2; ++round) {
    merge_and_table(settings, folder, "rows", merge, table);
    seconds = std::min(seconds, merge.seconds + table.seconds);
  }
  report.add({"", "merge and table", seconds, "s", seconds, 15, "s", Goal::at_most});
  report.add({"", "their CPU time", merge.cpu_seconds + table.cpu_seconds, "s", merge.cpu_seconds + table.cpu_seconds,
              30, "s (two threads)", Goal::at_most});
  const double peak = std::max(merge.peak_bytes, table.peak_bytes) / 1e9;
  report.add({"", "largest memory", peak, "GB", peak, 2, "GB", Goal::at_most});
}

const Registration store_benchmark({"store", "reading, merging and tabling 1e6 rows in 15 s and 2 GB", check_store,
                                    time_store, true});

}  // namespace
}  // namespace kvfrontier::perf
