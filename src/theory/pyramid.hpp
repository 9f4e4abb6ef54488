#pragma once
// Closed forms for pyramids of token maps: what is cached before the last step, and what a window of maps sees of it.

#include <cstdint>

namespace kvfrontier::theory {

// Tokens of all maps before the last of sides 1, 2, 4, ..., n: (n^2 - 1)/3. n a power of two >= 2, else
// std::domain_error.
std::int64_t doubling_tokens(std::int64_t n);

// Share of them in the last W cached maps: (1 - 4^-W)/(1 - 4^-(K-1)), n = 2^(K-1). 1 <= W <= K - 1, else
// std::domain_error.
double doubling_window_share(std::int64_t n, int window);

}  // namespace kvfrontier::theory
