#pragma once
// The Walsh-Hadamard transform: multiplication by the matrix of signs (-1)^popcount(i & j), in O(n log n).

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

// In place and without a factor: two transforms multiply by `length`, which is a power of two. Every output is a sum in
// an order that depends on `length` alone.
void walsh_hadamard(float* x, core::Index length);

}  // namespace kvfrontier::schemes
