#pragma once
// What dimension buys at a fixed scaling, and what scaling buys in a fixed dimension. Arguments outside a stated domain
// throw std::domain_error.

#include <cstdint>

namespace kvfrontier::theory {

// Sharp dimension threshold at tau = c ln N, c > 1: for large N a row of random keys decodes iff d/ln N exceeds this
// x_c. About N^(1 - x I(t)) keys have product t, where I is the rate function of one product, and none where the
// exponent is negative; a row decodes iff sup_t [1 - x I(t) + c t] < c over t with 1 - x I(t) >= 0. x_c solves 1 - c +
// sup_t [c t - x I(t)] = 0, where the constraint is inactive (checked). For the sphere I = -ln(1 - t^2)/2; for
// Rademacher keys I = [(1+t) ln(1+t) + (1-t) ln(1-t)]/2, for which sup_t [c t - x I(t)] = x ln cosh(c/x).
double sphere_dimension_threshold(double c);
double rademacher_dimension_threshold(double c);

// Share of rows with S(tau) < 1 at finite N, up to 1e-4. Given k_i the other N - 1 products are independent, so S is a
// sum of independent terms w = e^(-tau (1 - t)), and P(S < 1) follows from its characteristic function (Gil-Pelaez).
// Meant for the transition; where S > 100 is likely it only says that the share is small. N >= 2, d >= 2, tau > 0.
double decodable_share_sphere(std::int64_t tokens, std::int64_t d, double tau);
double decodable_share_rademacher(std::int64_t tokens, std::int64_t d, double tau);

// N equally spaced points of the circle, N large: tau = a N^2/(2 pi^2) with a the root of 2 sum_{j>=1} e^(-a j^2) =
// (1-eta)/(1+eta). (1 - cos(2 pi j/N) = 2 pi^2 j^2/N^2 up to a relative pi^2 j^2/(3 N^2).) N >= 3, eta in [0, 1).
double circle_scaling(std::int64_t tokens, double eta);

// N evenly spread points of the sphere of R^d, d >= 2, replaced by their density: the tau with N e^-tau M_d(tau) = 1 +
// S = 2/(1+eta), the row itself included in the density. For tau >> d^2/8 it is 2 pi [N (1+eta) Gamma(d/2)/(4
// pi^(d/2))]^(2/(d-1)). Exact in the limit of wide kernels, so good at eta = 0; at eta near 1 the nearest neighbours
// decide and it is too low.
double spread_scaling(std::int64_t tokens, std::int64_t d, double eta);

// Share of the unit sphere of R^d within Euclidean distance `radius` of a point: a cap. 0 <= radius <= 2, d >= 1.
double cap_share(std::int64_t d, double radius);

// Renyi's parking constant: share of a long line that unit cars cover when they park at random until none fits.
inline constexpr double parking_constant = 0.7475979202534114;

}  // namespace kvfrontier::theory
