#pragma once
// How bits are read off Bob's answers. With b value bits an entry is a level of {0, ..., 2^b - 1}/(2^b - 1). Bob reads the
// number of thresholds j * step below his answer z (theory::grid_step: step 1/2 for one bit and exact answers,
// (1 - eta^2)/2 for answers within (1 +- eta)). Levels encode bits by Gray code, so that a slip to a neighbouring level
// spoils one bit.

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::simulator {

using core::Index;

// An answer nearer than this to a threshold counts as a tie.
inline constexpr double tie_distance = 1e-4;

// The share of wrong bits of every row, at the thresholds of tolerance eta (0: exact answers). answers and values:
// nq x d; value_bits >= 1.
std::vector<double> row_errors(core::RowsViewD answers, core::RowsViewD values, double eta, int value_bits);

// The same shares by the map of each row. errors: one share for each of `rows`, tokens below maps.tokens().
struct MapErrors {
  std::vector<double> errors;      // per map: sum of the shares
  std::vector<std::int64_t> rows;  // per map: how many rows
};
MapErrors errors_by_map(std::span<const double> errors, const std::vector<Index>& rows, const geometry::Schedule& maps);

// Answers within tie_distance of a threshold of exact answers; 0 for value_bits = 0.
std::int64_t ties(core::RowsViewD answers, int value_bits);

// Rows all of whose entries are within (1 +- eta) of the exact attention outputs, and those of them with a value that
// is read wrong at the theorem's thresholds: none on a certified instance, whatever the scheme does elsewhere.
// All matrices nq x d; value_bits >= 1.
struct WithinEta {
  std::int64_t rows = 0, wrong = 0;
};
WithinEta within_eta(core::RowsViewD answers, core::RowsViewD values, core::RowsViewD exact, double eta,
                     int value_bits);

// |answers - exact|_F / |exact|_F over all queries; 0 for no queries; infinite where only `exact` is zero.
double relative_l2(core::RowsViewD answers, core::RowsViewD exact);

}  // namespace kvfrontier::simulator
