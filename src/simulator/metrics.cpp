#include "simulator/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "theory/scaling.hpp"

namespace kvfrontier::simulator {

Decoding decode(core::RowsViewD answers, core::RowsViewD bits, const std::vector<Index>& rows,
                const geometry::Schedule& schedule, double eta) {
  const double theorem = theory::error_threshold(eta);
  Decoding decoding;
  decoding.scale_errors.assign(static_cast<std::size_t>(schedule.scales()), 0);
  decoding.scale_rows.assign(static_cast<std::size_t>(schedule.scales()), 0);
  std::vector<double> row_errors;
  const double d = static_cast<double>(answers.cols());
  for (Index i = 0; i < answers.rows(); ++i) {
    std::int64_t wrong = 0, wrong_theorem = 0;
    for (Index c = 0; c < answers.cols(); ++c) {
      const double z = answers(i, c), x = bits(i, c);
      const bool truth = x > 0.5;
      wrong += (z > 0.5) != truth;
      wrong_theorem += (z > theorem) != truth;
      decoding.ties += std::abs(z - 0.5) < tie_distance;
      decoding.mse += (z - x) * (z - x);
    }
    const double error = static_cast<double>(wrong) / d;
    row_errors.push_back(error);
    decoding.row_errors += error;
    decoding.row_errors_theorem += static_cast<double>(wrong_theorem) / d;
    const auto scale = static_cast<std::size_t>(schedule.scale_of(rows[static_cast<std::size_t>(i)]));
    decoding.scale_errors[scale] += error;
    ++decoding.scale_rows[scale];
  }
  if (!row_errors.empty()) {
    decoding.mse /= static_cast<double>(answers.size());
    const std::size_t tenth = std::max<std::size_t>(1, row_errors.size() / 10);
    std::partial_sort(row_errors.begin(), row_errors.begin() + static_cast<std::ptrdiff_t>(tenth), row_errors.end(), std::greater<>());
    decoding.worst_decile = std::accumulate(row_errors.begin(), row_errors.begin() + static_cast<std::ptrdiff_t>(tenth), 0.0) / static_cast<double>(tenth);
  }
  return decoding;
}

core::Json Decoding::to_json(Index queried) const {
  const double count = static_cast<double>(std::max<Index>(queried, 1));
  return {{"error", row_errors / count},
          {"error_theorem", row_errors_theorem / count},
          {"queried_rows", queried},
          {"row_errors", row_errors},
          {"ties", ties},
          {"mse", mse},
          {"worst_decile", worst_decile},
          {"scale_row_errors", scale_errors},
          {"scale_queried_rows", scale_rows}};
}

double relative_l2(core::RowsViewD answers, core::RowsViewD exact) {
  const double norm = exact.norm();
  const double distance = (answers - exact).norm();
  return norm > 0 ? distance / norm : (distance > 0 ? std::numeric_limits<double>::infinity() : 0);
}

}  // namespace kvfrontier::simulator
