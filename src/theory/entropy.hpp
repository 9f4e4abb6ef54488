#pragma once
// Binary entropy, in bits.

namespace kvfrontier::theory {

// H2(p) = -p log2 p - (1-p) log2 (1-p). p in [0, 1], else std::domain_error.
double binary_entropy(double p);

// 1 - H2(p): the information in one uniform bit that is known up to error p (Fano), and the capacity of a binary
// symmetric channel. Keeps its relative accuracy near p = 1/2, where the difference would lose it. p in [0, 1], else
// std::domain_error.
double binary_capacity(double p);

// The p in [0, 1/2] with H2(p) = h: the distortion-rate function of fair bits is inverse_binary_entropy(1 - rate)
// (Shannon). h in [0, 1], else std::domain_error.
double inverse_binary_entropy(double h);

}  // namespace kvfrontier::theory
