#pragma once
// The frontier: which points no other point beats, what a target error costs each scheme, and how schemes differ on the
// very same instances.

#include <string>
#include <vector>

#include "analysis/summary.hpp"

namespace kvfrontier::analysis {

// Points that differ in scheme and budget only: the same instances.
std::string cell_of(const PointSummary& point);
// A cell without its size: one law over all n and d.
std::string family_of(const PointSummary& point);
// Whether the sides of a family's maps double.
bool is_doubling(const std::string& family);
// A cell in words, for a heading.
std::string cell_label(const std::string& cell);
// A cell without its size, in words.
std::string family_label(const std::string& family);
// Scheme and the options that are not sizes: one curve.
std::string curve_of(const PointSummary& point);

// Strictly undominated points of each cell, by bits: no other has at most the bits and at most the error, one of them
// less. Equal points are all kept.
std::vector<PointSummary> undominated(const std::vector<PointSummary>& points);

// The least measured bits whose whole interval lies at or below the target.
struct LeastBits {
  std::string cell, curve;
  bool reached = false;
  PointSummary point;     // the cheapest that reaches it; the one with the smallest error_hi where none does
  double floor_bits = 0;  // at the target
};
std::vector<LeastBits> least_bits(const std::vector<PointSummary>& points, double target_error);

// Mean of error(a) - error(b) over the counted trials that both have, with a Student t interval at
// `sweep::quoted_level`: common instances make it far tighter than two intervals.
struct PairedDifference {
  std::string cell;
  double rate_budget = 0;
  std::string curve_a, curve_b;
  std::int64_t trials = 0;
  double difference = 0;
  core::Interval interval;
};
std::vector<PairedDifference> paired_differences(const sweep::Store& store, const std::vector<PointSummary>& points);

}  // namespace kvfrontier::analysis
