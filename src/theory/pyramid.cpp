#include "theory/pyramid.hpp"

#include <bit>
#include <cmath>
#include <stdexcept>

namespace kvfrontier::theory {
namespace {

void check_side(std::int64_t n) {
  if (n < 2 || n > (std::int64_t{1} << 30) || !std::has_single_bit<std::uint64_t>(n))
    throw std::domain_error("a doubling pyramid needs n = 2, 4, 8, ...");
}

}  // namespace

std::int64_t doubling_tokens(std::int64_t n) {
  check_side(n);
  return (n * n - 1) / 3;
}

double doubling_window_share(std::int64_t n, int window) {
  check_side(n);
  const int cached = std::countr_zero<std::uint64_t>(n);
  if (window < 1 || window > cached) throw std::domain_error("a window holds 1 to K - 1 maps");
  return (1 - std::exp2(-2 * window)) / (1 - std::exp2(-2 * cached));
}

}  // namespace kvfrontier::theory
