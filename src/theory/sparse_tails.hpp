#pragma once
// Margins and coherence of random keys beyond sphere and Rademacher: Gaussian and Achlioptas keys, whose norms fluctuate,
// and Kane-Nelson's block-sparse keys. Arguments outside a stated domain throw std::domain_error.
//
// Keys of unequal norms decode by the margin |k_i|^2 - <k_i, k_j> instead of 1 - <k_i, k_j>; mu+ means 1 - margin.

#include <cstdint>

namespace kvfrontier::theory {

// Gaussian keys, entries N(0, 1/d). ln P(|u|^2 - <u, w> <= margin) is at most d [l margin - ln(1 + 2 l - l^2)/2], minimised
// at l = [2 margin + 1 - sqrt(8 margin^2 + 1)] / (2 margin) (Chernoff: given u, <u, w> is N(0, |u|^2/d)). 0 for margin >= 1. d >=
// 1, margin > 0.
double log_gaussian_margin_bound(std::int64_t d, double margin);

// Achlioptas keys, entries sqrt(3/d) {+1: 1/6, 0: 2/3, -1: 1/6}. Exact ln P(|u|^2 - <u, w> < 3 steps/d): the margin is 3/d
// times a sum of d independent terms of generating function (13 + 4 z + z^2)/18. O(steps). d >= 1, 0 <= steps <= d/3.
double log_achlioptas_margin_tail(std::int64_t d, std::int64_t steps);

// Kane-Nelson keys: s blocks of floor or ceil(d/s) coordinates, block b from floor(b d/s), one entry +-1/sqrt(s) in
// each. Exact P(<u, w> >= matches/s): a sum of s signs, each present with the probability that both keys chose the same
// coordinate. O(s^2). 1 <= s <= d, -s <= matches <= s + 1.
double kane_nelson_tail(std::int64_t d, std::int64_t s, std::int64_t matches);

// Upper bounds on mu+ = 1 - min_{i != j} margin of N keys that hold with probability >= 1 - beta, N(N-1) ordered pairs for
// keys of unequal norms; 1 where the bound leaves no margin, -1 for N = 1. N >= 1, d >= 1, 0 < beta < 1.
double gaussian_union_coherence(std::int64_t tokens, std::int64_t d, double beta);
double achlioptas_union_coherence(std::int64_t tokens, std::int64_t d, double beta);
double kane_nelson_union_coherence(std::int64_t tokens, std::int64_t d, std::int64_t s, double beta);

// E S(tau) over the coins, tau >= 0: (N-1) (1 + 2 x - x^2)^(-d/2) with x = tau/d for Gaussian keys, +infinity from
// x = 1 + sqrt 2 on and rising beyond x = 1; (N-1) [(13 + 4 e^(-3x) + e^(-6x))/18]^d for Achlioptas;
// (N-1) e^-tau prod_b (1 + (cosh(tau/s) - 1)/w_b) over blocks of widths w_b for Kane-Nelson.
double mean_leak_gaussian(std::int64_t tokens, std::int64_t d, double tau);
double mean_leak_achlioptas(std::int64_t tokens, std::int64_t d, double tau);
double mean_leak_kane_nelson(std::int64_t tokens, std::int64_t d, std::int64_t s, double tau);

// The public rule for the sparsity of Kane-Nelson keys: s = ceil(sqrt(d ln N)/2) within [1, d]. With mu ~ sqrt(4 ln
// N/d) it is ln N/mu, the s = Theta(ln N/eps) of Kane and Nelson (2014).
std::int64_t kane_nelson_sparsity(std::int64_t tokens, std::int64_t d);

}  // namespace kvfrontier::theory
