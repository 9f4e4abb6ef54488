#pragma once
// Families of near-orthogonal keys: the geometry that both parties know. Row i is a function of the public coins and i,
// so neither party ever has to store or send keys.

#include <optional>
#include <string>

#include "core/matrix.hpp"
#include "core/registry.hpp"
#include "core/rng.hpp"

namespace kvfrontier::geometry {

using core::Index;

// What is known about the coherence of N rows in dimension d: mu+ = 1 - margin, where margin = min_{i != j} (|k_i|^2 - <k_i,
// k_j>) is what decoding needs. For unit vectors mu+ is the one-sided coherence max_{i != j} <k_i, k_j>; for others it
// also covers the fluctuation of the norms.
struct Coherence {
  double mu_plus = 1;  // upper bound on mu+, or its value if `exact`; -1 for N = 1, where there is no pair
  bool exact = false;  // a deterministic value without failure probability
};

// The plug point for embeddings. All functions except why_impossible and least_dimension require that
// why_impossible(tokens, d) is empty. Embeddings hold no state; every function may be called from several threads at
// once.
class Embedding {
 public:
  virtual ~Embedding() = default;
  virtual std::string name() const = 0;
  virtual std::string summary() const = 0;              // one line: what the rows are
  virtual std::string source() const = 0;               // paper or theorem
  virtual std::string law() const = 0;                  // the coherence law in words and formula, with its valid range
  virtual bool deterministic() const { return false; }  // rows do not depend on the public coins
  virtual bool unit_norm() const { return true; }

  // Empty when N rows exist in dimension d; otherwise what is allowed, in the user's words, with the nearest valid
  // values.
  virtual std::string why_impossible(Index tokens, Index d) const = 0;

  // Writes rows first .. first + out.rows() - 1 into `out` (out.cols() == d), each in O(d) or O(d log d). `tokens` = N
  // must be what both parties know, for families whose rows depend on it.
  virtual void rows(core::Coins coins, Index tokens, Index first, core::RowsOutF out) const = 0;

  // Upper bound on mu+ that holds with probability >= 1 - beta over the coins (union bound), or exactly. A bound >= 1
  // says nothing.
  virtual Coherence coherence(Index tokens, Index d, double beta) const = 0;

  // Least d for which coherence(tokens, d, beta).mu_plus <= mu (valid d only), or nullopt when there is none below
  // 2^20. tokens >= 1, 0 < beta < 1.
  std::optional<Index> least_dimension(Index tokens, double mu, double beta) const;

  // E S_i(tau) = E sum_{j != i} exp(-tau (|k_i|^2 - <k_i, k_j>)), the mean leak of a row over the coins; for a
  // deterministic family the exact mean over rows. nullopt where no closed form is known.
  virtual std::optional<double> mean_leak(Index tokens, Index d, double tau) const = 0;

 protected:
  // Least valid d' >= d for this N; any value >= 2^20 when there is none below. Families that exist for all d >= 1 keep
  // the default.
  virtual Index next_dimension(Index tokens, Index d) const;

  // The coherence bound of a random family falls with d, except for steps because its products lie on a lattice. How
  // many dimensions a step can set the bound back when it is near mu > 0.
  virtual double lattice_window(double mu) const { return 4 / mu; }

  // Empty when N >= 1 and d >= 1, which every family needs; otherwise the complaint.
  static std::string why_not_positive(Index tokens, Index d);
};

using Embeddings = core::Registry<Embedding>;

}  // namespace kvfrontier::geometry
