#pragma once
// LoRC's progressive ranks: layers (here: maps) whose errors pass through more later layers keep a higher rank.

#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

using core::Index;

// Ranks in least .. most, one for each log condition number. The cumulative condition number of a layer is the product
// over itself and all later layers. Its rank is linear in the logarithm, `most` at the largest and `least` at the
// smallest, rounded to nearest; `most` everywhere when all are equal.
std::vector<Index> progressive_ranks(const std::vector<double>& log_conditions, Index most, Index least);

// Log condition number of a tall or wide random matrix at the edges of the Marchenko-Pastur law,
// (sqrt(n) + sqrt(d))/|sqrt(n) - sqrt(d)|, at most 1e6.
double random_log_condition(Index n, Index d);

}  // namespace kvfrontier::schemes
