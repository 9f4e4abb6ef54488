#pragma once
// What is measured of Bob's answers.

#include <cstdint>
#include <vector>

#include "core/json.hpp"
#include "core/matrix.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::simulator {

using core::Index;

// Below this distance from the nearest threshold a decision counts as a tie.
inline constexpr double tie_distance = 1e-4;

// Decoding of one trial: answers z (nq x d) against the true values (nq x d) of the queried rows. With b value bits an
// entry is a level of {0, ..., 2^b - 1}/(2^b - 1); Bob reads the number of thresholds j * step below z
// (theory::grid_step: 1/2 for one bit), and levels stand for bits by Gray code, so that a slip to a neighbour spoils
// one bit. b = 0: values are real, nothing is read, and only the squared error means something.
struct Decoding {
  int value_bits = 1;
  double row_errors = 0;                 // sum over rows of the share of wrong bits, thresholds of exact answers (1/2)
  double row_errors_theorem = 0;         // the same at the thresholds for (1 +- eta) answers, (1 - eta^2)/2
  std::int64_t ties = 0;                 // answers within tie_distance of a threshold of exact answers
  double mse = 0;                        // mean (z - x)^2
  double worst_decile = 0;               // mean error of the tenth of rows (at least one) that err most
  std::vector<double> scale_errors;      // per map: sum of row errors
  std::vector<std::int64_t> scale_rows;  // per map: rows queried

  core::Json to_json(Index queried) const;
};

Decoding decode(core::RowsViewD answers, core::RowsViewD values, const std::vector<Index>& rows,
                const geometry::Schedule& schedule, double eta, int value_bits = 1);

// Rows all of whose entries are within (1 +- eta) of the exact attention outputs of the same queries, and those of them
// with a value that is read wrong at the theorem's thresholds: none on a certified instance, whatever the scheme does
// elsewhere. value_bits >= 1.
struct WithinEta {
  std::int64_t rows = 0, wrong = 0;
};
WithinEta within_eta(core::RowsViewD answers, core::RowsViewD values, core::RowsViewD exact, double eta,
                     int value_bits = 1);

// |answers - exact|_F / |exact|_F over all queries; 0 for no queries.
double relative_l2(core::RowsViewD answers, core::RowsViewD exact);

}  // namespace kvfrontier::simulator
