#include "schemes/codec/l1_projection.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace kvfrontier::schemes {
namespace {

std::vector<double> entries_of(const float* first, Index count) {
  return {first, first + count};
}

std::vector<SortedMagnitudes> sorted_rows(const core::RowMatrixF& groups) {
  std::vector<SortedMagnitudes> rows;
  for (Index i = 0; i < groups.rows(); ++i) rows.emplace_back(entries_of(groups.row(i).data(), groups.cols()));
  return rows;
}

// In double, so that a radius of 0 leaves exactly nothing of the largest.
std::vector<double> norms_of(const std::vector<SortedMagnitudes>& rows) {
  std::vector<double> norms;
  for (const auto& row : rows) norms.push_back(row.norm());
  return norms;
}

// How many of `count` places satisfy `holds`, which is true up to some place and false beyond. Which half that place is
// in is as good as random, so the search has no branches.
template <class Holds>
Index first_places(Index count, const Holds& holds) {
  Index first = 0;
  while (count > 0) {
    const Index half = (count + 1) / 2;
    first += holds(first + half - 1) ? half : 0;
    count -= half;
  }
  return first;
}

}  // namespace

SortedMagnitudes::SortedMagnitudes(std::vector<double> entries) : sorted_(std::move(entries)) {
  for (double& x : sorted_) x = std::abs(x);
  std::sort(sorted_.begin(), sorted_.end(), std::greater<>());
  sums_.reserve(sorted_.size());
  double sum = 0;
  for (const double x : sorted_) sums_.push_back(sum += x);
}

double SortedMagnitudes::threshold(double radius) const {
  if (norm() <= radius) return 0;
  // The first j magnitudes stay while j u_j > sum_{i <= j} u_i - radius, which ends once.
  const Index stay = 1 + first_places(std::ssize(sorted_) - 1,
                                      [&](Index i) { return (i + 2) * sorted_[i + 1] > sums_[i + 1] - radius; });
  return (sums_[stay - 1] - radius) / stay;
}

Index SortedMagnitudes::count_above(double t) const {
  return first_places(std::ssize(sorted_), [&](Index i) { return sorted_[i] > t; });
}

GroupProjection::GroupProjection(const core::RowMatrixF& groups, Projection projection)
    : projection_(projection),
      rows_(sorted_rows(groups)),
      norms_(norms_of(rows_)),
      all_(projection == Projection::flat ? entries_of(groups.data(), groups.size()) : std::vector<double>()) {}

std::vector<double> GroupProjection::thresholds(double radius) const {
  if (projection_ == Projection::flat) return std::vector<double>(rows_.size(), all_.threshold(radius));
  const double of_norms = norms_.threshold(radius);
  std::vector<double> list;
  for (const auto& row : rows_) list.push_back(row.threshold(std::max(0.0, row.norm() - of_norms)));
  return list;
}

}  // namespace kvfrontier::schemes
