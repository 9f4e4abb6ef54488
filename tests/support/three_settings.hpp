#pragma once
// Three streams of 1024 tokens of width 64 on which schemes of the literature are compared, from keys that nothing can
// be merged of to keys of low dimension, and the mean relative error of a scheme's answers on them.

#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "attention/attention.hpp"
#include "game.hpp"

namespace kvfrontier::tests {

enum class Tokens { near_orthogonal, clustered, low_dimensional };

struct Setting {
  core::RowMatrixF keys, values;
  core::RowMatrixD queries;
  double tau;
};

// near_orthogonal: random signs as unit keys, values of random signs, queries 16 k_i. clustered: 16 centres on the
// sphere, keys at offset 0.1 before they are normalised, the centre's random signs plus 0.3 N(0,1) as values, queries
// 16 times a centre. low_dimensional: keys uniform on the sphere of a random 4-dimensional subspace, values of random
// signs, queries 8 k_i. 200 queries each.
inline Setting drawn_setting(Tokens kind, std::uint64_t seed) {
  constexpr Index tokens = 1024, d = 64, queries = 200, clusters = 16;
  core::Stream coins({seed}, core::Purpose("tests/three settings"), static_cast<std::uint64_t>(kind));
  boost::random::normal_distribution<float> normal;
  const auto gaussian = [&](Index rows, Index columns) {
    core::RowMatrixF matrix(rows, columns);
    for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = normal(coins);
    return matrix;
  };
  const auto signs = [&](Index rows) {
    return core::RowMatrixF(gaussian(rows, d).unaryExpr([](float x) { return x < 0 ? -1.0f : 1.0f; }));
  };
  const auto unit = [](core::RowMatrixF rows) {
    rows.rowwise().normalize();
    return rows;
  };
  Setting setting;
  core::RowMatrixF asked;
  if (kind == Tokens::clustered) {
    const core::RowMatrixF centres = unit(gaussian(clusters, d)), offsets = unit(gaussian(tokens, d)),
                           of_cluster = signs(clusters), noise = gaussian(tokens, d);
    setting.keys.resize(tokens, d);
    setting.values.resize(tokens, d);
    for (Index i = 0; i < tokens; ++i) {
      const Index c = static_cast<Index>(coins.next64() % clusters);
      setting.keys.row(i) = (centres.row(c) + 0.1f * offsets.row(i)).normalized();
      setting.values.row(i) = of_cluster.row(c) + 0.3f * noise.row(i);
    }
    asked = centres;
  } else {
    if (kind == Tokens::near_orthogonal) {
      setting.keys = unit(signs(tokens));
    } else {
      // Orthonormal rows, so that the keys are uniform on their sphere.
      core::RowMatrixF basis = gaussian(4, d);
      for (Index i = 0; i < 4; ++i) {
        for (Index j = 0; j < i; ++j) basis.row(i) -= basis.row(i).dot(basis.row(j)) * basis.row(j);
        basis.row(i).normalize();
      }
      setting.keys = unit(gaussian(tokens, 4)) * basis;
    }
    setting.values = signs(tokens);
    asked = setting.keys;
  }
  setting.tau = kind == Tokens::low_dimensional ? 8 : 16;
  setting.queries.resize(queries, d);
  for (Index i = 0; i < queries; ++i) {
    const Index row = static_cast<Index>(coins.next64() % static_cast<std::uint64_t>(asked.rows()));
    setting.queries.row(i) = setting.tau * asked.row(row).cast<double>();
  }
  return setting;
}

struct Comparison {
  double relative_error, bits_per_token;
};

// Means over 20 seeds of |z - z*|/|z*| and of message bits a token.
inline Comparison compare(Tokens kind, const std::string& scheme, const Json& options) {
  constexpr std::uint64_t seeds = 20;
  Comparison mean{0, 0};
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const Setting setting = drawn_setting(kind, seed);
    const auto instance = given_instance(sides({32, 64}), setting.keys, setting.values, seed);
    const auto params = params_of(instance, scheme, options, setting.tau);
    const auto message = simulator::encode(params, instance);
    const core::RowMatrixD answers =
        simulator::ask_bob(params, message.bits, setting.queries, {simulator::Isolation::never, 60});
    const core::RowMatrixD exact = attention::softmax_attention<double>(
        setting.queries, setting.keys.cast<double>().eval(), setting.values.cast<double>().eval());
    const Eigen::ArrayXd errors = (answers - exact).rowwise().norm().array() / exact.rowwise().norm().array();
    mean.relative_error += errors.mean() / seeds;
    mean.bits_per_token += static_cast<double>(message.bits.size) / 1024 / seeds;
  }
  return mean;
}

}  // namespace kvfrontier::tests
