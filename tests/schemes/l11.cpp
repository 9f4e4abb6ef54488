// l11: projections on the l1 ball against examples and a slow root search, and what its sparse code keeps.

#include <cmath>
#include <numbers>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "schemes/codec/l1_projection.hpp"

namespace kvfrontier::tests::l11 {

using core::RowMatrixD;
using core::RowMatrixF;
using schemes::GroupProjection;
using schemes::Projection;
using schemes::SortedMagnitudes;

namespace {

// Soft thresholding of every row by its threshold.
RowMatrixD shrunk(const RowMatrixF& groups, const std::vector<double>& thresholds) {
  RowMatrixD out = groups.cast<double>();
  for (Index i = 0; i < out.rows(); ++i) {
    for (double& x : out.row(i)) x = std::copysign(std::max(std::abs(x) - thresholds[i], 0.0), x);
  }
  return out;
}

RowMatrixF matrix(Index rows, std::initializer_list<float> entries) {
  RowMatrixF list(rows, entries.size() / rows);
  std::copy(entries.begin(), entries.end(), list.data());
  return list;
}

RowMatrixD projected(const RowMatrixF& groups, Projection projection, double radius) {
  return shrunk(groups, GroupProjection(groups, projection).thresholds(radius));
}

RowMatrixD exact(const RowMatrixD& queries, const reduction::Instance& instance) {
  return attention::softmax_attention_oracle(queries, all_keys(instance).cast<double>().eval(),
                                             all_values(instance).cast<double>().eval());
}

// The published INDEX stream with values of a test's own; keys are public.
class OwnValues : public reduction::Instance {
 public:
  OwnValues(const reduction::InstanceParams& params, const reduction::TrialCoins& coins, RowMatrixF values)
      : Instance(params, coins), values_(std::move(values)) {}
  void values(Index first, core::RowsOutF out) const override { out = values_.middleRows(first, out.rows()); }
  core::Bits information_bits() const override { return 0; }

 private:
  RowMatrixF values_;
};

}  // namespace

TEST_CASE("projections on the l1 ball: worked examples", "[l11]") {
  CHECK(projected(matrix(1, {3, 1, 1}), Projection::flat, 2).isApprox(matrix(1, {2, 0, 0}).cast<double>()));
  CHECK(projected(matrix(1, {3, 1}), Projection::flat, 2).isApprox(matrix(1, {2, 0}).cast<double>()));
  CHECK(projected(matrix(1, {0.5f, -0.25f}), Projection::flat, 1) == matrix(1, {0.5f, -0.25f}).cast<double>());

  // The bi-level map is feasible and not the nearest point: squared distances 6 and 16/3.
  const RowMatrixF groups = matrix(2, {2, 2, 3, 0});
  const RowMatrixD bilevel = projected(groups, Projection::bilevel, 3), flat = projected(groups, Projection::flat, 3);
  CHECK(bilevel.isApprox(matrix(2, {1, 1, 1, 0}).cast<double>()));
  CHECK((bilevel - groups.cast<double>()).squaredNorm() == Approx(6));
  CHECK((flat - groups.cast<double>()).squaredNorm() == Approx(16.0 / 3));
  CHECK(flat.cwiseAbs().sum() == Approx(3));

  // Here they agree.
  const RowMatrixF even = matrix(2, {3, 1, 1, 1});
  CHECK(projected(even, Projection::bilevel, 3).isApprox(projected(even, Projection::flat, 3)));
}

// A point p of a convex set is the nearest to x if and only if <x - p, z - p> <= 0 for all z of the set. On the l1 ball
// a vertex is the worst z: radius |x - p|_inf <= <x - p, p>. No solver has to converge to show it.
TEST_CASE("the flat projection is the nearest point of the ball, the bi-level map is not", "[l11]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RowMatrixF groups = gaussian_rows(4 + seed, 5, seed);
    const double norm = groups.cwiseAbs().sum();
    for (const double share : {0.05, 0.3, 0.9}) {
      const double radius = share * norm;
      // How far the inequality is violated, and what the other map leaves.
      const auto excess = [&](Projection projection) {
        const RowMatrixD near = projected(groups, projection, radius), rest = groups.cast<double>() - near;
        CHECK(near.cwiseAbs().sum() <= radius * (1 + 1e-6));
        return radius * rest.cwiseAbs().maxCoeff() - rest.cwiseProduct(near).sum();
      };
      CAPTURE(seed, share);
      CHECK(excess(Projection::flat) < 1e-5 * norm);
      if (share == 0.3) CHECK(excess(Projection::bilevel) > 1e-4 * norm);
    }
  }
}

