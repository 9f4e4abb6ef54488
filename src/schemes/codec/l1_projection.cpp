#include "schemes/codec/l1_projection.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace kvfrontier::schemes {
namespace {

std::vector<SortedMagnitudes> sorted_rows(const core::RowMatrixF& groups) {
  std::vector<SortedMagnitudes> rows;
  for (Index i = 0; i < groups.rows(); ++i)
    rows.emplace_back(std::span(groups.row(i).data(), static_cast<std::size_t>(groups.cols())));
  return rows;
}

}  // namespace

SortedMagnitudes::SortedMagnitudes(std::span<const float> entries) {
  for (const float x : entries) sorted_.push_back(std::abs(static_cast<double>(x)));
  std::sort(sorted_.begin(), sorted_.end(), std::greater<>());
  double sum = 0;
  for (const double x : sorted_) sums_.push_back(sum += x);
}

double SortedMagnitudes::threshold(double radius) const {
  if (norm() <= radius) return 0;
  // The first j magnitudes stay while j u_j > sum_{i <= j} u_i - radius, which ends once.
  std::size_t stay = 1, gone = sorted_.size() + 1;
  while (gone - stay > 1) {
    const std::size_t j = (stay + gone) / 2;
    (static_cast<double>(j) * sorted_[j - 1] > sums_[j - 1] - radius ? stay : gone) = j;
  }
  return (sums_[stay - 1] - radius) / static_cast<double>(stay);
}

Index SortedMagnitudes::count_above(double t) const {
  return std::partition_point(sorted_.begin(), sorted_.end(), [&](double x) { return x > t; }) - sorted_.begin();
}

GroupProjection::GroupProjection(const core::RowMatrixF& groups, Projection projection)
    : projection_(projection),
      rows_(sorted_rows(groups)),
      norms_(norms_of(rows_)),
      all_(projection == Projection::flat ? std::span(groups.data(), static_cast<std::size_t>(groups.size()))
                                          : std::span<const float>()) {}

SortedMagnitudes GroupProjection::norms_of(const std::vector<SortedMagnitudes>& rows) {
  std::vector<float> norms;
  for (const auto& row : rows) norms.push_back(static_cast<float>(row.norm()));
  return SortedMagnitudes(norms);
}

std::vector<double> GroupProjection::thresholds(double radius) const {
  if (projection_ == Projection::flat) return std::vector<double>(rows_.size(), all_.threshold(radius));
  const double of_norms = norms_.threshold(radius);
  std::vector<double> list;
  for (const auto& row : rows_) list.push_back(row.threshold(std::max(0.0, row.norm() - of_norms)));
  return list;
}

}  // namespace kvfrontier::schemes
