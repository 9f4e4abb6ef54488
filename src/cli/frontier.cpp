// kvfrontier frontier: undominated points, least bits at a target error, paired differences.

#include <cmath>
#include <cstdio>

#include "analysis/frontier.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* frontier_usage = "frontier DIR [--target-error P] [--pairs]";

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

// Prints a heading whenever the cell changes.
class Headings {
 public:
  void show(const std::string& cell) {
    if (cell != last_) std::printf("%s\n", analysis::cell_label(cell).c_str());
    last_ = cell;
  }

 private:
  std::string last_;
};

int print_frontier(const std::vector<std::string>& arguments) {
  double target = 0.1;
  po::options_description flags("flags");
  flags.add_options()("target-error", po::value(&target), "bit error to reach, default 0.1")(
      "pairs", "also differences between schemes on common instances");
  po::variables_map values;
  if (!parse("frontier", frontier_usage, flags, "DIR", 1, arguments, values)) return 0;
  if (!(target >= 0 && target <= 1))
    throw core::UserError("--target-error " + core::describe(target) + ": a number from 0 to 1");
  const auto [store, points] = Games(required(values, "DIR", "frontier"));

  std::printf("undominated points\n%-32s %14s %10s %10s\n", "scheme", "bits", "error", "gap");
  Headings headings;
  std::string last;
  for (const auto& p : analysis::undominated(points)) {
    headings.show(analysis::cell_of(p));
    char line[256];
    std::snprintf(line, sizeof(line), "%-32s %14.0f %10.5f %10s\n", analysis::curve_of(p).c_str(), p.message_bits(),
                  p.error().mean, p.error().gap ? short_number(*p.error().gap).c_str() : "-");
    // A larger budget that a scheme has no use for gives the same point again.
    if (line != last) std::fputs(line, stdout);
    last = line;
  }
  std::printf("\nleast bits whose interval lies at or below error %g\n%-32s %14s %10s %14s %10s\n", target, "scheme",
              "bits", "error_hi", "floor", "ratio");
  headings = {};
  for (const auto& entry : analysis::least_bits(points, target)) {
    headings.show(entry.cell);
    const std::string bits = entry.reached ? std::to_string(std::llround(entry.point.message_bits())) : "not reached";
    const bool ratio = entry.reached && entry.floor_bits > 0;
    std::printf("%-32s %14s %10.5f %14.0f %10s\n", entry.curve.c_str(), bits.c_str(), entry.point.error().interval.hi,
                entry.floor_bits, ratio ? short_number(entry.point.message_bits() / entry.floor_bits).c_str() : "-");
  }
  if (values.count("pairs") > 0) {
    std::printf("\npaired differences of error on common instances\n%6s  %-32s %-32s %7s %10s  %s\n", "rate",
                "scheme a", "scheme b", "trials", "a - b", "interval");
    headings = {};
    for (const auto& pair : analysis::paired_differences(store, points)) {
      headings.show(pair.cell);
      std::printf("%6g  %-32s %-32s %7ld %+10.5f  [%+.5f, %+.5f]\n", pair.rate_budget, pair.curve_a.c_str(),
                  pair.curve_b.c_str(), pair.trials, pair.difference, pair.interval.lo, pair.interval.hi);
    }
  }
  return 0;
}

}  // namespace

Verb frontier_verb() {
  return {"frontier", frontier_usage, "points no other beats, and the least bits at a target error", print_frontier};
}

}  // namespace kvfrontier::cli
