// Instance families: what Alice holds, what Bob asks, and when he reads it.

#include <Eigen/Cholesky>
#include <Eigen/SVD>
#include <cmath>
#include <numeric>
#include <set>

#include "../support/catch.hpp"
#include "attention/attention.hpp"
#include "core/errors.hpp"
#include "geometry/resize.hpp"
#include "reduction/certificate.hpp"
#include "simulator/decoding.hpp"
#include "theory/leak.hpp"

using namespace kvfrontier;
using core::Index;
using core::Json;

namespace {

reduction::InstanceParams params_of(const std::string& family, Json options,
                                    geometry::Schedule schedule = geometry::Schedule::named("doubling", 16),
                                    Index d = 32) {
  reduction::InstanceParams params;
  params.family = family;
  params.options = reduction::InstanceFamilies::find(family, "").options().resolve(options, "");
  params.schedule = std::move(schedule);
  params.d = d;
  return params;
}

double sum(const std::vector<double>& list) {
  return std::accumulate(list.begin(), list.end(), 0.0);
}

struct Drawn {
  std::unique_ptr<reduction::Instance> instance;
  core::RowMatrixF keys, values;
  explicit Drawn(const reduction::InstanceParams& params, std::uint64_t trial = 0)
      : instance(reduction::make_instance(params, reduction::TrialCoins::derive(5, params, trial))) {
    keys.resize(params.tokens(), params.d);
    values.resize(params.tokens(), params.d);
    instance->keys(0, keys);
    instance->values(0, values);
  }
  // Row errors of exact answers to `rows` at scaling tau, read at the thresholds of tolerance eta.
  double wrong(double tau, double eta, const std::vector<Index>& rows) const {
    core::RowMatrixD queries(std::ssize(rows), keys.cols()), truth = queries;
    for (Index i = 0; i < std::ssize(rows); ++i) {
      queries.row(i) = tau * keys.row(rows[i]).cast<double>();
      truth.row(i) = values.row(rows[i]).cast<double>();
    }
    const core::RowMatrixD exact =
        attention::softmax_attention_oracle(queries, keys.cast<double>(), values.cast<double>());
    return sum(simulator::row_errors(exact, truth, eta, instance->value_bits()));
  }
  double tau(double eta) const {
    return reduction::certified_tau(reduction::certify(*instance), *instance, eta, 500).value();
  }
};

}  // namespace

TEST_CASE("families: any block of rows is the same rows") {
  for (const auto& name : reduction::InstanceFamilies::names()) {
    const Drawn drawn(params_of(name, Json::object(), geometry::Schedule("sides", {2, 4, 8, 9})));
    core::RowMatrixF part(7, 32);
    drawn.instance->values(5, part);
    CAPTURE(name);
    CHECK(part == drawn.values.middleRows(5, 7));
    drawn.instance->keys(5, part);
    CHECK(part == drawn.keys.middleRows(5, 7));
  }
}

TEST_CASE("families: certified exact answers have no wrong bit, at either threshold") {
  const struct {
    const char* name;
    Json options;
    double eta;
  } cases[] = {{"index", {}, 0.5},
               {"bbit", {{"bits", 3}}, 0.05},
               {"worst_case", {}, 0.5},
               {"clustered", {{"clusters", 9}}, 0.5},
               {"windowed", {}, 0.5},
               {"interpolated", {{"resize", "area"}}, 0.5},
               {"interpolated", {{"resize", "bicubic"}}, 0.3}};
  for (const auto& test : cases) {
    for (std::uint64_t trial = 0; trial < 4; ++trial) {
      const Drawn drawn(params_of(test.name, test.options.is_null() ? Json::object() : test.options,
                                  geometry::Schedule("sides", {3, 6, 12, 13})),
                        trial);
      const auto rows = drawn.instance->queried_rows(60);
      const double tau = drawn.tau(test.eta);
      CAPTURE(test.name, trial);
      CHECK(drawn.wrong(tau, 0, rows) == 0);
      CHECK(drawn.wrong(tau, test.eta, rows) == 0);
    }
  }
}

