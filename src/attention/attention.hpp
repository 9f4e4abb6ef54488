#pragma once
// Exact softmax attention for many queries over N tokens: fused and blocked with a running maximum and sum, without
// ever forming an nq x N matrix. Attn(q; K, V) = sum_j p_j v_j with p_j proportional to exp(<q, k_j> + b_j).

#include "core/matrix.hpp"

namespace kvfrontier::attention {

using core::Index;

// Absorbs tokens block by block in any order and answers for all queries at once, so keys can be regenerated as they
// are needed. Scalar = float or double; sums are kept in Scalar. The scaling tau is part of the queries.
//
// The answer is a function of the queries and of the sequence of tokens, to the last bit. It does not depend on how the
// sequence is cut into calls of absorb(), nor on `threads`. (Another order of the tokens changes the last bits.)
// A weight below exp(-50) of the largest one (exp(-300) in double) counts as exp(-50) = 2e-22, so no sum is denormal.
template <class Scalar>
class SoftmaxAttention {
 public:
  // queries: nq x d. value_width: columns of V.
  SoftmaxAttention(core::RowsView<Scalar> queries, Index value_width, int threads = 1);

  // keys: count x d, values: count x value_width. log_weights: null, or `count` additive logits b_j (log
  // multiplicities; -infinity for a token of no weight). The views need not outlive the call.
  void absorb(core::RowsView<Scalar> keys, core::RowsView<Scalar> values, const Scalar* log_weights = nullptr);

  // nq x value_width. Rows of zeros when nothing was absorbed.
  core::RowMatrix<Scalar> result() const;

  // Log of the partition function sum_j exp(<q, k_j> + b_j) per query; -infinity when nothing was absorbed.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> log_partition() const;

 private:
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  struct Sums {
    core::RowMatrix<Scalar> weighted_values;  // nq x value_width, weights relative to `maximum`
    Vector maximum, weights;                  // per query: largest logit so far, sum of weights relative to it
  };

  void add(Sums& sums, core::RowsView<Scalar> keys, core::RowsView<Scalar> values, const Scalar* log_weights) const;
  Sums complete() const;

  core::RowMatrix<Scalar> queries_;
  Sums sums_;
  // Tokens that do not fill a tile yet. Tiles start at fixed places of the sequence, so the answer does not depend on
  // the cuts, and a stream of small blocks is as fast as one call.
  core::RowMatrix<Scalar> pending_keys_, pending_values_;
  Vector pending_log_weights_;
  Index pending_ = 0;
  int threads_;
};

// One call: queries nq x d, keys N x d, values N x dv -> nq x dv.
template <class Scalar>
core::RowMatrix<Scalar> softmax_attention(core::RowsView<Scalar> queries, core::RowsView<Scalar> keys,
                                          core::RowsView<Scalar> values, int threads = 1);

// The oracle: three plain loops in double with the maximum subtracted, O(N) memory per query.
core::RowMatrixD softmax_attention_oracle(core::RowsViewD queries, core::RowsViewD keys, core::RowsViewD values,
                                          const double* log_weights = nullptr);

}  // namespace kvfrontier::attention
