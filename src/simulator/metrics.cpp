#include "simulator/metrics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "theory/leak.hpp"

namespace kvfrontier::simulator {

namespace {

// Reads levels 0 .. 2^b - 1 off answers.
class Reader {
 public:
  Reader(int value_bits, double eta)
      : value_bits_(value_bits),
        top_(static_cast<double>((1u << value_bits) - 1)),
        step_(theory::grid_step(eta, value_bits)) {}

  // The number of j in 1..top with z > j step.
  std::uint32_t level(double z) const {
    if (value_bits_ == 1) return z > step_;
    return static_cast<std::uint32_t>(std::clamp(std::ceil(z / step_) - 1, 0.0, top_));
  }
  double distance_to_threshold(double z) const {
    if (value_bits_ == 1) return std::abs(z - step_);
    return std::abs(z - std::clamp(std::round(z / step_), 1.0, top_) * step_);
  }
  // Of a value j / top; no call of a library, for every entry of every answer comes here.
  std::uint32_t true_level(double x) const { return static_cast<std::uint32_t>(x * top_ + 0.5); }
  static int wrong_bits(std::uint32_t a, std::uint32_t b) { return std::popcount((a ^ a >> 1) ^ (b ^ b >> 1)); }

 private:
  int value_bits_;
  double top_, step_;
};

double squared_error(core::RowsViewD answers, core::RowsViewD values) {
  double sum = 0;
  for (Index i = 0; i < answers.rows(); ++i) {
    for (Index c = 0; c < answers.cols(); ++c) sum += (answers(i, c) - values(i, c)) * (answers(i, c) - values(i, c));
  }
  return answers.size() > 0 ? sum / static_cast<double>(answers.size()) : 0;
}

}  // namespace

Decoding decode(core::RowsViewD answers, core::RowsViewD values, const std::vector<Index>& rows,
                const geometry::Schedule& schedule, double eta, int value_bits) {
  Decoding decoding;
  decoding.value_bits = value_bits;
  decoding.mse = squared_error(answers, values);
  decoding.scale_errors.assign(static_cast<std::size_t>(schedule.scales()), 0);
  decoding.scale_rows.assign(static_cast<std::size_t>(schedule.scales()), 0);
  if (value_bits == 0) return decoding;

  const Reader plain(value_bits, 0), theorem(value_bits, eta);
  std::vector<double> row_errors;
  const double bits_per_row = static_cast<double>(answers.cols()) * value_bits;
  for (Index i = 0; i < answers.rows(); ++i) {
    std::int64_t wrong = 0, wrong_theorem = 0;
    for (Index c = 0; c < answers.cols(); ++c) {
      const double z = answers(i, c);
      const std::uint32_t truth = plain.true_level(values(i, c));
      wrong += Reader::wrong_bits(plain.level(z), truth);
      wrong_theorem += Reader::wrong_bits(theorem.level(z), truth);
      decoding.ties += plain.distance_to_threshold(z) < tie_distance;
    }
    const double error = static_cast<double>(wrong) / bits_per_row;
    row_errors.push_back(error);
    decoding.row_errors += error;
    decoding.row_errors_theorem += static_cast<double>(wrong_theorem) / bits_per_row;
    const auto scale = static_cast<std::size_t>(schedule.scale_of(rows[static_cast<std::size_t>(i)]));
    decoding.scale_errors[scale] += error;
    ++decoding.scale_rows[scale];
  }
  if (!row_errors.empty()) {
    const std::size_t tenth = std::max<std::size_t>(1, row_errors.size() / 10);
    std::partial_sort(row_errors.begin(), row_errors.begin() + static_cast<std::ptrdiff_t>(tenth), row_errors.end(),
                      std::greater<>());
    decoding.worst_decile =
        std::accumulate(row_errors.begin(), row_errors.begin() + static_cast<std::ptrdiff_t>(tenth), 0.0) /
        static_cast<double>(tenth);
  }
  return decoding;
}

WithinEta within_eta(core::RowsViewD answers, core::RowsViewD values, core::RowsViewD exact, double eta,
                     int value_bits) {
  const Reader theorem(value_bits, eta);
  WithinEta counts;
  for (Index i = 0; i < answers.rows(); ++i) {
    bool within = true, wrong = false;
    for (Index c = 0; c < answers.cols(); ++c) {
      within = within && std::abs(answers(i, c) - exact(i, c)) <= eta * std::abs(exact(i, c));
      wrong = wrong || theorem.level(answers(i, c)) != theorem.true_level(values(i, c));
    }
    counts.rows += within;
    counts.wrong += within && wrong;
  }
  return counts;
}

core::Json Decoding::to_json(Index queried) const {
  if (value_bits == 0) return {{"error", core::Json()}, {"queried_rows", queried}, {"mse", mse}};
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
