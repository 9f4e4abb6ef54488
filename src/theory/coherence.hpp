#pragma once
// Coherence of random unit keys: mu = max_{i != j} |<k_i, k_j>| and the one-sided mu+ = max_{i != j} <k_i, k_j>.
// Decoding needs only mu+. Arguments outside a stated domain throw std::domain_error.

#include <cstdint>

namespace kvfrontier::theory {

// P(<u, w> >= t) for u, w independent and uniform on the unit sphere of R^d, any t: (1/2) I_{1-t^2}((d-1)/2, 1/2) for
// t >= 0 (regularised incomplete beta; spherical cap), a fair sign for d = 1. The logarithm stays finite where the tail
// underflows. d >= 1.
double sphere_tail(std::int64_t d, double t);
double log_sphere_tail(std::int64_t d, double t);

// P(<u, w> >= t) for u, w independent and uniform on {+-1/sqrt d}^d, any t: P(Bin(d, 1/2) >= d (1+t)/2). A t within
// rounding (4 epsilon) of a value (2a - d)/d counts as that value. d >= 1.
double rademacher_tail(std::int64_t d, double t);
double log_rademacher_tail(std::int64_t d, double t);

// e^(-d t^2/2), above both tails for t >= 0 (Hoeffding; spherical cap); 1 for t < 0. d >= 1.
double gaussian_tail_bound(std::int64_t d, double t);

// Upper bounds on mu+ of N keys that hold with probability >= 1 - beta: the least mu with
// events * P(<u, w> > mu) <= beta, from the exact tail. A bound of 1 says nothing (two keys may coincide); it is -1 for
// N = 1 (no pair). N >= 1, d >= 1, 0 < beta < 1.
//   sphere, rademacher   independent keys, N(N-1)/2 events; the Rademacher bound is one of the values (2a - d)/d
//   linear_code          k_i = ((-1)^{<r_l, i>})_l / sqrt d with d rows r_l of F_2^a drawn independently, where 2^a is
//                        the least power >= N (SRHT): products depend on i xor j only, so there are 2^a - 1 events of
//                        Rademacher law
double sphere_union_coherence(std::int64_t tokens, std::int64_t d, double beta);
double rademacher_union_coherence(std::int64_t tokens, std::int64_t d, double beta);
double linear_code_union_coherence(std::int64_t tokens, std::int64_t d, double beta);

// Dimensions that suffice (union bound over gaussian_tail_bound), rounded up, for sphere and Rademacher keys:
//   all_pairs    P(mu > t) <= beta for all pairs, two-sided: (4 ln N + 2 ln(1/beta)) / t^2
//   row_wise     one row against all others, one-sided: 2 ln(N/beta) / t^2; enough for the average index, at a cost of
//                beta in the error
//   linear_code  all pairs of a linear code or SRHT, two-sided, N a power of two: 2 ln(2N/beta) / t^2
// N >= 1, 0 < t < 1 (`coherence`), 0 < beta < 1.
std::int64_t all_pairs_dimension(std::int64_t tokens, double coherence, double beta);
std::int64_t row_wise_dimension(std::int64_t tokens, double coherence, double beta);
std::int64_t linear_code_dimension(std::int64_t tokens, double coherence, double beta);

// Welch (1974): the two-sided mu of any N unit vectors of R^d satisfies mu^(2k) >= [N/C(d+k-1, k) - 1]/(N - 1); 0 where
// that is negative. Order k = 1 gives sqrt((N-d)/(d(N-1))); higher orders give more for N >> d^2. It does not bound
// mu+. N, d, order >= 1; 0 for N = 1.
double welch_bound(std::int64_t tokens, std::int64_t d, int order = 1);

}  // namespace kvfrontier::theory
