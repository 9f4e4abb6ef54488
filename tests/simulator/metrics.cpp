// Decoding of answers and the registered metrics, against numbers worked out by hand.

#include "simulator/metric.hpp"

#include <cmath>
#include <limits>
#include <set>

#include "../support/catch.hpp"
#include "simulator/decoding.hpp"
#include "theory/floor.hpp"

using namespace kvfrontier;
using core::RowMatrixD;
using simulator::Index;
namespace names = simulator::metric_names;

namespace {

// A game of given answers and values, with nothing else asked.
std::optional<simulator::MetricValue> measured(const std::string& metric, const RowMatrixD& answers,
                                               const RowMatrixD& values, const RowMatrixD& exact, double eta = 0.5,
                                               int value_bits = 1) {
  const geometry::Schedule schedule("sides", {1, 2, 4, 8});
  const std::vector<Index> rows(static_cast<std::size_t>(answers.rows()), 0);
  const RowMatrixD none(0, answers.cols());
  return simulator::Metrics::find(metric, "metric")
      .measure({answers, values, exact, none, none, none, none, rows, schedule, eta, value_bits});
}

}  // namespace

TEST_CASE("decoding counts wrong bits by row and at both thresholds", "[metrics]") {
  RowMatrixD answers(3, 4), bits(3, 4);
  answers << 0.9, 0.1, 0.6, 0.4,  //
      0.5, 0.50005, 0.4, 1.7,     //
      0.45, 0.3, 0.38, 0.2;
  bits << 1, 0, 0, 1,  //
      1, 1, 0, 0,      //
      1, 0, 1, 0;
  // Threshold 1/2: row 0 has two wrong; row 1 reads 0.5 as 0 (wrong), 0.50005 as 1, 1.7 wrong; row 2 misses both ones.
  CHECK(simulator::row_errors(answers, bits, 0, 1) == std::vector<double>{0.5, 0.5, 0.5});
  // Threshold 0.375 at eta = 1/2: row 0 reads 0.4 as 1; row 1 has 0.4 for a 0 and 1.7; row 2 has both ones.
  CHECK(simulator::row_errors(answers, bits, 0.5, 1) == std::vector<double>{0.25, 0.5, 0});
  CHECK(simulator::ties(answers, 1) == 2);
  CHECK(simulator::ties(answers, 0) == 0);

  const auto error = measured(names::error, answers, bits, bits);
  CHECK(error->mean == 0.5);
  CHECK(error->count == 3);
  CHECK(error->sum_squares == 0.75);
  CHECK(measured(names::error_theorem, answers, bits, bits)->mean == Approx(0.25));
  const double squares =
      0.01 + 0.01 + 0.36 + 0.36 + 0.25 + 0.49995 * 0.49995 + 0.16 + 2.89 + 0.3025 + 0.09 + 0.3844 + 0.04;
  CHECK(measured(names::mse, answers, bits, bits)->mean == Approx(squares / 12));
  CHECK(measured(names::mse, answers, bits, bits)->count == 12);
  // Real values have no bits to read.
  for (const char* metric : {names::error, names::error_theorem, names::worst_decile, names::within_eta})
    CHECK_FALSE(measured(metric, answers, bits, bits, 0.5, 0));
  CHECK(measured(names::mse, answers, bits, bits, 0.5, 0));
}

