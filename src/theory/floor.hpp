#pragma once
// Floors on memory. Alice holds m uniform bits (or m Gaussian values) and sends B bits; Bob, who shares public coins
// with her for free, answers for a uniformly drawn index. `error` is his mean bit error over indices, inputs and coins.

#include <cstdint>

namespace kvfrontier::theory {

// The largest m that shell filling accepts.
inline constexpr std::int64_t max_floor_bits = std::int64_t{1} << 40;

// Least error of ANY scheme whose message has the fixed length B = `bits`, by shell filling: for fixed coins Bob's
// answers to all m indices form one of 2^B strings, so at most 2^B C(m, w) of the 2^m inputs are at distance w from
// theirs, and the mean distance is least when the near shells are full. Attained by perfect codes: 1/8 at m = 7, B = 4.
// Implies the entropy floor below; holds for integer B only (do not interpolate).
//
// Rounded towards 0, so a rounding error never puts a scheme below the floor; the relative loss is below 1e-15 + 1e-17
// m where long double has 64 bits of mantissa. Exactly 1/2 for bits = 0 and 0 for bits >= m. 1 <= m <= max_floor_bits
// and bits >= 0, else std::domain_error. O(sqrt m) with a logarithm: milliseconds at m = 10^7.
double min_error(std::int64_t m, std::int64_t bits);

// Least B with min_error(m, B) <= error: no message of a smaller fixed length has that mean error. Exactly m for
// error <= 0 and 0 for error >= 1/2. Same domain; a NaN error is a std::domain_error.
std::int64_t min_bits(std::int64_t m, double error);

// m (1 - H2(error)): at least this many bits on average, also for self-delimiting messages of varying length
// (B >= H(M | coins) >= I(X; M | coins) >= sum_i (1 - H2(p_i)), then concavity). Error clamped to [0, 1/2], m >= 0.
double entropy_floor_bits(double m, double error);

// The bit error p that a mean squared error D of a reconstruction of {0,1} bits corresponds to, (1 - sqrt(1 - 4D)) / 2:
// p(1-p) = D, because H2 is concave as a function of p(1-p). No threshold decoder is needed. 1/2 for D >= 1/4; a
// negative D is a std::domain_error.
double mse_floor_error(double mse);

// entropy_floor_bits(m, mse_floor_error(mse)).
double entropy_floor_bits_mse(double m, double mse);

// Least mean squared error of independent N(0,1) values at `bits_per_value` = B/m bits each: 4^-b, for every m and any
// joint coding (Gaussian distortion-rate function; Shannon). bits_per_value >= 0, else std::domain_error.
double gaussian_mse_floor(double bits_per_value);

// Bit error of keeping a share of the tokens verbatim and guessing the others: (1 - f)/2. Exact when the kept set does
// not depend on the values given the keys (a set chosen by the values carries information about them and can err less
// or more). kept_fraction in [0, 1], else std::domain_error.
double eviction_error(double kept_fraction);

}  // namespace kvfrontier::theory
