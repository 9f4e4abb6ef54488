// Low-rank fits against a singular value decomposition by one-sided Jacobi rotations, written down here.

#include "schemes/codec/low_rank.hpp"

#include <cmath>

#include "../../support/catch.hpp"
#include "../../support/game.hpp"

using namespace kvfrontier;
using namespace kvfrontier::tests;
using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Singular values, descending: rotate pairs of columns until all are orthogonal.
std::vector<double> singular_values(RowMatrixD a) {
  if (a.rows() < a.cols()) a = RowMatrixD(a.transpose());
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (Index p = 0; p < a.cols(); ++p) {
      for (Index q = p + 1; q < a.cols(); ++q) {
        const double pp = a.col(p).squaredNorm(), qq = a.col(q).squaredNorm(), pq = a.col(p).dot(a.col(q));
        const double angle = 0.5 * std::atan2(2 * pq, pp - qq);
        const Eigen::VectorXd left = a.col(p), right = a.col(q);
        a.col(p) = std::cos(angle) * left + std::sin(angle) * right;
        a.col(q) = -std::sin(angle) * left + std::cos(angle) * right;
      }
    }
  }
  std::vector<double> values;
  for (Index j = 0; j < a.cols(); ++j) values.push_back(a.col(j).norm());
  std::sort(values.rbegin(), values.rend());
  return values;
}

double residual(const RowMatrixF& rows, const schemes::LowRank& fit) {
  return (rows.cast<double>() - fit.product()).squaredNorm();
}

// Rows of the basis are orthonormal or 0.
double lack_of_orthonormality(const RowMatrixD& basis) {
  if (basis.rows() == 0) return 0;
  RowMatrixD gram = basis * basis.transpose();
  for (Index i = 0; i < gram.rows(); ++i) {
    if (basis.row(i).isZero(0)) gram(i, i) = 1;
  }
  return (gram - RowMatrixD::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("truncated_svd leaves what Eckart and Young say", "[low_rank]") {
  for (const auto& [n, d] : {std::pair{1, 1}, {1, 7}, {7, 1}, {20, 6}, {6, 20}, {16, 16}, {64, 33}}) {
    const RowMatrixF rows = gaussian_rows(n, d, 100 * n + d);
    const auto values = singular_values(rows.cast<double>());
    for (Index rank = 0; rank <= std::min(n, d) + 2; ++rank) {
      CAPTURE(n, d, rank);
      const auto fit = schemes::truncated_svd(rows, rank);
      REQUIRE(fit.codes.rows() == n);
      REQUIRE(fit.codes.cols() == rank);
      REQUIRE(fit.basis.rows() == rank);
      REQUIRE(fit.basis.cols() == d);
      double rest = 0;
      for (Index i = rank; i < std::ssize(values); ++i) rest += values[i] * values[i];
      // Sums of at most 64 * 33 doubles of size about 1.
      CHECK(std::abs(residual(rows, fit) - rest) < 1e-10);
      CHECK(lack_of_orthonormality(fit.basis) < 1e-10);
      for (Index i = 0; i < std::min<Index>(rank, std::min(n, d)); ++i)
        CHECK(fit.codes.col(i).norm() == Approx(values[i]).margin(1e-7));
    }
  }
}

TEST_CASE("a planted rank is found, by both fits", "[low_rank]") {
  const RowMatrixF left = gaussian_rows(40, 3, 1), right = gaussian_rows(3, 12, 2), rows = left * right;
  // Float rows: the planted product is rounded entry by entry to 2^-24.
  CHECK(residual(rows, schemes::truncated_svd(rows, 3)) < 1e-10 * rows.squaredNorm());
  CHECK(residual(rows, schemes::power_fit(rows, 3, 2)) < 1e-10 * rows.squaredNorm());
  CHECK(residual(rows, schemes::truncated_svd(rows, 2)) > 1e-3 * rows.squaredNorm());
  CHECK(residual(RowMatrixF::Zero(5, 4), schemes::power_fit(RowMatrixF::Zero(5, 4), 2, 2)) == 0);
}

TEST_CASE("rounds of the power fit go down to the best fit and never up", "[low_rank]") {
  for (const auto& [n, d] : {std::pair{50, 20}, {20, 50}, {3, 8}, {1, 5}}) {
    const RowMatrixF rows = gaussian_rows(n, d, n);
    for (const Index rank : {1, 4, 10}) {
      CAPTURE(n, d, rank);
      const double best = residual(rows, schemes::truncated_svd(rows, rank)), slack = 1e-12 * rows.squaredNorm();
      double before = rows.squaredNorm();
      for (const int rounds : {0, 1, 2, 4, 8}) {
        const auto fit = schemes::power_fit(rows, rank, rounds);
        const double now = residual(rows, fit);
        CHECK(now <= before + slack);
        CHECK(now >= best - slack);
        CHECK(lack_of_orthonormality(fit.basis) < 1e-10);
        before = now;
      }
      // A flat spectrum has no gap to speak of, yet 300 rounds come within 1 %.
      CHECK(residual(rows, schemes::power_fit(rows, rank, 300)) <= 1.01 * best + slack);
    }
  }
}

TEST_CASE("fits are deterministic, and signs are fixed", "[low_rank]") {
  const RowMatrixF rows = gaussian_rows(30, 10, 9);
  CHECK(schemes::truncated_svd(rows, 4).basis == schemes::truncated_svd(rows, 4).basis);
  CHECK(schemes::power_fit(rows, 4, 3).basis == schemes::power_fit(rows, 4, 3).basis);
  const RowMatrixF negated = -rows;
  CHECK((schemes::truncated_svd(rows, 4).basis - schemes::truncated_svd(negated, 4).basis).cwiseAbs().maxCoeff() <
        1e-9);
}
