#include "geometry/resize.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace kvfrontier::geometry {
namespace {

// Keys' cubic convolution kernel.
double cubic(double x) {
  constexpr double a = -0.75;
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

}  // namespace

core::RowMatrixD resize_axis(Resizing mode, int from, int to) {
  if (from < 1 || to < 1) throw std::domain_error("resize_axis needs sides of at least 1");
  core::RowMatrixD weights = core::RowMatrixD::Zero(to, from);
  if (mode == Resizing::bicubic) {
    for (int i = 0; i < to; ++i) {
      const double place = (i + 0.5) * from / to - 0.5;
      const int base = static_cast<int>(std::floor(place));
      for (int s = -1; s <= 2; ++s) weights(i, std::clamp(base + s, 0, from - 1)) += cubic(place - (base + s));
    }
  } else {
    for (int i = 0; i < to; ++i) {
      const int first = i * from / to, end = ((i + 1) * from + to - 1) / to;
      weights.row(i).segment(first, end - first).setConstant(1.0 / (end - first));
    }
  }
  return weights;
}

core::RowMatrixD resize_map(Resizing mode, core::RowsViewD map, int from, int to) {
  if (map.rows() != core::Index{from} * from) throw std::domain_error("resize_map needs one row a cell");
  const core::RowMatrixD axis = resize_axis(mode, from, to);
  const core::Index channels = map.cols();
  // First along the columns of each map row, then along rows: two small products instead of one of all cells with all.
  core::RowMatrixD wide(core::Index{from} * to, channels);
  for (int r = 0; r < from; ++r)
    wide.middleRows(core::Index{r} * to, to).noalias() = axis * map.middleRows(core::Index{r} * from, from);
  core::RowMatrixD out = core::RowMatrixD::Zero(core::Index{to} * to, channels);
  for (int r = 0; r < to; ++r) {
    for (int s = 0; s < from; ++s) {
      if (axis(r, s) != 0)
        out.middleRows(core::Index{r} * to, to) += axis(r, s) * wide.middleRows(core::Index{s} * to, to);
    }
  }
  return out;
}

}  // namespace kvfrontier::geometry
