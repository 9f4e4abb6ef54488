// kvfrontier frontier: undominated points, least bits at a target error, paired differences.

#include <cstdio>

#include "analysis/frontier.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* usage = "frontier DIR [--target-error P] [--pairs]";

std::string short_cell(const analysis::PointSummary& p) {
  return p.at("instance").at("name").get<std::string>() + " " + p.at("embedding").get<std::string>() + " " + p.at("schedule").get<std::string>() + " n=" + p.at("n").dump() +
         " d=" + p.at("d").dump();
}

int print_frontier(const std::vector<std::string>& arguments) {
  double target = 0.1;
  po::options_description flags("flags");
  flags.add_options()("target-error", po::value(&target), "bit error to reach, default 0.1")("pairs", "also differences between schemes on common instances");
  po::variables_map values;
  if (!parse("frontier", usage, flags, "DIR", 1, arguments, values)) return 0;
  if (!(target >= 0 && target <= 1)) throw core::UserError("--target-error: a number from 0 to 1");
  const sweep::Store store = sweep::read_store(required(values, "DIR", "frontier"), warn);
  const auto points = analysis::summarise(store);

  std::printf("undominated points\n%-40s %-28s %14s %10s %10s\n", "instance", "scheme", "bits", "error", "gap");
  for (const auto& p : analysis::undominated(points)) {
    std::printf("%-40s %-28s %14.0f %10.5f %10s\n", short_cell(p).c_str(), analysis::curve_of(p).c_str(), p.message_bits, p.error,
                p.gap ? std::to_string(*p.gap).substr(0, 7).c_str() : "-");
  }
  std::printf("\nleast bits whose interval lies at or below error %g\n%-40s %-28s %14s %10s %14s %10s\n", target, "instance", "scheme", "bits", "error_hi", "floor", "ratio");
  for (const auto& entry : analysis::least_bits(points, target)) {
    if (entry.reached) {
      std::printf("%-40s %-28s %14.0f %10.5f %14.0f %10.4g\n", short_cell(entry.point).c_str(), entry.curve.c_str(), entry.point.message_bits, entry.point.interval.hi,
                  entry.floor_bits, entry.floor_bits > 0 ? entry.point.message_bits / entry.floor_bits : 0);
    } else {
      std::printf("%-40s %-28s %14s %10.5f %14.0f %10s\n", short_cell(entry.point).c_str(), entry.curve.c_str(), "not reached", entry.point.interval.hi, entry.floor_bits, "-");
    }
  }
  if (values.count("pairs") > 0) {
    std::printf("\npaired differences of error on common instances\n%6s %-28s %-28s %8s %10s %24s\n", "rate", "scheme a", "scheme b", "trials", "a - b", "interval");
    std::string last;
    for (const auto& pair : analysis::paired_differences(store, points)) {
      if (pair.cell != last) std::printf("%s\n", pair.cell.c_str());
      last = pair.cell;
      std::printf("%6g %-28s %-28s %8lld %+10.5f    [%+.5f, %+.5f]\n", pair.rate_budget, pair.curve_a.c_str(), pair.curve_b.c_str(),
                  static_cast<long long>(pair.trials), pair.difference, pair.interval.lo, pair.interval.hi);
    }
  }
  return 0;
}

}  // namespace

Verb frontier_verb() { return {"frontier", usage, "points no other beats, and the least bits at a target error", print_frontier}; }

}  // namespace kvfrontier::cli
