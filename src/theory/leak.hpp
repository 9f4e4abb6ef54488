#pragma once
// Leak laws. Bob asks with tau k_i; the leak S_i(tau) = sum_{j != i} exp(-tau (1 - <k_i, k_j>)) is the softmax weight
// of all other tokens relative to that of token i, which keeps 1/(1 + S).

#include <cstdint>

namespace kvfrontier::theory {

// The leak that tolerance eta allows: a row decodes for EVERY value matrix (single-row threshold decoder at
// error_threshold(eta)) iff S < (1 - eta)/(1 + eta). eta in [0, 1), else std::domain_error.
double leak_threshold(double eta);

// ln E exp(tau <u, w>) for u, w independent and uniform on {+-1/sqrt d}^d: d ln cosh(tau/d).
double log_rademacher_mgf(std::int64_t d, double tau);

// The same for the unit sphere of R^d: ln 0F1(; d/2; tau^2/4) = ln[Gamma(d/2) (2/tau)^(d/2-1) I_{d/2-1}(tau)]. The
// power series, summed outwards from its largest term: no overflow, O(sqrt tau) terms. For d = 1 it is ln cosh(tau).
double log_sphere_mgf(std::int64_t d, double tau);

// E S(tau) over the key: (N-1) ((1 + e^(-2 tau/d))/2)^d for Rademacher keys and (N-1) e^(-tau) M_d(tau), M_d the moment
// generating function above, for sphere keys. Exact for all N >= 1 (0 at N = 1), d >= 1, finite tau >= 0 (else
// std::domain_error), decreasing in tau, 0 where it underflows. Beyond tau ~ sqrt(2 d ln N) rare rows carry the mean: a
// typical row leaks less.
double mean_leak_rademacher(std::int64_t tokens, std::int64_t d, double tau);
double mean_leak_sphere(std::int64_t tokens, std::int64_t d, double tau);

}  // namespace kvfrontier::theory
