#include "attention/attention.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "attention/wide_kernel.hpp"

namespace kvfrontier::attention {
namespace {

// A tile of scores (128 x 256 floats, 128 KiB) and its keys and values stay in the second-level cache. The sizes are
// constants, so the order of every sum is the same on every machine that uses the same kernel.
constexpr Index query_tile = 128;
constexpr Index key_tile = 256;

// Least exponent of a weight relative to the largest one. It keeps denormals, which are some twenty times slower, out
// of the sums: exp must stay normal, and so must what is left when weights times values of both signs cancel. N times
// such a weight is still far below the rounding of a sum that is at least 1.
template <class Scalar>
constexpr Scalar least_exponent = sizeof(Scalar) == sizeof(float) ? Scalar(-50) : Scalar(-300);

template <class Scalar>
constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();

// SoftmaxAttention<float>::add with the kernels of wide_kernel.hpp. Every thread packs the tile of tokens for itself;
// its share of the queries makes this worthwhile.
void add_wide(const core::RowMatrixF& queries, core::RowsViewF keys, core::RowsViewF values, const float* log_weights,
              int threads, core::RowMatrixF& sums, Eigen::VectorXf& maximum, Eigen::VectorXf& weights) {
  constexpr Index together = 96;  // the scores of this many queries stay in the second-level cache
  const Index d = queries.cols(), width = values.cols(), groups = (queries.rows() + together - 1) / together;
  const int team = std::clamp<Index>(threads, 1, std::max<Index>(groups, 1));
#pragma omp parallel num_threads(team)
  {
    std::vector<float> packed_keys(wide::panels_of(key_tile) * wide::panel * d),
        packed_values(wide::panels_of(width) * wide::panel * key_tile), scores(together * key_tile);
    for (Index start = 0; start < keys.rows(); start += key_tile) {
      const Index count = std::min(key_tile, keys.rows() - start);
      wide::pack_transposed(keys.row(start).data(), keys.outerStride(), d, count, packed_keys.data());
      wide::pack(values.row(start).data(), values.outerStride(), count, width, packed_values.data());
#pragma omp for schedule(static) nowait
      for (Index group = 0; group < groups; ++group) {
        const Index first = group * together, rows = std::min(together, queries.rows() - first);
        wide::multiply(queries.row(first).data(), d, rows, packed_keys.data(), d, count, scores.data(), key_tile);
        wide::weigh(scores.data(), key_tile, rows, count, log_weights ? log_weights + start : nullptr,
                    least_exponent<float>, maximum.data() + first, weights.data() + first, sums.row(first).data(),
                    width, width);
        wide::multiply_add(scores.data(), key_tile, rows, packed_values.data(), count, width, sums.row(first).data(),
                           width);
      }
    }
  }
}

}  // namespace

template <class Scalar>
SoftmaxAttention<Scalar>::SoftmaxAttention(core::RowsView<Scalar> queries, Index value_width, int threads)
    : queries_(queries),
      sums_{core::RowMatrix<Scalar>::Zero(queries.rows(), value_width),
            Vector::Constant(queries.rows(), -infinity<Scalar>), Vector::Zero(queries.rows())},
      pending_keys_(key_tile, queries.cols()),
      pending_values_(key_tile, value_width),
      pending_log_weights_(key_tile),
      threads_(std::max(threads, 1)) {}

template <class Scalar>
void SoftmaxAttention<Scalar>::absorb(core::RowsView<Scalar> keys, core::RowsView<Scalar> values,
                                      const Scalar* log_weights) {
  assert(keys.rows() == values.rows() && keys.cols() == queries_.cols());
  assert(values.cols() == sums_.weighted_values.cols());
  Index next = 0;
  const auto hold = [&](Index count) {
    pending_keys_.middleRows(pending_, count) = keys.middleRows(next, count);
    pending_values_.middleRows(pending_, count) = values.middleRows(next, count);
    for (Index i = 0; i < count; ++i) {
      pending_log_weights_[pending_ + i] = log_weights ? log_weights[next + i] : Scalar(0);
    }
    pending_ += count;
    next += count;
  };

  if (pending_ > 0) {
    hold(std::min(key_tile - pending_, keys.rows()));
    if (pending_ < key_tile) return;
    add(sums_, pending_keys_, pending_values_, pending_log_weights_.data());
    pending_ = 0;
  }
  const Index whole = (keys.rows() - next) / key_tile * key_tile;
  if (whole > 0) {
    add(sums_, keys.middleRows(next, whole), values.middleRows(next, whole),
        log_weights ? log_weights + next : nullptr);
    next += whole;
  }
  hold(keys.rows() - next);
}

template <class Scalar>
void SoftmaxAttention<Scalar>::add(Sums& sums, core::RowsView<Scalar> keys, core::RowsView<Scalar> values,
                                   const Scalar* log_weights) const {
  if constexpr (std::is_same_v<Scalar, float>) {
    if (wide::at_hand()) {
      add_wide(queries_, keys, values, log_weights, threads_, sums.weighted_values, sums.maximum, sums.weights);
      return;
    }
  }
  const Index queries = queries_.rows();
  const Index tiles = (queries + query_tile - 1) / query_tile;
  const int threads = std::min<Index>(threads_, tiles);
#pragma omp parallel num_threads(std::max(threads, 1))
  {
    core::RowMatrix<Scalar> buffer(std::min(query_tile, queries), std::min(key_tile, keys.rows()));
#pragma omp for schedule(static)
    for (Index tile = 0; tile < tiles; ++tile) {
      const Index first = tile * query_tile;
      const Index rows = std::min(query_tile, queries - first);
      const auto tile_queries = queries_.middleRows(first, rows);
      auto tile_sums = sums.weighted_values.middleRows(first, rows);
      for (Index start = 0; start < keys.rows(); start += key_tile) {
        const Index count = std::min(key_tile, keys.rows() - start);
        auto scores = buffer.topLeftCorner(rows, count);
        scores.noalias() = tile_queries * keys.middleRows(start, count).transpose();
        if (log_weights) {
          scores.rowwise() += Eigen::Map<const Vector>(log_weights + start, count).transpose();
        }
        for (Index r = 0; r < rows; ++r) {
          auto row = scores.row(r);
          Scalar& maximum = sums.maximum[first + r];
          const Scalar largest = row.maxCoeff();
          if (largest > maximum) {
            // The maximum of a random sequence changes O(log N) times, so this is not the hot path.
            const Scalar change = maximum - largest;
            const Scalar factor = change > least_exponent<Scalar> ? std::exp(change) : Scalar(0);
            sums.weights[first + r] *= factor;
            tile_sums.row(r) *= factor;
            maximum = largest;
          }
          if (maximum == -infinity<Scalar>) {
            row.setZero();
            continue;
          }
          row = (row.array() - maximum).max(least_exponent<Scalar>).exp();
          sums.weights[first + r] += row.sum();
        }
        tile_sums.noalias() += scores * values.middleRows(start, count);
      }
    }
  }
}

template <class Scalar>
typename SoftmaxAttention<Scalar>::Sums SoftmaxAttention<Scalar>::complete() const {
  Sums sums = sums_;
  if (pending_ > 0) {
    add(sums, pending_keys_.topRows(pending_), pending_values_.topRows(pending_), pending_log_weights_.data());
  }
  return sums;
}

template <class Scalar>
core::RowMatrix<Scalar> SoftmaxAttention<Scalar>::result() const {
  Sums sums = complete();
  for (Index i = 0; i < sums.weighted_values.rows(); ++i) {
    if (sums.weights[i] > 0) sums.weighted_values.row(i) /= sums.weights[i];
  }
  return std::move(sums.weighted_values);
}

template <class Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, 1> SoftmaxAttention<Scalar>::log_partition() const {
  const Sums sums = complete();
  Vector logs(sums.weights.size());
  for (Index i = 0; i < logs.size(); ++i) {
    logs[i] = sums.weights[i] > 0 ? sums.maximum[i] + std::log(sums.weights[i]) : -infinity<Scalar>;
  }
  return logs;
}

template <class Scalar>
core::RowMatrix<Scalar> softmax_attention(core::RowsView<Scalar> queries, core::RowsView<Scalar> keys,
                                          core::RowsView<Scalar> values, int threads) {
  SoftmaxAttention<Scalar> attention(queries, values.cols(), threads);
  attention.absorb(keys, values);
  return attention.result();
}

template class SoftmaxAttention<float>;
template class SoftmaxAttention<double>;
template core::RowMatrix<float> softmax_attention(core::RowsView<float>, core::RowsView<float>, core::RowsView<float>,
                                                  int);
template core::RowMatrix<double> softmax_attention(core::RowsView<double>, core::RowsView<double>,
                                                   core::RowsView<double>, int);

core::RowMatrixD softmax_attention_oracle(core::RowsViewD queries, core::RowsViewD keys, core::RowsViewD values,
                                          const double* log_weights) {
  core::RowMatrixD outputs = core::RowMatrixD::Zero(queries.rows(), values.cols());
  std::vector<double> logits(keys.rows());
  for (Index q = 0; q < queries.rows(); ++q) {
    double maximum = -infinity<double>;
    for (Index j = 0; j < keys.rows(); ++j) {
      double logit = log_weights ? log_weights[j] : 0;
      for (Index c = 0; c < keys.cols(); ++c) logit += queries(q, c) * keys(j, c);
      logits[j] = logit;
      maximum = std::max(maximum, logit);
    }
    double sum = 0;
    for (Index j = 0; j < keys.rows() && maximum > -infinity<double>; ++j) {
      const double weight = std::exp(logits[j] - maximum);
      sum += weight;
      for (Index c = 0; c < values.cols(); ++c) outputs(q, c) += weight * values(j, c);
    }
    for (Index c = 0; c < values.cols() && sum > 0; ++c) outputs(q, c) /= sum;
  }
  return outputs;
}

}  // namespace kvfrontier::attention
