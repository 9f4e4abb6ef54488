#include "geometry/resize.hpp"

#include <algorithm>
#include <cmath>

#include "../support/catch.hpp"

using namespace kvfrontier;
using core::Index;
using core::RowMatrixD;
using geometry::Resizing;

namespace {

RowMatrixD pattern(int side, Index channels) {
  RowMatrixD map(Index{side} * side, channels);
  for (Index i = 0; i < map.size(); ++i) map.data()[i] = std::sin(1.7 * static_cast<double>(i) + 0.3);
  return map;
}

// Cell by cell in two dimensions, from the piecewise cubic written out.
double bicubic_oracle(const RowMatrixD& map, int from, int to, int row, int column, Index channel) {
  const auto weight = [](double t) {
    t = std::abs(t);
    return t <= 1 ? 1.25 * t * t * t - 2.25 * t * t + 1 : t < 2 ? -0.75 * (t * t * t - 5 * t * t + 8 * t - 4) : 0.0;
  };
  const double y = (row + 0.5) * from / to - 0.5, x = (column + 0.5) * from / to - 0.5;
  double sum = 0;
  for (int r = static_cast<int>(std::floor(y)) - 1; r <= static_cast<int>(std::floor(y)) + 2; ++r) {
    for (int c = static_cast<int>(std::floor(x)) - 1; c <= static_cast<int>(std::floor(x)) + 2; ++c) {
      const int rr = std::clamp(r, 0, from - 1), cc = std::clamp(c, 0, from - 1);
      sum += weight(y - r) * weight(x - c) * map(Index{rr} * from + cc, channel);
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("resize: constants stay, equal sides are the identity") {
  for (const Resizing mode : {Resizing::bicubic, Resizing::area}) {
    for (const auto& [from, to] : {std::pair{1, 4}, {2, 3}, {3, 3}, {5, 8}, {8, 16}, {16, 5}, {16, 16}}) {
      CAPTURE(core::enum_name(mode), from, to);
      const RowMatrixD axis = geometry::resize_axis(mode, from, to);
      CHECK((axis.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-13);
      if (from == to) CHECK((axis - RowMatrixD::Identity(to, to)).norm() < 1e-14);
    }
  }
  CHECK_THROWS_AS(geometry::resize_axis(Resizing::area, 0, 4), std::domain_error);
}

TEST_CASE("resize: area means of 2 x 2, and of bins that overlap") {
  RowMatrixD map(4, 1);
  map << 0, 1, 2, 3;
  CHECK(geometry::resize_map(Resizing::area, map, 2, 1)(0, 0) == Approx(1.5));
  // 3 -> 2: bins {0, 1} and {1, 2}.
  const RowMatrixD axis = geometry::resize_axis(Resizing::area, 3, 2);
  CHECK(axis(0, 0) == 0.5);
  CHECK(axis(0, 1) == 0.5);
  CHECK(axis(1, 1) == 0.5);
  CHECK(axis(1, 2) == 0.5);
}

TEST_CASE("resize: bicubic against the two-dimensional sum") {
  for (const auto& [from, to] : {std::pair{1, 2}, {2, 4}, {3, 4}, {6, 8}, {8, 13}, {13, 16}, {16, 7}}) {
    const RowMatrixD map = pattern(from, 3), fine = geometry::resize_map(Resizing::bicubic, map, from, to);
    REQUIRE(fine.rows() == Index{to} * to);
    for (int r = 0; r < to; ++r) {
      for (int c = 0; c < to; ++c) {
        for (Index channel = 0; channel < 3; ++channel) {
          CHECK(fine(Index{r} * to + c, channel) == Approx(bicubic_oracle(map, from, to, r, c, channel)).margin(1e-13));
        }
      }
    }
  }
}
