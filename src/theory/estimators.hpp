#pragma once
// Laws of small estimators and caches: random-projection inner products, the linear-attention state, value sampling,
// pointer chasing.

#include <cstdint>

namespace kvfrontier::theory {

// P(N(0,1) >= x).
double gaussian_tail(double x);

// QJL, sqrt(pi/2)/m |k| <S q, sign(S k)> with Gaussian S of m rows, is unbiased for <q, k> and has exactly this
// variance, [(pi/2) |q|^2 |k|^2 - <q,k>^2] / m: a row's term has second moment (pi/2) |k|^2 E <s,q>^2.
double qjl_variance(double m, double q_squared, double k_squared, double product);

// Rows that keep the error below eps |q| |k| with probability 1 - delta: (pi/eps^2) ln(2/delta). A row's term is
// sub-Gaussian with parameter sqrt(pi/2) |q| |k|, which it attains for q orthogonal to k.
double qjl_length(double eps, double delta);

// E (estimate - <y,x>)^2 for unit x, y with y uniform, of a quantiser of mean squared error `mse` followed by QJL with
// d rows on the residual r: E [(pi/2) |r|^2 - <y,r>^2] / d = (pi/2 - 1/d) mse / d.
double residual_qjl_distortion(double d, double mse);

// Bit error of reading row i off the linear-attention state sum_j k_j v_j^T with query k_i, random unit keys. The noise
// sum_{j != i} <k_i,k_j> v_j has variance (N-1)/d for values +-1, against a signal of 1, and (N-1)/(2d) for values
// {0,1}, against a distance of 1/2 to the threshold: Qfun(sqrt(d/(N-1))) and Qfun(sqrt(d/(2(N-1)))).
double linear_state_error(double tokens, double d, bool centred_values);

// The same when every entry of the state is stored as its sign (centred values, N >= d): an entry k_il v_i + noise of
// variance (N-1)/d has a mean sign of sqrt(2/pi) k_il v_i / sqrt((N-1)/d), and the signs add up to noise of variance 1:
// Qfun(sqrt(2 d/(pi (N-1)))).
double sign_state_error(double tokens, double d);

// Relative variance E |N' - N|^2/|N|^2 of SubGen's numerator: N = V^T a estimated from s rows, drawn with replacement
// in proportion to |v_j|^2, as N' = (|V|_F^2/s) sum a_j v_j/|v_j|^2. It is (kappa - 1)/s with kappa = |V|_F^2
// |a|^2/|V^T a|^2; the three squares are given. s >= 1, |V^T a| > 0.
double value_sampling_variance(double samples, double values_square, double weights_square, double sum_square);

// Chance of following T distinct hops in a table of n entries of which a uniformly random set of s is kept:
// prod_{i < T} (s-i)/(n-i), below (s/n)^T for T > 1. 0 <= s <= n, 0 <= T <= n.
double oblivious_chase(std::int64_t n, std::int64_t s, std::int64_t hops);

}  // namespace kvfrontier::theory
