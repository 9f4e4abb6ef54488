#pragma once
// What several claims measure with: keys of a trial, the margins of a row, worst-case decoding of one row, jackknife.

#include <array>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "analysis/measuring_claim.hpp"
#include "attention/attention.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "theory/leak.hpp"
#include "theory/scaling.hpp"

namespace kvfrontier::experiments {

// The families of keys that claims about the leak compare.
enum class KeyFamily { sphere, rademacher };

}  // namespace kvfrontier::experiments

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::KeyFamily> {
  static constexpr std::array names{"sphere", "rademacher"};
};

namespace kvfrontier::experiments {

using core::Index;

// The member `embedding` of a claim's parameters P, and the family that it names.
template <class P>
core::Member<P> family_member(KeyFamily P::*place) {
  return core::member("embedding", place, "family of keys");
}
inline const geometry::Embedding& keys_of(KeyFamily family) {
  return geometry::Embeddings::find(core::enum_name(family), "embedding");
}

// The coins of a trial for keys of a family: drawn from (seed, embedding, N, d, trial), so points that differ in anything
// else share them.
inline core::Coins trial_coins(const analysis::Turn& turn, const geometry::Embedding& family, Index tokens, Index d,
                               const char* role = "public") {
  return turn.coins(core::Json{{"embedding", family.name()}, {"tokens", tokens}, {"d", d}}.dump(), role);
}

// The keys themselves: tokens x d.
inline core::RowMatrixF trial_keys(const analysis::Turn& turn, const geometry::Embedding& family, Index tokens,
                                   Index d) {
  core::RowMatrixF keys(tokens, d);
  family.rows(trial_coins(turn, family, tokens, d), tokens, 0, keys);
  return keys;
}

// The turn of one of several draws of the keys in a trial.
inline analysis::Turn draw_of(const analysis::Turn& turn, Index draw) {
  return {turn.seed, turn.trial * 1'000'000 + draw, turn.policy};
}

inline std::vector<Index> drawn_rows(core::Coins coins, Index tokens, Index count) {
  core::Stream stream(coins, core::Purpose("queried rows"), 0);
  boost::random::uniform_int_distribution<Index> any(0, tokens - 1);
  std::vector<Index> rows(count);
  for (auto& row : rows) row = any(stream);
  return rows;
}

// |k_i|^2 - <k_i, k_j> over j != i.
inline std::vector<double> row_margins(const core::RowMatrixD& keys, Index i) {
  const Eigen::VectorXd products = keys * keys.row(i).transpose();
  std::vector<double> margins;
  margins.reserve(keys.rows());
  for (Index j = 0; j < keys.rows(); ++j) {
    if (j != i) margins.push_back(products[i] - products[j]);
  }
  return margins;
}

inline double leak_of(const std::vector<double>& margins, double tau) {
  double leak = 0;
  for (const double margin : margins) leak += std::exp(-tau * margin);
  return leak;
}

// Whether the threshold decoder reads row i off exact attention for the two worst value columns, ones in row i and
// zeros elsewhere and the complement, when the answer is then moved by a factor 1 -+ eta and the logits by -+
// `logit_error`, all against it. The query is tau k_i; keys of the cache may differ from the query's.
inline bool worst_case_decodes(const core::RowMatrixD& keys, core::RowsViewD query_key, Index i, double tau, double eta,
                               double logit_error = 0) {
  core::RowMatrixD values(keys.rows(), 2);
  values.col(0).setZero();
  values.col(1).setOnes();
  values(i, 0) = 1;
  values(i, 1) = 0;
  std::vector<double> log_weights(keys.rows(), logit_error);
  log_weights[i] = -logit_error;
  const core::RowMatrixD query = tau * query_key;
  attention::SoftmaxAttention<double> attention(query, 2);
  attention.absorb(keys, values, log_weights.data());
  const core::RowMatrixD answer = attention.result();
  const double threshold = theory::error_threshold(eta);
  return (1 - eta) * answer(0, 0) > threshold && !((1 + eta) * answer(0, 1) > threshold);
}

// Bits that the decoder with threshold 1/2 reads wrong off these answers; both matrices have the same shape.
inline double wrong_bits(core::RowsViewD answers, core::RowsViewD bits) {
  return ((answers.array() > 0.5) != (bits.array() > 0.5)).count();
}

// Pseudo-values of a statistic of T trials, where `statistic` takes the trial that is left out (T: none): their mean
// and Student t are its bias-corrected estimate and interval (Tukey).
inline std::vector<double> jackknife(std::size_t trials, const std::function<double(std::size_t)>& statistic) {
  const double whole = statistic(trials), count = trials;
  if (trials < 2) return {whole};
  std::vector<double> values;
  for (std::size_t t = 0; t < trials; ++t) values.push_back(count * whole - (count - 1) * statistic(t));
  return values;
}

}  // namespace kvfrontier::experiments
