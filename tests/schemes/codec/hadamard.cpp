#include "schemes/codec/hadamard.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.hpp"
#include "schemes/codec/rotation.hpp"

namespace core = kvfrontier::core;
namespace schemes = kvfrontier::schemes;
using core::Index;

namespace {

core::RowMatrixF some_rows(Index count, Index d) {
  core::RowMatrixF rows(count, d);
  core::Stream stream({9}, core::Purpose("tests/hadamard"), 0);
  for (Index i = 0; i < rows.size(); ++i) rows.data()[i] = static_cast<float>(stream() % 2048) / 1024 - 1;
  return rows;
}

schemes::PublicParams params_of(Index d, const char* rotation) {
  schemes::PublicParams params;
  params.d = d;
  params.key = {17};
  params.options = {{"rotation", rotation}};
  return params;
}

constexpr core::Purpose purpose("tests/rotation");

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
        const bool minus = std::popcount(static_cast<std::uint64_t>(i & j)) % 2 == 1;
        sum += static_cast<double>(minus ? -x(0, j) : x(0, j));
      }
      wrong += static_cast<double>(fast(0, i)) != sum;
    }
    CHECK(wrong == 0);
    schemes::walsh_hadamard(fast.data(), n);
    CHECK(fast == static_cast<float>(n) * x);
  }
}

TEST_CASE("every rotation turns rows as its matrix says, block by block alike, and is orthogonal", "[rotation]") {
  for (const char* kind : {"public", "hadamard"}) {
    for (const Index d : {1, 2, 8, 16, 64, 128, 512}) {
      CAPTURE(kind, d);
      const schemes::Rotation rotation(params_of(d, kind), purpose);
      const core::RowMatrixF rows = some_rows(5, d);
      const core::RowMatrixD matrix = rotation.matrix(), product = rows.cast<double>() * matrix;
      const core::RowMatrixF turned = rotation.of(rows);
      CHECK((turned.cast<double>() - product).cwiseAbs().maxCoeff() < 1e-5);
      CHECK((matrix * matrix.transpose() - core::RowMatrixD::Identity(d, d)).cwiseAbs().maxCoeff() < 1e-5);
      for (Index i = 0; i < rows.rows(); ++i) CHECK(rotation.of(rows.middleRows(i, 1)) == turned.middleRows(i, 1));
      schemes::PublicParams other = params_of(d, kind);
      other.key = {18};
      if (d >= 64) CHECK(schemes::Rotation(other, purpose).matrix() != matrix);
    }
  }
}

TEST_CASE("no rotation leaves rows as they are", "[rotation]") {
  const schemes::Rotation none(params_of(3, "none"), purpose);
  CHECK(none.of(some_rows(4, 3)) == some_rows(4, 3));
  CHECK(none.matrix().size() == 0);
}

TEST_CASE("a Hadamard rotation needs a power of two", "[rotation]") {
  CHECK_NOTHROW(schemes::check_rotation(params_of(32, "hadamard"), "scheme"));
  CHECK_NOTHROW(schemes::check_rotation(params_of(24, "public"), "scheme"));
  CHECK_THROWS_WITH(schemes::check_rotation(params_of(24, "hadamard"), "scheme"),
                    Catch::Contains("scheme.rotation") && Catch::Contains("d = 24") && Catch::Contains("power of two"));
}
