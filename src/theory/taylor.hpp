#pragma once
// Truncated exponentials: exp_t(x) = sum_{l <= t} x^l / l!. With exp_t in place of exp, attention over N tokens is a
// function of the moments of degree at most t of the keys, so a state of fixed size serves any N.

#include <cstdint>

namespace kvfrontier::theory {

// ln sum_{l > t} r^l / l!, the largest |e^x - exp_t(x)| on |x| <= r (at x = r, where all terms left out are positive).
// r > 0, t >= 0, else std::domain_error.
double log_taylor_tail(double r, std::int64_t t);

// ln of the bound (e r/(t+1))^{t+1} / (1 - r/(t+2)): the terms beyond t fall at least by r/(t+2) each, and (t+1)! >=
// ((t+1)/e)^{t+1}. Needs t > r - 2, else std::domain_error.
double log_taylor_tail_bound(double r, std::int64_t t);

// Least t with log_taylor_tail(r, t) <= log_error. As r grows, t/r goes to e for a constant error (the tail is (e
// r/t)^t up to powers of t), and to the root 3.5911 of c ln c = c + 1 for an error of e^{-r}, which the smallest weight
// requires.
std::int64_t taylor_degree(double r, double log_error);
inline constexpr double taylor_degree_slope_relative = 3.59112147666862;

// Monomials of degree at most t in d variables, C(d+t, t): how many numbers a sketch holds for each value column and
// for the normaliser, (d_v + 1) C(d+t, t) in all. A double, infinite where it overflows.
double taylor_moments(std::int64_t d, std::int64_t t);

// exp_t(x) e^{-x} for x >= 0: the share P(Poisson(x) <= t) of its own weight that a token keeps. Asking with tau k_i,
// the sketch leaks S / P(Poisson(tau) <= t) where exact attention leaks S, as long as the other products are small.
double taylor_kept_weight(double x, std::int64_t t);

}  // namespace kvfrontier::theory
