#pragma once
// The least memory at a target error, its bootstrap over trials, and how far it is from the floor. All of it is read
// off stored rows: whatever was measured there counts, from searches (minimal_memory) and other sweeps alike.

#include <span>
#include <string>
#include <vector>

#include "analysis/summary.hpp"

namespace kvfrontier::analysis {

// One scheme on one size.
struct Minimum {
  std::string family;  // cell_of without the size: one law
  std::string curve;   // curve_of
  double target_error = 0;
  bool reached = false;
  PointSummary point;     // the cheapest whose whole interval lies at or below the target
  double fixed_bits = 0;  // what the scheme sends for no tokens at all
  double floor_bits = 0;  // at the target
  // Share of the message, by its ledger, that is not paid per entry of the values: keys, which the floor does not
  // count, and what is paid per token, per channel or once (scales, norms, bases, low rank parts, kernel state,
  // residual rows), which grows like N + d.
  double side_share = 0;

  // Log of the bits at which the upper end of the interval crosses the target: between the least bits that meet it and
  // the next smaller ones measured, by a straight line where they are at most 5 % apart; otherwise the least bits.
  double crossing = 0;
  // The same in each bootstrap sample: trials are drawn with replacement, by the same draws for all points of the cell,
  // and intervals move with the means. Where the next smaller bits are further away, a sample that crosses in the same
  // step stays at the least bits if the scheme has no message in between, and is anywhere in the step if it has some
  // that were not measured. NaN where a sample does not reach the target.
  std::vector<double> samples;

  double n() const { return point.parameters.n; }
  double d() const { return point.parameters.d; }
  double tokens() const { return point.parameters.tokens; }
  double net_bits() const { return point.message_bits() - fixed_bits; }
};

// Every cell and curve of the store at a target error, by family, curve, tokens and d. `points` = summarise(store).
std::vector<Minimum> minimal_memory(const sweep::Store& store, const std::vector<PointSummary>& points,
                                    double target_error);

// A scheme over all sizes of a family.
struct GapEntry {
  std::string family, curve;
  bool stored_keys = false;
  double target_error = 0;
  std::int64_t sizes = 0, unreached = 0;
  double constant = 0;                     // C of bits = C n^2 d, geometric mean over sizes
  double gap = 0, least = 0, largest = 0;  // bits / floor: geometric mean and range
};
// Best to worst within a family: public keys first, then stored ones, whose keys the floor does not count; last what
// reaches the target nowhere.
std::vector<GapEntry> gap_table(std::span<const Minimum> minima);

}  // namespace kvfrontier::analysis
