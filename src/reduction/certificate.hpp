#pragma once
// When does every row of an instance decode? At tau > [ln(N-1) + 2 artanh(eta)] / gap, for all values and any
// (1 +- eta)-approximate attention.

#include <optional>
#include <string>

#include "core/json.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction {

struct Certificate {
  double gap = 0;      // min_i (|k_i|^2 - max_j <k_i, k_j>) over j != i of another class, never above its true value;
                       // +infinity where there is no such pair
  double mu_plus = 0;  // largest such product, as computed; -infinity where there is none
  double least_square_norm = 0;  // min_i |k_i|^2
};

// All pairs of keys, blocked, in O(N d) memory and O(N^2 d) time. The gap is taken over all j of another class
// (Instance::classes, structural) and not over rows whose bits differ: tau is public, and must not tell Bob anything
// about the bits.
Certificate certify(const Instance& instance, int threads = 1);

// "certified", "typical", "union" or a number.
struct Scaling {
  enum class Kind { certified, typical, united, fixed } kind = Kind::certified;
  double value = 0;  // of `fixed`

  // Throws ConfigError at `path`.
  static Scaling parse(const core::Json& json, const std::string& path);
  core::Json to_json() const;
};

// Largest N that is certified by all pairs.
inline constexpr Index largest_certified = 50'000;
// The certified scaling stands this factor above the threshold, where a tie would be possible.
inline constexpr double certified_margin = 1e-3;
// Failure probability of the union bound.
inline constexpr double union_beta = 0.01;

// (1 + margin) [ln(N-1) + 2 artanh eta] / gap; nullopt when the gap is not positive or the result exceeds max_tau; 0
// for N = 1.
std::optional<double> certified_tau(double gap, Index tokens, double eta, double max_tau);

// The same for the instance's own leak threshold and competitors, with `zero_tokens` further tokens of zero key and
// value (Bob's own) in the softmax: they compete at a gap of |k_i|^2. nullopt where the instance has no leak threshold.
std::optional<double> certified_tau(const Certificate& certificate, const Instance& instance, double eta,
                                    double max_tau, Index zero_tokens = 0);

// The closed-form scalings `typical` (mean leak equal to (1-eta)/(1+eta)) and `union` (the union bound in place of the
// measured coherence). Throws ConfigError at `path` with the least d where there is none below max_tau.
double closed_form_tau(const Scaling& scaling, const InstanceParams& params, double eta, double max_tau,
                       const std::string& path);

}  // namespace kvfrontier::reduction