TEST_CASE("worst_case: the threshold is sharp") {
  for (std::uint64_t trial = 0; trial < 6; ++trial) {
    const Drawn drawn(params_of("worst_case", Json::object()), trial);
    const auto rows = drawn.instance->queried_rows(3);
    CHECK(std::set<Index>(rows.begin(), rows.end()).size() == 1);
    CHECK(drawn.values(rows[0], 0) == (trial % 2 == 0 ? 1.0f : 0.0f));
    CHECK(drawn.values.cast<double>().sum() == (trial % 2 == 0 ? 32.0 : 32.0 * (drawn.values.rows() - 1)));
    // The row's own critical scaling, S = 1, by bisection on its exact leak.
    double low = 0, high = 100;
    for (int step = 0; step < 60; ++step) {
      const double tau = (low + high) / 2;
      double leak = -1;
      for (Index j = 0; j < drawn.keys.rows(); ++j) {
        leak += std::exp(-tau * drawn.keys.row(rows[0]).cast<double>().dot(
                                    (drawn.keys.row(rows[0]) - drawn.keys.row(j)).cast<double>()));
      }
      (leak > 1 ? low : high) = tau;
    }
    CHECK(drawn.wrong(low * 0.99, 0, rows) == 3);
    CHECK(drawn.wrong(high * 1.01, 0, rows) == 0);
  }
  CHECK(Drawn(params_of("worst_case", Json::object())).instance->information_bits() == 0);
}

TEST_CASE("bbit: all levels, N d b bits") {
  const Drawn drawn(params_of("bbit", {{"bits", 3}}));
  CHECK(drawn.instance->information_bits() == 85 * 32 * 3);
  std::array<int, 8> counts{};
  for (Index i = 0; i < drawn.values.size(); ++i) {
    const double level = drawn.values.data()[i] * 7;
    REQUIRE(std::abs(level - std::round(level)) < 1e-6);
    ++counts[std::lround(level)];
  }
  for (const int count : counts) CHECK(std::abs(count - 340) < 6 * std::sqrt(340.0 * 7 / 8));
  CHECK_FALSE(drawn.instance->leak_threshold(0.5) > 0);
  CHECK(drawn.instance->leak_threshold(0) == Approx(1.0 / 7));
}

TEST_CASE("decode: a slip to a neighbouring level is one wrong bit") {
  core::RowMatrixD values(1, 4), answers(1, 4);
  values << 0, 1.0 / 3, 2.0 / 3, 1;
  answers << 0.3, 0.6, 0.9, 0.99;  // read as 1, 2, 3, 3 of 4 levels
  CHECK(sum(simulator::row_errors(answers, values, 0, 2)) == Approx(3.0 / 8));
  // Thresholds are multiples of 1/4: middles between grid values would read the first and the last wrong here.
  answers << 0.24, 0.26, 0.51, 0.76;
  CHECK(sum(simulator::row_errors(answers, values, 0, 2)) == 0);
  CHECK(simulator::ties(answers, 0) == 0);
}

TEST_CASE("decode: rows within eta") {
  core::RowMatrixD values(3, 2), exact(3, 2), answers(3, 2);
  values << 1, 0, 1, 0, 1, 0;
  exact << 0.9, 0.1, 0.9, 0.1, 0.3, 0.1;  // the last row leaks too much
  answers << 0.8, 0.11, 0.4, 0.1, 0.3, 0.1;
  const auto within = simulator::within_eta(answers, values, exact, 0.2, 1);
  CHECK(within.rows == 2);
  CHECK(within.wrong == 1);
}

