#pragma once
// At which query scaling every row of an instance decodes: at tau > [ln(N-1) + 2 artanh(eta)] / margin, for all values and
// any (1 +- eta)-approximate attention.

#include <optional>
#include <string>

#include "core/members.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction {

struct Certificate {
  double margin = 0;   // min_i (|k_i|^2 - max_j <k_i, k_j>) over j != i of another class, never above its true value;
                       // +infinity where there is no such pair
  double mu_plus = 0;  // largest such product, as computed; -infinity where there is none
  double least_square_norm = 0;  // min_i |k_i|^2
};

// Takes all pairs of keys, in blocks: O(N d) memory and O(N^2 d) time. The margin is over all j of another class
// (Instance::classes) and not over rows whose bits differ, because tau is public and must not tell Bob anything about
// the bits.
Certificate certify(const Instance& instance, int threads = 1);

// "certified", "typical", "union" or a number.
struct Scaling {
  enum class Kind { certified, typical, united, fixed } kind = Kind::certified;
  double value = 0;  // of `fixed`

  // Throws ConfigError at `path` for anything else.
  static Scaling parse(const core::Json& json, const std::string& path);
  core::Json to_json() const;
};

// Largest N for which all pairs are taken.
inline constexpr Index largest_certified = 50'000;
// The certified scaling exceeds the threshold, where a tie would be possible, by this fraction.
inline constexpr double certified_excess = 1e-3;
// Failure probability of the union bound.
inline constexpr double union_beta = 0.01;

// (1 + certified_excess) [ln(N-1) + 2 artanh eta] / margin; nullopt when the margin is not positive or the result exceeds max_tau; 0
// for N = 1.
std::optional<double> certified_tau(double margin, Index tokens, double eta, double max_tau);

// The same for the instance's own leak threshold and competitors, with `zero_tokens` further tokens of zero key and
// value (Bob's own) in the softmax: they compete at a margin of |k_i|^2. nullopt where the instance has no leak threshold.
std::optional<double> certified_tau(const Certificate& certificate, const Instance& instance, double eta,
                                    double max_tau, Index zero_tokens = 0);

// The closed-form scalings: `typical` (mean leak equal to (1-eta)/(1+eta)) and `union` (the union bound instead of the
// measured coherence). A number is returned as it is. Throws ConfigError at `path` that names the least d when there is
// no such scaling below max_tau.
double closed_form_tau(const Scaling& scaling, const InstanceParams& params, double eta, double max_tau,
                       const std::string& path);

}  // namespace kvfrontier::reduction

template <>
struct kvfrontier::core::JsonForm<kvfrontier::reduction::Scaling> {
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.allowed = "certified, typical, union, or a number of at least 0";
  }
  static Json to_json(const reduction::Scaling& scaling) { return scaling.to_json(); }
  static reduction::Scaling from_json(const Json& json, const std::string& path) {
    return reduction::Scaling::parse(json, path);
  }
};
