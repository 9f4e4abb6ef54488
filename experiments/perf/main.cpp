// kvfrontier-perf [--list] [--filter TEXT] [--smoke] [--threads T] [--clock wall|cpu] [--json FILE] [--dump DIR]
// [--program FILE]
//
// Exit status: 0 all goals met (--smoke: all outputs right), 1 a goal missed, 2 user error, 3 a wrong output.

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "build_info.hpp"
#include "core/errors.hpp"
#include "core/json.hpp"
#include "suite.hpp"
#include "sweep/resources.hpp"

namespace {

using namespace kvfrontier;
namespace po = boost::program_options;

core::Json to_json(const perf::Result& result) {
  return {{"benchmark", result.benchmark},
          {"label", result.label},
          {"value", result.value},
          {"unit", result.unit},
          {"ratio", result.ratio},
          {"goal", result.goal},
          {"against", result.against},
          {"kind", result.kind == perf::Goal::at_least ? "at_least" : "at_most"},
          {"met", result.met()}};
}

int run(int argc, char** argv) {
  perf::Settings settings;
  settings.threads = sweep::granted_threads().count;
  std::string filter, json, dump, clock = "wall",
                                  program = std::filesystem::absolute(argv[0]).parent_path() / "kvfrontier";
  po::options_description flags("flags");
  flags.add_options()("list", "names and goals, and do nothing")("filter", po::value(&filter),
                                                                 "only benchmarks with this text in their name")(
      "smoke", "check outputs, time nothing")("threads", po::value(&settings.threads), "default: all that are granted")(
      "clock", po::value(&clock),
      "wall (default), or cpu: CPU seconds over threads, for a machine that others use too")("json", po::value(&json),
                                                                                             "write results to FILE")(
      "dump", po::value(&dump), "leave the inputs and outputs that rivals are compared on in DIR")(
      "program", po::value(&program), "the kvfrontier to run, default the one beside this program");
  po::variables_map values;
  flags.add_options()("help,h", "show this help");
  po::store(po::command_line_parser(argc, argv).options(flags).positional({}).run(), values);
  po::notify(values);
  if (values.count("help") > 0) {
    std::cout << flags;
    return 0;
  }
  if (clock != "wall" && clock != "cpu") throw core::UserError("--clock: found \"" + clock + "\"; allowed: wall, cpu");
  perf::choose_clock(clock == "cpu" ? perf::Clock::cpu : perf::Clock::wall);
  settings.program = program;
  settings.dump = dump;
  auto list = perf::benchmarks();
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return std::pair(!a.runs_programs, std::string(a.name)) < std::pair(!b.runs_programs, std::string(b.name));
  });
  std::erase_if(list,
                [&](const auto& benchmark) { return std::string(benchmark.name).find(filter) == std::string::npos; });
  if (list.empty()) throw core::UserError("--filter " + filter + ": no benchmark has this in its name; see --list");

  core::Json results = core::Json::array();
  bool met = true;
  for (const auto& benchmark : list) {
    std::printf("%s: %s\n", benchmark.name, benchmark.goal);
    std::fflush(stdout);
    if (values.count("list") > 0) continue;
    try {
      benchmark.check(settings);
      perf::Report report(benchmark.name);
      if (values.count("smoke") > 0) {
        report.note("output as it should be");
      } else if (benchmark.time != nullptr) {
        benchmark.time(settings, report);
      }
      for (const auto& result : report.results()) {
        met = met && result.met();
        results.push_back(to_json(result));
      }
    } catch (const perf::WrongOutput& error) {
      std::fprintf(stderr, "%s: wrong output: %s\n", benchmark.name, error.what());
      return 3;
    }
  }
  if (!json.empty()) {
    std::ofstream stream(json);
    stream << core::Json{{"threads", settings.threads}, {"clock", clock},
                         {"kernel", KVFRONTIER_KERNEL}, {"flags", KVFRONTIER_FLAGS},
                         {"commit", KVFRONTIER_COMMIT}, {"results", results}}
                  .dump(1)
           << "\n";
    if (!stream.flush()) throw core::UserError("cannot write " + json);
  }
  return met ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kvfrontier-perf: %s\n", error.what());
    return 2;
  }
}
