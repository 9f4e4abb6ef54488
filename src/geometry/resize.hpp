#pragma once
// Resizing of token maps to the next size, as visual autoregressive models do it: a linear function along one axis,
// applied to rows and to columns.

#include "core/matrix.hpp"
#include "core/members.hpp"

namespace kvfrontier::geometry {

// bicubic: cubic convolution with a = -0.75, pixel centres aligned ((i + 1/2) from/to - 1/2), edges clamped, no
// antialiasing. area: adaptive average pooling; output i is the mean of inputs floor(i from/to) .. ceil((i+1) from/to)
// - 1.
enum class Resizing { bicubic, area };

// The to x from matrix along one axis. Its rows sum to 1; from == to gives the identity. Throws std::domain_error for a
// side below 1.
core::RowMatrixD resize_axis(Resizing mode, int from, int to);

// The map of `from` x `from` cells (raster order, one row of `map` a cell, any number of channels) resized to `to` x
// `to`.
core::RowMatrixD resize_map(Resizing mode, core::RowsViewD map, int from, int to);

}  // namespace kvfrontier::geometry

template <>
struct kvfrontier::core::EnumNames<kvfrontier::geometry::Resizing> {
  static constexpr std::array names{"bicubic", "area"};
};
