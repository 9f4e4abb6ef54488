#pragma once
// All pairs of N keys by the blocked product kernel in O(N d) memory: the largest off-diagonal product of every row and
// the leak S_i(tau). Both compute only one half of the symmetric products.

#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::attention {

using core::Index;

// keys: N x d. Returns max_{j != i} <k_i, k_j> for every i, as computed in float; -infinity when N = 1.
std::vector<float> largest_products(core::RowsViewF keys, int threads = 1);

// Rounding bound on one float product of two rows of these keys: |fl(<k_i, k_j>) - <k_i, k_j>| <= this, for any
// summation order (gamma_d max_i |k_i|^2).
double product_rounding_bound(core::RowsViewF keys);

// S_i(tau) = sum_{j != i} exp(-tau (|k_i|^2 - <k_i, k_j>)) for every i: float products and exponentials, accumulated in
// double. Relative error about 4e-7 tau for unit keys. A term below exp(-87) counts as exp(-87); an exponent above 88
// (possible only when keys have unequal norms) gives infinity. The same bits for any number of threads.
std::vector<double> leaks(core::RowsViewF keys, double tau, int threads = 1);

}  // namespace kvfrontier::attention
