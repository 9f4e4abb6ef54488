#pragma once
// Binomials and Hamming balls in log2, and log-gamma. They are long double because only their differences matter: at
// m = 10^7 a logarithm is 10^7 while the answer is of order 1. (std::lgamma is not used: it writes the global signgam,
// and trials run in parallel.)

#include <cstdint>

namespace kvfrontier::theory {

// ln Gamma(x), x > 0, by Stirling's series. Absolute error below 8 epsilon (1 + x |ln x|).
long double log_gamma(long double x);

// log2 C(m, w), 0 <= w <= m. Absolute error below 16 epsilon (m + 64), because the large terms of three log-gammas are
// cancelled analytically (Loader 2000, "Fast and accurate computation of binomial probabilities").
long double log2_binomial(std::int64_t m, std::int64_t w);

// Sums over the shells of the Hamming ball of radius k in {0,1}^m, in units of the outermost one, C(m, k).
struct ShellSums {
  long double volume = 0;  // sum_{w <= k} C(m, w) / C(m, k)
  long double depth = 0;   // sum_{w <= k} (k + 1 - w) C(m, w) / C(m, k)
};

// 0 <= k <= m/2: the terms fall inwards, and O(sqrt m) of them count. The others add up to less than 1e-30 k^2.
ShellSums shell_sums(std::int64_t m, std::int64_t k);

// log2 of the number of points within distance k, 0 <= k <= m.
long double log2_ball(std::int64_t m, std::int64_t k);

}  // namespace kvfrontier::theory
