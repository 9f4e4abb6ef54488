#pragma once
// What is measured of Bob's answers.

#include <cstdint>
#include <vector>

#include "core/json.hpp"
#include "core/matrix.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::simulator {

using core::Index;

// Below this distance from the threshold a decision counts as a tie.
inline constexpr double tie_distance = 1e-4;

// Decoding of one trial: answers z (nq x d) against the true bits (nq x d, 0 or 1) of the queried rows. A bit is read as
// 1 iff z > threshold.
struct Decoding {
  double row_errors = 0;           // sum over rows of the share of wrong bits, threshold 1/2
  double row_errors_theorem = 0;   // the same at (1 - eta^2)/2
  std::int64_t ties = 0;           // answers within tie_distance of 1/2
  double mse = 0;                  // mean (z - x)^2
  double worst_decile = 0;         // mean error of the tenth of rows (at least one) that err most
  std::vector<double> scale_errors;       // per map: sum of row errors
  std::vector<std::int64_t> scale_rows;   // per map: rows queried

  core::Json to_json(Index queried) const;
};

Decoding decode(core::RowsViewD answers, core::RowsViewD bits, const std::vector<Index>& rows,
                const geometry::Schedule& schedule, double eta);

// |answers - exact|_F / |exact|_F over all queries; 0 for no queries.
double relative_l2(core::RowsViewD answers, core::RowsViewD exact);

}  // namespace kvfrontier::simulator
