#pragma once
// Bisection on monotone predicates: exact to the last integer or the last bit of a double, so there is no tolerance to
// choose.

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace kvfrontier::theory {

// Least value in (low, high] for which `holds` is true. Assumes without asking that it is false at `low`, true at
// `high`, and monotone between. For doubles: the upper one of the two neighbours between which it changes.
template <class Number, class Predicate>
Number least_true(Number low, Number high, Predicate&& holds) {
  for (;;) {
    const Number middle = std::midpoint(low, high);
    if (middle == low || middle == high) return high;
    (holds(middle) ? high : low) = middle;
  }
}

// Least integer in [low, high] for which `holds` is true, by doubling steps away from `guess`: O(log |answer - guess|)
// questions. Assumes that it is true at `high` and monotone.
template <class Predicate>
std::int64_t least_true_near(std::int64_t guess, std::int64_t low, std::int64_t high, Predicate&& holds) {
  guess = std::clamp(guess, low, high);
  std::int64_t step = 1;
  if (holds(guess)) {
    for (; guess > low; step *= 2) {
      const std::int64_t next = std::max(low, guess - step);
      if (!holds(next)) return least_true(next, guess, holds);
      guess = next;
    }
    return low;
  }
  for (;; step *= 2) {
    const std::int64_t next = std::min(high, guess + step);
    if (next == high || holds(next)) return least_true(guess, next, holds);
    guess = next;
  }
}

}  // namespace kvfrontier::theory
