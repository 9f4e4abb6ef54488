#pragma once
// Resizing of token maps between scales, as visual autoregressive models do it: each is a linear map along one axis,
// applied to rows and to columns.

#include <string>

#include "core/matrix.hpp"

namespace kvfrontier::geometry {

// "bicubic": cubic convolution with a = -0.75, pixel centres aligned ((i + 1/2) from/to - 1/2), edges clamped, no
// antialiasing. "area": adaptive average pooling, output i is the mean of inputs floor(i from/to) .. ceil((i+1)
// from/to) - 1. to x from matrix; rows sum to 1; from == to is the identity. Throws std::domain_error for another name
// or a side below 1.
core::RowMatrixD resize_axis(const std::string& mode, int from, int to);

// The map of `from` x `from` cells (raster order, one row of `map` a cell, any number of channels) resized to `to` x
// `to`.
core::RowMatrixD resize_map(const std::string& mode, core::RowsViewD map, int from, int to);

}  // namespace kvfrontier::geometry
