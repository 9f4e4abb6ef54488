#include "schemes/codec/hadamard.hpp"

#include <bit>
#include <cmath>

#include "../../support/catch.hpp"
#include "core/rng.hpp"
#include "schemes/codec/rotation.hpp"

namespace core = kvfrontier::core;
namespace schemes = kvfrontier::schemes;
using core::Index;

namespace {

core::RowMatrixF some_rows(Index count, Index d) {
  core::RowMatrixF rows(count, d);
  core::Stream stream({9}, core::Purpose("tests/hadamard"), 0);
  for (Index i = 0; i < rows.size(); ++i) rows.data()[i] = (stream() % 2048) / 1024.0f - 1;
  return rows;
}

constexpr core::Purpose purpose("tests/rotation");

schemes::Rotation rotation_of(schemes::RotationKind kind, Index d, core::Coins coins = {17}) {
  schemes::PublicParams params;
  params.d = d;
  params.coins = coins;
  return schemes::Rotation(kind, params, purpose);
}

}  // namespace

TEST_CASE("the Walsh-Hadamard transform is the sum over all signs, at every length", "[hadamard]") {
  for (Index n = 1; n <= 4096; n *= 2) {
    CAPTURE(n);
    const core::RowMatrixF x = some_rows(1, n);
    core::RowMatrixF fast = x;
    schemes::walsh_hadamard(fast.data(), n);
    // Sums of so many multiples of 2^-10 below 1 are exact in both.
    Index wrong = 0;
    for (Index i = 0; i < n; ++i) {
      double sum = 0;
      for (Index j = 0; j < n; ++j) {
        const std::uint64_t both = i & j;
        sum += std::popcount(both) % 2 == 1 ? -x(0, j) : x(0, j);
      }
      wrong += fast(0, i) != sum;
    }
    CHECK(wrong == 0);
    schemes::walsh_hadamard(fast.data(), n);
    const float factor = n;
    CHECK(fast == factor * x);
  }
}

TEST_CASE("every rotation turns rows as its matrix says, block by block alike, and is orthogonal", "[rotation]") {
  for (const auto kind : {schemes::RotationKind::haar, schemes::RotationKind::hadamard}) {
    for (const Index d : {1, 2, 8, 16, 64, 128, 512}) {
      CAPTURE(core::enum_name(kind), d);
      const schemes::Rotation rotation = rotation_of(kind, d);
      const core::RowMatrixF rows = some_rows(5, d);
      const core::RowMatrixD matrix = rotation.matrix(), product = rows.cast<double>() * matrix;
      const core::RowMatrixF turned = rotation.of(rows);
      CHECK((turned.cast<double>() - product).cwiseAbs().maxCoeff() < 1e-5);
      CHECK((matrix * matrix.transpose() - core::RowMatrixD::Identity(d, d)).cwiseAbs().maxCoeff() < 1e-5);
      for (Index i = 0; i < rows.rows(); ++i) CHECK(rotation.of(rows.middleRows(i, 1)) == turned.middleRows(i, 1));
      if (d >= 64) CHECK(rotation_of(kind, d, {18}).matrix() != matrix);
    }
  }
}

TEST_CASE("no rotation leaves rows as they are", "[rotation]") {
  const schemes::Rotation none = rotation_of(schemes::RotationKind::none, 3);
  CHECK(none.of(some_rows(4, 3)) == some_rows(4, 3));
  CHECK(none.matrix().size() == 0);
}

TEST_CASE("a Hadamard rotation needs a power of two", "[rotation]") {
  CHECK_NOTHROW(schemes::check_rotation(schemes::RotationKind::hadamard, 32, "scheme"));
  CHECK_NOTHROW(schemes::check_rotation(schemes::RotationKind::haar, 24, "scheme"));
  CHECK_THROWS_WITH(schemes::check_rotation(schemes::RotationKind::hadamard, 24, "scheme"),
                    Contains("scheme.rotation") && Contains("d = 24") && Contains("power of two"));
}