TEST_CASE("clustered: bits shared, classes structural, clusters equally likely") {
  const Drawn drawn(params_of("clustered", {{"clusters", 9}, {"radius", 0.2}}));
  CHECK(drawn.instance->information_bits() == 9 * 32);
  const auto classes = drawn.instance->classes();
  const Index tokens = drawn.keys.rows();
  double margin = 1e9;
  for (Index i = 0; i < tokens; ++i) {
    CHECK(drawn.keys.row(i).norm() == Approx(1).epsilon(1e-6));
    Index others = 0;
    for (Index j = 0; j < tokens; ++j) {
      const bool same = classes[i] == classes[j];
      if (same) CHECK(drawn.values.row(i) == drawn.values.row(j));
      if (!same) margin = std::min(margin, static_cast<double>(1 - drawn.keys.row(i).dot(drawn.keys.row(j))));
      others += !same;
    }
    CHECK(others <= drawn.instance->competitors());
  }
  CHECK(reduction::certify(*drawn.instance).margin == Approx(margin).margin(1e-5));
  std::array<int, 9> counts{};
  for (const Index row : drawn.instance->queried_rows(9000)) ++counts[classes[row]];
  for (const int count : counts) CHECK(std::abs(count - 1000) < 6 * std::sqrt(1000.0));
  const auto params = params_of("clustered", {{"clusters", 100}});
  CHECK_THROWS_AS(reduction::InstanceFamilies::find("clustered", "").check(params, "instance"), core::ConfigError);
}

TEST_CASE("windowed: rows of the window only") {
  const auto params = params_of("windowed", {{"scales", 2}});
  const Drawn drawn(params);
  CHECK(drawn.instance->information_bits() == (16 + 64) * 32);
  std::set<Index> asked;
  for (const Index row : drawn.instance->queried_rows(4000)) asked.insert(row);
  CHECK(*asked.begin() == 5);
  CHECK(asked.size() == 80);
  CHECK(Drawn(params_of("windowed", {{"tokens", 7}})).instance->information_bits() == 7 * 32);
  CHECK_THROWS_AS(
      reduction::InstanceFamilies::find("windowed", "").check(params_of("windowed", {{"scales", 5}}), "instance"),
      core::ConfigError);
}

TEST_CASE("interpolated: each map is the resized map before it") {
  for (const auto mode : {geometry::Resizing::bicubic, geometry::Resizing::area}) {
    const Drawn drawn(
        params_of("interpolated", {{"resize", core::enum_name(mode)}}, geometry::Schedule("sides", {3, 5, 8, 9})));
    CHECK(drawn.instance->information_bits() == 9 * 32);
    const core::RowMatrixD first = drawn.values.topRows(9).cast<double>();
    const core::RowMatrixD second = geometry::resize_map(mode, first, 3, 5),
                           third = geometry::resize_map(mode, second, 5, 8);
    CHECK((drawn.values.middleRows(9, 25).cast<double>() - second).cwiseAbs().maxCoeff() < 1e-6);
    CHECK((drawn.values.bottomRows(64).cast<double>() - third).cwiseAbs().maxCoeff() < 1e-6);
    for (const Index row : drawn.instance->queried_rows(100)) CHECK(row < 9);
    // No other row can hold values outside [1 - w, w].
    const double leak = drawn.instance->leak_threshold(0), width = (1 + 1 / leak) / 2;
    CHECK(drawn.values.maxCoeff() <= width + 1e-6);
    CHECK(drawn.values.minCoeff() >= 1 - width - 1e-6);
  }
}

TEST_CASE("certified_tau: Bob's own zero tokens compete") {
  const Drawn drawn(params_of("index", Json::object()));
  const auto certificate = reduction::certify(*drawn.instance);
  const double plain = *reduction::certified_tau(certificate, *drawn.instance, 0.5, 500),
               with = *reduction::certified_tau(certificate, *drawn.instance, 0.5, 500, 256);
  CHECK(plain == *reduction::certified_tau(certificate.margin, drawn.keys.rows(), 0.5, 500));
  CHECK(with / plain == Approx(std::log(3 * (84.0 + 256)) / std::log(3 * 84.0)).epsilon(1e-9));
  // One cached token: only the zero tokens compete.
  const Drawn one(params_of("index", Json::object(), geometry::Schedule::named("one_step", 16)));
  CHECK(*reduction::certified_tau(reduction::certify(*one.instance), *one.instance, 0, 500, 256) ==
        Approx(1.001 * std::log(256.0)).epsilon(1e-5));
}

