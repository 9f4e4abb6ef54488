#include "simulator/decoding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "theory/leak.hpp"

namespace kvfrontier::simulator {
namespace {

// Reads levels 0 .. 2^b - 1 off answers.
class Reader {
 public:
  Reader(int value_bits, double eta)
      : value_bits_(value_bits), top_((1u << value_bits) - 1), step_(theory::grid_step(eta, value_bits)) {}

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

}  // namespace

std::vector<double> row_errors(core::RowsViewD answers, core::RowsViewD values, double eta, int value_bits) {
  const Reader plain(value_bits, 0), reader(value_bits, eta);
  const double bits_per_row = static_cast<double>(answers.cols()) * value_bits;
  std::vector<double> errors;
  errors.reserve(answers.rows());
  for (Index i = 0; i < answers.rows(); ++i) {
    std::int64_t wrong = 0;
    for (Index c = 0; c < answers.cols(); ++c)
      wrong += Reader::wrong_bits(reader.level(answers(i, c)), plain.true_level(values(i, c)));
    errors.push_back(wrong / bits_per_row);
  }
  return errors;
}

MapErrors errors_by_map(std::span<const double> errors, const std::vector<Index>& rows,
                        const geometry::Schedule& maps) {
  MapErrors by_map{std::vector<double>(maps.map_count(), 0), std::vector<std::int64_t>(maps.map_count(), 0)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const int map = maps.map_of(rows[i]);
    by_map.errors[map] += errors[i];
    ++by_map.rows[map];
  }
  return by_map;
}

std::int64_t ties(core::RowsViewD answers, int value_bits) {
  if (value_bits == 0) return 0;
  const Reader reader(value_bits, 0);
  std::int64_t count = 0;
  for (Index i = 0; i < answers.rows(); ++i) {
    for (Index c = 0; c < answers.cols(); ++c) count += reader.distance_to_threshold(answers(i, c)) < tie_distance;
  }
  return count;
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

double relative_l2(core::RowsViewD answers, core::RowsViewD exact) {
  const double norm = exact.norm();
  const double distance = (answers - exact).norm();
  return norm > 0 ? distance / norm : (distance > 0 ? std::numeric_limits<double>::infinity() : 0);
}

}  // namespace kvfrontier::simulator
