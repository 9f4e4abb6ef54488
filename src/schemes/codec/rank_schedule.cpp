#include "schemes/codec/rank_schedule.hpp"

#include <algorithm>
#include <cmath>

namespace kvfrontier::schemes {

std::vector<Index> progressive_ranks(const std::vector<double>& log_conditions, Index most, Index least) {
  std::vector<double> cumulative = log_conditions;
  for (Index k = std::ssize(cumulative); k-- > 1;) cumulative[k - 1] += cumulative[k];
  const auto [smallest, largest] = std::minmax_element(cumulative.begin(), cumulative.end());
  std::vector<Index> ranks;
  for (const double log_condition : cumulative) {
    const double share = *largest > *smallest ? (*largest - log_condition) / (*largest - *smallest) : 0;
    ranks.push_back(std::llround(most - share * (most - least)));
  }
  return ranks;
}

double random_log_condition(Index n, Index d) {
  const double a = std::sqrt(n), b = std::sqrt(d);
  constexpr double cap = 1e6;
  return std::log(std::abs(a - b) * cap > a + b ? (a + b) / std::abs(a - b) : cap);
}

}  // namespace kvfrontier::schemes