TEST_CASE("low_dimensional keys are unit vectors of a subspace of that dimension") {
  for (const Index dimension : {1, 4, 100}) {
    const Drawn drawn(params_of("low_dimensional", {{"dimension", dimension}}));
    CAPTURE(dimension);
    CHECK((drawn.keys.rowwise().norm().array() - 1).abs().maxCoeff() < 1e-5f);
    const Eigen::VectorXd values = Eigen::JacobiSVD<Eigen::MatrixXd>(drawn.keys.cast<double>()).singularValues();
    const Index rank = std::min<Index>(dimension, 32);
    CHECK(values[rank - 1] > 0.5);
    if (rank < 32) CHECK(values[rank] < 1e-5);
    CHECK(((drawn.values.array() == 0) || (drawn.values.array() == 1)).all());
  }
}

TEST_CASE("smooth values change little between neighbours, and keys tell places apart") {
  const Drawn drawn(params_of("smooth", Json::object(), geometry::Schedule::named("doubling", 32), 64));
  const auto& schedule = drawn.instance->params().schedule;
  const Index first = schedule.first_token(4), side = 16;  // the map of 16 x 16
  double neighbours = 0, spread = 0, alike = 0, far = 0;
  for (Index i = 0; i < side; ++i) {
    for (Index j = 0; j + 1 < side; ++j) {
      const Index a = first + i * side + j;
      neighbours += (drawn.values.row(a) - drawn.values.row(a + 1)).squaredNorm() / 240;
      alike += drawn.keys.row(a).dot(drawn.keys.row(a + 1)) / 240;
      far += std::abs(drawn.keys.row(a).dot(drawn.keys.row(first + (i + 8) % side * side + j))) / 240;
    }
  }
  const Eigen::RowVectorXf mean = drawn.values.bottomRows(256).colwise().mean();
  spread = (drawn.values.bottomRows(256).rowwise() - mean).squaredNorm() / 256;
  CHECK(neighbours < 0.1 * spread);
  // exp(-(1/16)^2 / (2 0.1^2)) = 0.82; half the square apart: 0 up to 1/sqrt(32) of features.
  CHECK(alike == Approx(0.82).margin(0.15));
  CHECK(far < 0.4);
  // A cell of the map before holds about what its four children hold.
  const Index parent = schedule.first_token(3);
  CHECK((drawn.values.row(parent) - drawn.values.row(first)).norm() < 0.5 * std::sqrt(64.0 * 2));
}

TEST_CASE("projected keys and values are one hidden row times public weights") {
  const auto params = params_of("projected", {{"width", 20}, {"decay", 0.8}});
  const Drawn drawn(params);
  const auto projection = reduction::InstanceFamilies::find("projected", "").projection(params).value();
  CHECK(projection.width == 20);
  core::RowMatrixD weights(20, 64);
  weights.leftCols(32) =
      geometry::projection_weights(drawn.instance->coins().open, projection, 32, geometry::Projected::keys).matrix();
  weights.rightCols(32) =
      geometry::projection_weights(drawn.instance->coins().open, projection, 32, geometry::Projected::values).matrix();
  core::RowMatrixD rows(85, 64);
  rows << drawn.keys.cast<double>(), drawn.values.cast<double>();
  // The rows lie in the row space of [W_K | W_V], and their hidden entries look like N(0, 1).
  const core::RowMatrixD hidden = (weights * weights.transpose()).ldlt().solve(weights * rows.transpose()).transpose();
  CHECK((hidden * weights - rows).cwiseAbs().maxCoeff() < 1e-5);
  // 1700 entries: five standard errors of a mean and of a mean square.
  CHECK(std::abs(hidden.mean()) < 5 / std::sqrt(1700.0));
  CHECK(std::abs(hidden.squaredNorm() / 1700 - 1) < 5 * std::sqrt(2 / 1700.0));
}