TEST_CASE("wrong bits are booked under the map of their row", "[metrics]") {
  // Tokens 0 | 1 ... 4 of maps of sides 1 and 2.
  const geometry::Schedule maps("sides", {1, 2, 4});
  const auto by_map = simulator::errors_by_map(std::vector<double>{0.5, 1, 0}, {0, 3, 4}, maps);
  CHECK(by_map.errors == std::vector<double>{0.5, 1});
  CHECK(by_map.rows == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("the worst decile is the mean of the tenth of rows that err most", "[metrics]") {
  RowMatrixD answers = RowMatrixD::Zero(20, 4);
  const RowMatrixD bits = RowMatrixD::Zero(20, 4);
  answers.row(17).setOnes();         // error 1
  answers.row(4).head(3).setOnes();  // error 3/4
  answers(9, 0) = 1;
  CHECK(measured(names::worst_decile, answers, bits, bits)->mean == Approx(0.875));
  CHECK(measured(names::worst_decile, answers.middleRows(15, 5), bits.topRows(5), bits.topRows(5))->mean == 1);
}

TEST_CASE("rows within eta are counted, and those of them that decode wrongly", "[metrics]") {
  RowMatrixD exact(3, 2), answers(3, 2), bits(3, 2);
  exact << 0.9, 0.1, 0.9, 0.1, 0.4, 0.1;
  answers << 0.5, 0.14, 0.9, 0.2, 0.39, 0.1;
  bits << 1, 0, 1, 0, 0, 0;
  // Row 0: within 1 +- 1/2. Row 1: 0.2 is twice 0.1. Row 2: within, and 0.39 is read as a one.
  CHECK(measured(names::within_eta, answers, bits, exact)->mean == Approx(2.0 / 3));
  CHECK(measured(names::within_eta_wrong, answers, bits, exact)->mean == Approx(1.0 / 3));
}

TEST_CASE("relative l2 is the ratio of Frobenius norms, and null without a denominator", "[metrics]") {
  RowMatrixD exact(2, 2), answers(2, 2);
  exact << 3, 0, 0, 4;
  answers << 3, 1, 2, 4;
  CHECK(simulator::relative_l2(answers, exact) == Approx(std::sqrt(5.0) / 5));
  CHECK(simulator::relative_l2(exact, exact) == 0);
  CHECK(simulator::relative_l2(RowMatrixD(0, 2), RowMatrixD(0, 2)) == 0);
  CHECK(simulator::relative_l2(answers, RowMatrixD::Zero(2, 2)) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(measured(names::relative_l2, answers, exact, RowMatrixD::Zero(2, 2))->mean));
  CHECK(core::to_json(*measured(names::relative_l2, answers, exact, RowMatrixD::Zero(2, 2))) ==
        core::Json{{"count", 1}});
}

TEST_CASE("floors of metrics are the theory's", "[metrics]") {
  simulator::FloorInput input{1360, 1, simulator::FloorKind::finite, reduction::DistortionFloor::none, 85, 16};
  const auto& error = simulator::Metrics::find(names::error, "metric");
  const auto& mse = simulator::Metrics::find(names::mse, "metric");
  CHECK(error.floor_bits(input, 0.1) == theory::min_bits(1360, 0.1));
  CHECK_FALSE(mse.floor(input, 1360));
  input.kind = simulator::FloorKind::entropy;
  CHECK(error.floor_bits(input, 0.1) == theory::entropy_floor_bits(1360, 0.1));
  input.information_bits = 0;
  CHECK_FALSE(error.floor_bits(input, 0.1));
  input.distortion = reduction::DistortionFloor::gaussian;
  CHECK(mse.floor(input, 2 * 1360) == Approx(1.0 / 16));
}

TEST_CASE("every metric says what it is", "[metrics]") {
  std::set<std::string> meanings;
  for (const auto& name : simulator::Metrics::names()) {
    const auto& metric = simulator::Metrics::find(name, "metric");
    CHECK(metric.name() == name);
    CHECK(meanings.insert(metric.meaning()).second);
    const bool lower = metric.better() == simulator::Direction::lower;
    CHECK(metric.worst() == (lower ? std::max(metric.worst(), 1.0) : 0));
  }
  CHECK(meanings.size() >= 9);
}

TEST_CASE("trials weigh by their observations", "[metrics]") {
  const std::vector<simulator::MetricValue> trials{{0.5, 4, {}}, {0.2, 1, {}}};
  CHECK(simulator::mean_of(trials) == Approx(2.2 / 5));
  CHECK(std::isnan(simulator::mean_of({})));
}
