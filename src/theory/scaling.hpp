#pragma once
// Query scaling: how long the query tau k_i must be for row i to decode in spite of the leak of the N - 1 other tokens.
// eta in [0, 1) is the multiplicative tolerance. Arguments outside a stated domain throw std::domain_error.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace kvfrontier::theory {

// L = ln(N-1) + 2 artanh(eta) = ln[(N-1) (1+eta)/(1-eta)]. N >= 1; -infinity for N = 1 (no other token).
double required_logit(std::int64_t tokens, double eta);

// ln(competitors / leak_threshold): the same for any leak threshold and number of competing tokens. -infinity without
// competitors. competitors >= 0, leak_threshold > 0.
double required_logit_for(std::int64_t competitors, double leak_threshold);

// The decision z > (1 - eta^2)/2 reads a {0,1} value off any (1 +- eta) approximation when the leak is below
// leak_threshold(eta).
double error_threshold(double eta);

// tau* = L/(1 - mu+): every row decodes for every tau > tau*, because S <= (N-1) e^(-tau (1 - mu+)). At tau* itself
// keys with all products equal to mu+ (simplex, orthonormal) give ties. 0 for N = 1. -1 <= mu+ < 1: at mu+ >= 1 two
// keys coincide and no scaling helps.
double tau_star(std::int64_t tokens, double mu_plus, double eta);

// L (N-1)/N: no unit keys let all rows decode (for every value matrix, single-row threshold decoder) at a smaller tau,
// since the mean inner product of N unit vectors is at least -1/(N-1). Attained by the simplex. 0 for N = 1.
double tau_necessary(std::int64_t tokens, double eta);

// The scaling that one row needs: the tau at which its leak sum_j e^(-tau g_j) equals leak_threshold(eta), where g_j =
// |k_i|^2 - <k_i, k_j> for the other tokens. The row decodes (for every value matrix) at every larger tau. nullopt when
// a margin is not positive: then no tau is enough. 0 without other tokens or where tau = 0 decodes. Newton's method on the
// logarithm of the leak, which is convex and decreasing, from the left: monotone, to the last digits.
std::optional<double> tau_required(std::span<const double> margins, double eta);

// Least tau in [0, tau_max] with mean_leak(tau) <= leak_threshold(eta), for a decreasing mean_leak = E S(tau); nullopt
// when even tau_max is too small. A typical row decodes from about here on, well before tau_star.
std::optional<double> tau_typical(const std::function<double(double)>& mean_leak, double eta, double tau_max);
// The same for any leak threshold.
std::optional<double> tau_at_leak(const std::function<double(double)>& mean_leak, double leak_threshold,
                                  double tau_max);

// The same, solved for Rademacher keys: -(d/2) ln(2 e^(-L/d) - 1). Needs L < d ln 2: in lower dimensions duplicate keys
// keep the mean leak above the threshold at any tau. 0 for N = 1.
double tau_typical_rademacher(std::int64_t tokens, std::int64_t d, double eta);

// The same with Gaussian inner products, M_d(tau) ~ e^(tau^2/(2d)), an upper bound for sphere and Rademacher keys:
// d (1 - sqrt(1 - 2L/d)). Needs d >= 2L. 0 for N = 1.
double tau_typical_gaussian(std::int64_t tokens, std::int64_t d, double eta);

}  // namespace kvfrontier::theory