TEST_CASE("thresholds leave the radius, against a slow root search", "[l11]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RowMatrixF row = gaussian_rows(1, 1 + seed * 3, seed);
    const SortedMagnitudes magnitudes({row.data(), row.data() + row.size()});
    for (const double share : {0.0, 0.01, 0.3, 0.9, 1.0, 2.0}) {
      const double radius = share * magnitudes.norm();
      double low = 0, high = 10;
      for (int step = 0; step < 100; ++step) {
        const double middle = (low + high) / 2;
        double left = 0;
        for (const float x : row.reshaped()) left += std::max(std::abs(x) - middle, 0.0);
        (left > radius ? low : high) = middle;
      }
      CAPTURE(seed, share);
      CHECK(magnitudes.threshold(radius) == Approx(high).margin(1e-9));
      Index above = 0;
      for (const float x : row.reshaped()) above += std::abs(x) > magnitudes.threshold(radius);
      CHECK(magnitudes.count_above(magnitudes.threshold(radius)) == above);
    }
    CHECK(magnitudes.count_above(magnitudes.threshold(0)) == 0);
  }
}

TEST_CASE("the bi-level map keeps the norm at the radius and drops small groups whole", "[l11]") {
  RowMatrixF groups = gaussian_rows(12, 5, 7);
  groups.topRows(4) *= 0.05f;
  const GroupProjection projection(groups, Projection::bilevel);
  const RowMatrixD out = shrunk(groups, projection.thresholds(0.4 * projection.norm()));
  CHECK(out.cwiseAbs().sum() == Approx(0.4 * projection.norm()));
  CHECK(out.topRows(4).isZero(0));
  CHECK_FALSE(out.bottomRows(8).isZero(0));
  for (const auto threshold : projection.thresholds(0)) CHECK(threshold > 0);
  for (Index group = 0; group < 12; ++group) CHECK(projection.count_above(group, projection.thresholds(0)[group]) == 0);
}

TEST_CASE("a field of one frequency a map costs one atom", "[l11]") {
  const auto params = instance_params(sides({8, 16}), 6);
  RowMatrixF values(64, 6);
  for (Index i = 0; i < 64; ++i) {
    const double row = i / 8, column = i % 8;
    const double wave =
        std::cos(std::numbers::pi * 2 * (2 * row + 1) / 16) * std::cos(std::numbers::pi * (2 * column + 1) / 16);
    for (Index c = 0; c < 6; ++c) values(i, c) = (1 + c) * wave;
  }
  const OwnValues instance(params, reduction::TrialCoins::derive(5, params, 0), values);
  const RowMatrixD queries = 6 * all_keys(instance).cast<double>(), truth = exact(queries, instance);
  // Six coefficients of 8 bits, their places (at most 64 + 6 bits), and room to spare.
  Json options = {{"bits", 0.4}, {"keys", "public"}};
  const auto off = [&] {
    return (answers_of(params_of(instance, "l11", options, 6), instance, queries) - truth).norm() / truth.norm();
  };
  // Largest coefficient over 127 levels, half a step each way; the smallest is a sixth of it.
  CHECK(off() < 6 * 0.5 / 127);
  // All other frequencies are rounding noise of single precision, so the shrunken ones lose little.
  options["refit"] = "none";
  CHECK(off() < 0.05);
  options["refit"] = "ls";
  options["dictionary"] = "rotation";
  CHECK(off() > 0.1);
}

TEST_CASE("with room for all coefficients every value is within its step", "[l11]") {
  const auto instance = index_instance(instance_params(geometry::Schedule::named("doubling", 8), 9), 3);
  const RowMatrixD queries = 200 * all_keys(*instance).cast<double>(), truth = exact(queries, *instance);
  for (const char* dictionary : {"dct", "rotation"}) {
    for (const char* projection : {"bilevel", "flat"}) {
      CAPTURE(dictionary, projection);
      const Json options = {{"bits", 18.0},
                            {"coefficient_bits", 16},
                            {"keys", "public"},
                            {"dictionary", dictionary},
                            {"projection", projection}};
      const RowMatrixD answers = answers_of(params_of(*instance, "l11", options, 200), *instance, queries);
      // Coefficients of a map of 16 ones reach 4 and of a row of 9 reach 3: steps of 4/32767, sums of at most 16 of
      // them.
      CHECK((answers - truth).cwiseAbs().maxCoeff() < 16 * 0.5 * 4 / 32767.0 + 1e-5);
    }
  }
}

TEST_CASE("smooth fields need fewer bits than white ones", "[l11]") {
  const auto params = instance_params(sides({16, 32}), 4);
  RowMatrixF smooth(256, 4);
  for (Index i = 0; i < 256; ++i) {
    for (Index c = 0; c < 4; ++c) smooth(i, c) = std::sin(0.2 * (i / 16) + c) + std::cos(0.15 * (i % 16));
  }
  const auto off = [&](const RowMatrixF& values) {
    const OwnValues instance(params, reduction::TrialCoins::derive(5, params, 0), values);
    const RowMatrixD queries = 20 * all_keys(instance).cast<double>(), truth = exact(queries, instance);
    const auto play_params = params_of(instance, "l11", {{"bits", 1.0}, {"keys", "public"}}, 20);
    return (answers_of(play_params, instance, queries) - truth).norm() / truth.norm();
  };
  CHECK(off(smooth) < 0.1 * off(gaussian_rows(256, 4, 3)));
}

}  // namespace kvfrontier::tests::l11
