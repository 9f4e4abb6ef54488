// kvfrontier gap: how far each scheme's least memory is from the floor.

#include <cstdio>
#include <iostream>
#include <map>

#include "analysis/frontier.hpp"
#include "analysis/minimal_memory.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* gap_usage = "gap DIR [--target-error P]... [--best N] [--json]";

using core::Json;

Json to_json(const analysis::GapEntry& entry) {
  const auto number = [&](double value) { return entry.sizes > 0 ? Json(value) : Json(); };
  return {{"family", Json::parse(entry.family)}, {"curve", entry.curve},     {"stored_keys", entry.stored_keys},
          {"target_error", entry.target_error},  {"sizes", entry.sizes},     {"unreached", entry.unreached},
          {"constant", number(entry.constant)},  {"gap", number(entry.gap)}, {"gap_least", number(entry.least)},
          {"gap_largest", number(entry.largest)}};
}

void print(const analysis::GapEntry& entry) {
  const std::string sizes = std::to_string(entry.sizes) + "/" + std::to_string(entry.sizes + entry.unreached);
  if (entry.sizes == 0) {
    std::printf("%-32s %7s  not reached at any budget\n", entry.curve.c_str(), sizes.c_str());
  } else {
    std::printf("%-32s %7s %9.4g %9.4g  [%.4g, %.4g]\n", entry.curve.c_str(), sizes.c_str(), entry.constant, entry.gap,
                entry.least, entry.largest);
  }
}

// The `most` schemes of each family nearest to the floor: those that reached the error and whose keys are free, since the
// floor counts no keys. `table` has them best to worst.
std::vector<analysis::GapEntry> nearest(const std::vector<analysis::GapEntry>& table, int most) {
  std::vector<analysis::GapEntry> kept;
  std::map<std::string, int> taken;
  for (const auto& entry : table) {
    if (entry.sizes > 0 && !entry.stored_keys && taken[entry.family]++ < most) kept.push_back(entry);
  }
  return kept;
}

int gap(const std::vector<std::string>& arguments) {
  int best = 0;
  po::options_description flags("flags");
  flags.add_options()("target-error", po::value<std::vector<double>>()->composing(), target_error_help)(
      "best", po::value(&best), "only the N nearest to the floor, without those that store keys")("json", "as JSON");
  po::variables_map values;
  if (!parse("gap", gap_usage, flags, "DIR", 1, arguments, values)) return 0;
  const auto targets = target_errors(values);
  if (values.count("best") > 0 && best < 1)
    throw core::UserError("--best " + std::to_string(best) + ": a number of schemes, at least 1");
  const auto [store, points] = Games(required(values, "DIR", "gap"));

  Json json = Json::array();
  const bool as_json = values.count("json") > 0;
  for (const double target : targets) {
    auto table = analysis::gap_table(analysis::minimal_memory(store, points, target));
    if (best > 0) table = nearest(table, best);
    std::string block;
    if (!as_json) {
      std::printf("%sC of least bits = C n^2 d at error %g, and bits over floor: means over sizes, range\n",
                  target == targets.front() ? "" : "\n", target);
      std::printf("%-32s %7s %9s %9s\n", "scheme", "reached", "C", "gap");
    }
    for (const auto& entry : table) {
      if (as_json) {
        json.push_back(to_json(entry));
        continue;
      }
      const std::string heading =
          analysis::family_label(entry.family) + (entry.stored_keys ? "; stored keys, which no floor counts" : "");
      if (heading != block) std::printf("%s\n", heading.c_str());
      block = heading;
      print(entry);
    }
  }
  if (as_json) std::cout << json.dump(1) << "\n";
  return 0;
}

}  // namespace

Verb gap_verb() {
  return {"gap", gap_usage, "constant and distance to the floor of every scheme's least memory, best to worst", gap};
}

}  // namespace kvfrontier::cli
