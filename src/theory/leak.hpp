#pragma once
// Leak laws. Bob asks with tau k_i. The leak S_i(tau) = sum_{j != i} exp(-tau (1 - <k_i, k_j>)) is the softmax weight
// of all other tokens relative to that of token i, which keeps a share of 1/(1 + S).

#include <cstdint>

namespace kvfrontier::theory {

// The leak that tolerance eta allows: a row decodes for EVERY value matrix (single-row threshold decoder at
// error_threshold(eta)) iff S < (1 - eta)/(1 + eta). eta in [0, 1), else std::domain_error.
double leak_threshold(double eta);

// The same for values on the grid {0, ..., M}/M, M = 2^b - 1: S < (1 - (2M - 1) eta) / (M (1 + eta)), and 1/M in the
// exact case. The answer to a level l lies in (1 -+ eta) [(1 - lambda) l/M, (1 - lambda) l/M + lambda], and the ranges
// of neighbours are disjoint below this leak (the two highest levels come closest). Zero or negative for eta >= 1/(2M -
// 1): no leak is small enough. For b = 1 this is leak_threshold(eta). 1 <= bits <= 24, eta in [0, 1), else
// std::domain_error.
double grid_leak_threshold(double eta, int bits);

// From an answer z Bob reads the number of j in 1..M with z > j * grid_step, correctly for every leak below
// grid_leak_threshold. It is (1 - eta^2) / (M + 1 - (M - 1) eta), and 2^-b in the exact case: the thresholds are the
// multiples of 2^-b and not the middles between grid values, because the leak pulls every answer towards the other
// rows. For b = 1 this is error_threshold(eta). Same domain.
double grid_step(double eta, int bits);

// Largest number of bits in a value for which an exact answer at leak S > 0 decodes, for all values: the largest b with
// S < 1/(2^b - 1), ceil(log2(1 + 1/S)) - 1. 0: not even one bit. std::domain_error unless S > 0.
int decodable_bits(double leak);

// ln E exp(tau <u, w>) for u, w independent and uniform on {+-1/sqrt d}^d: d ln cosh(tau/d).
double log_rademacher_mgf(std::int64_t d, double tau);

// The same for the unit sphere of R^d: ln 0F1(; d/2; tau^2/4) = ln[Gamma(d/2) (2/tau)^(d/2-1) I_{d/2-1}(tau)]. The
// power series, summed outwards from its largest term: no overflow, O(sqrt tau) terms. For d = 1 it is ln cosh(tau).
double log_sphere_mgf(std::int64_t d, double tau);

// E S(tau) over the coins: (N-1) ((1 + e^(-2 tau/d))/2)^d for Rademacher keys and (N-1) e^(-tau) M_d(tau), with the
// moment generating function M_d above, for sphere keys. Exact for all N >= 1 (0 at N = 1), d >= 1, finite tau >= 0
// (else std::domain_error), decreasing in tau, 0 where it underflows. Beyond tau ~ sqrt(2 d ln N) rare rows dominate
// the mean: a typical row leaks less.
double mean_leak_rademacher(std::int64_t tokens, std::int64_t d, double tau);
double mean_leak_sphere(std::int64_t tokens, std::int64_t d, double tau);

}  // namespace kvfrontier::theory
