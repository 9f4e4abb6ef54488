#include "simulator/metrics.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace kvfrontier;
using core::RowMatrixD;
using simulator::Index;

TEST_CASE("decoding counts wrong bits by row, by map and at both thresholds", "[metrics]") {
  const geometry::Schedule schedule("sides", {1, 2, 4});  // token 0, then 1 to 4
  RowMatrixD answers(3, 4), bits(3, 4);
  answers << 0.9, 0.1, 0.6, 0.4,  //
      0.5, 0.50005, 0.4, 1.7,     //
      0.45, 0.3, 0.38, 0.2;
  bits << 1, 0, 0, 1,  //
      1, 1, 0, 0,      //
      1, 0, 1, 0;
  const auto decoding = simulator::decode(answers, bits, {0, 3, 4}, schedule, 0.5);
  // Threshold 1/2: row 0 has two wrong; row 1 reads 0.5 as 0 (wrong), 0.50005 as 1, 1.7 wrong; row 2 misses both ones.
  CHECK(decoding.row_errors == Approx(0.5 + 0.5 + 0.5));
  // Threshold 0.375 at eta = 1/2: row 0 reads 0.4 as 1; row 1 has 0.4 for a 0 and 1.7; row 2 has both ones.
  CHECK(decoding.row_errors_theorem == Approx(0.25 + 0.5 + 0));
  CHECK(decoding.ties == 2);
  const double squares =
      0.01 + 0.01 + 0.36 + 0.36 + 0.25 + 0.49995 * 0.49995 + 0.16 + 2.89 + 0.3025 + 0.09 + 0.3844 + 0.04;
  CHECK(decoding.mse == Approx(squares / 12));
  CHECK(decoding.scale_errors == std::vector<double>{0.5, 1.0});
  CHECK(decoding.scale_rows == std::vector<std::int64_t>{1, 2});
  CHECK(decoding.to_json(3)["error"].get<double>() == Approx(0.5));
}

TEST_CASE("the worst decile is the mean of the tenth of rows that err most", "[metrics]") {
  const geometry::Schedule schedule("sides", {1, 2, 4, 8});
  RowMatrixD answers = RowMatrixD::Zero(20, 4);
  const RowMatrixD bits = RowMatrixD::Zero(20, 4);
  answers.row(17).setOnes();         // error 1
  answers.row(4).head(3).setOnes();  // error 3/4
  answers(9, 0) = 1;
  const std::vector<Index> rows(20, 5);
  CHECK(simulator::decode(answers, bits, rows, schedule, 0).worst_decile == Approx(0.875));
  const std::vector<Index> few(5, 5);
  CHECK(simulator::decode(answers.middleRows(15, 5), bits.topRows(5), few, schedule, 0).worst_decile == 1);
}

TEST_CASE("relative l2 is the ratio of Frobenius norms", "[metrics]") {
  RowMatrixD exact(2, 2), answers(2, 2);
  exact << 3, 0, 0, 4;
  answers << 3, 1, 2, 4;
  CHECK(simulator::relative_l2(answers, exact) == Approx(std::sqrt(5.0) / 5));
  CHECK(simulator::relative_l2(exact, exact) == 0);
  CHECK(simulator::relative_l2(RowMatrixD(0, 2), RowMatrixD(0, 2)) == 0);
  CHECK(simulator::relative_l2(answers, RowMatrixD::Zero(2, 2)) == std::numeric_limits<double>::infinity());
}
