// The families beyond the first six: laws of DeVore, MUB, dual BCH, Gaussian, Achlioptas and Kane-Nelson keys against
// loops and enumeration.

#include <cmath>
#include <map>

#include "../support/catch.hpp"
#include "attention/all_pairs.hpp"
#include "geometry/binary_field.hpp"
#include "geometry/embedding.hpp"
#include "geometry/primes.hpp"
#include "theory/sparse_tails.hpp"

namespace core = kvfrontier::core;
namespace geometry = kvfrontier::geometry;
namespace theory = kvfrontier::theory;
using core::Index;
using geometry::Embeddings;

namespace {

core::RowMatrixD keys_of(const std::string& name, Index tokens, Index d, std::uint64_t key = 5) {
  core::RowMatrixF keys(tokens, d);
  Embeddings::find(name, "embedding").rows(core::Coins{key}, tokens, 0, keys);
  return keys.cast<double>();
}

double largest_product(const core::RowMatrixD& keys) {
  double largest = -INFINITY;
  for (Index i = 0; i < keys.rows(); ++i) {
    for (Index j = 0; j < keys.rows(); ++j) {
      if (j != i) largest = std::max(largest, keys.row(i).dot(keys.row(j)));
    }
  }
  return largest;
}

double mean_leak_by_loops(const core::RowMatrixD& keys, double tau) {
  double sum = 0;
  for (Index i = 0; i < keys.rows(); ++i) {
    for (Index j = 0; j < keys.rows(); ++j) {
      if (j != i) sum += std::exp(-tau * (keys.row(i).squaredNorm() - keys.row(i).dot(keys.row(j))));
    }
  }
  return sum / static_cast<double>(keys.rows());
}

// Entries are floats, so products of unit vectors are within 1e-6.
void check_exact(const std::string& name, Index tokens, Index d) {
  CAPTURE(name, tokens, d);
  const auto& family = Embeddings::find(name, "embedding");
  REQUIRE(family.why_impossible(tokens, d) == "");
  const auto coherence = family.coherence(tokens, d, 0.01);
  CHECK(coherence.exact);
  const auto keys = keys_of(name, tokens, d);
  CHECK(coherence.mu_plus == Approx(largest_product(keys)).margin(1e-6));
  if (const auto leak = family.mean_leak(tokens, d, 3.5))
    CHECK(*leak == Approx(mean_leak_by_loops(keys, 3.5)).epsilon(1e-5));
}

}  // namespace

TEST_CASE("devore: q = 7, r = 2 has d = 49, N = 343, mu = 2/7", "[embedding]") {
  const auto& family = Embeddings::find("devore", "embedding");
  CHECK(family.coherence(343, 49, 0.01).mu_plus == Approx(2.0 / 7));
  REQUIRE(family.mean_leak(343, 49, 2.0).has_value());
  check_exact("devore", 343, 49);
  check_exact("devore", 344, 49);
  check_exact("devore", 49, 49);
  check_exact("devore", 50, 49);
  check_exact("devore", 7, 49);
  check_exact("devore", 8, 49);
  check_exact("devore", 4, 4);
  check_exact("devore", 625, 25);
  // Every product is an integer number of agreements over q.
  const auto keys = keys_of("devore", 343, 49);
  for (Index i = 0; i < 343; ++i) {
    for (Index j = 0; j < 343; ++j) {
      const double agreements = 7 * keys.row(i).dot(keys.row(j));
      REQUIRE(agreements == Approx(std::round(agreements)).margin(1e-5));
    }
  }
  // N = q^q polynomials are still different functions, one more is not.
  CHECK(family.why_impossible(27, 9).empty());
  CHECK(family.why_impossible(28, 9).find("d >= 25") != std::string::npos);
  CHECK(family.why_impossible(10, 36).find("25 or 49") != std::string::npos);
  CHECK(family.why_impossible(Index{1} << 40, 49).find("d >= 169") != std::string::npos);
}

TEST_CASE("mub: bases of C^D have real products of at most 1/sqrt D, exactly as claimed for every N", "[embedding]") {
  for (const Index order : {3, 5, 7, 11, 13}) {
    for (Index tokens = 2; tokens <= order * (order + 1); tokens += order < 6 ? 1 : 5)
      check_exact("mub", tokens, 2 * order);
    check_exact("mub", order + 1, 2 * order);
    check_exact("mub", order * order, 2 * order);
    check_exact("mub", order * order + 1, 2 * order);
    check_exact("mub", order * (order + 1), 2 * order);
  }
  // As complex vectors: 1 in modulus over sqrt D between bases, 0 within.
  const Index order = 7;
  const auto keys = keys_of("mub", order * (order + 1), 2 * order);
  const auto real = keys.leftCols(order), imaginary = keys.rightCols(order);
  for (Index i = 0; i < keys.rows(); ++i) {
    for (Index j = 0; j < i; ++j) {
      const double re = real.row(i).dot(real.row(j)) + imaginary.row(i).dot(imaginary.row(j));
      const double im = real.row(i).dot(imaginary.row(j)) - imaginary.row(i).dot(real.row(j));
      REQUIRE(std::hypot(re, im) == Approx(i / order == j / order ? 0 : 1 / std::sqrt(7.0)).margin(1e-6));
    }
  }
  const auto& family = Embeddings::find("mub", "embedding");
  CHECK(family.why_impossible(10, 16).find("14 or 22") != std::string::npos);
  CHECK(family.why_impossible(57, 14).find("N = 56") != std::string::npos);
}

TEST_CASE("dual_bch: products are 0 or +-sqrt(2/d)", "[embedding]") {
  for (Index tokens = 2; tokens <= 64; ++tokens) check_exact("dual_bch", tokens, 8);
  for (const Index tokens : {32, 33, 100, 320, 1000, 1024}) check_exact("dual_bch", tokens, 32);
  const double root = std::sqrt(2.0 / 32);
  const auto keys = keys_of("dual_bch", 1024, 32);
  std::map<int, int> counts;
  for (Index j = 1; j < 1024; ++j) ++counts[static_cast<int>(std::lround(keys.row(0).dot(keys.row(j)) / root))];
  // Weights of the dual double-error-correcting BCH code, m = 5 (MacWilliams and Sloane): (2^m-1) (2^(m-2) +
  // 2^((m-3)/2)) etc.
  CHECK(counts == std::map<int, int>{{-1, 31 * (8 - 2)}, {0, 31 * 17}, {1, 31 * (8 + 2)}});
  const auto& family = Embeddings::find("dual_bch", "embedding");
  CHECK(family.why_impossible(10, 64).find("32 or 128") != std::string::npos);
  CHECK(family.why_impossible(65, 8).find("d >= 32") != std::string::npos);
}

TEST_CASE("dual_bch rows follow (-1)^{Tr(a x + b x^3)}", "[embedding]") {
  // Over GF(8), 1 + x + x^3; multiplication by repeated shifts, trace by powers.
  const geometry::BinaryField field(3);
  const auto keys = keys_of("dual_bch", 64, 8);
  for (unsigned b = 0; b < 8; ++b) {
    for (unsigned a = 0; a < 8; ++a) {
      for (unsigned x = 0; x < 8; ++x) {
        const unsigned cube = field.multiply(field.multiply(x, x), x);
        const unsigned sum = field.multiply(a, x) ^ field.multiply(b, cube);
        const unsigned trace =
            sum ^ field.multiply(sum, sum) ^ field.multiply(field.multiply(sum, sum), field.multiply(sum, sum));
        REQUIRE(trace <= 1);
        CHECK((keys(b * 8 + a, x) < 0) == (trace == 1));
      }
    }
  }
}

TEST_CASE("binary fields: every nonzero element has order dividing 2^m - 1, so the moduli are irreducible enough",
          "[embedding]") {
  for (const int degree : {1, 3, 5, 7, 9, 11, 13}) {
    const geometry::BinaryField field(degree);
    const std::uint32_t size = std::uint32_t{1} << degree;
    std::uint32_t ones = 0;
    for (std::uint32_t u = 1; u < size; ++u) {
      std::uint32_t power = u;
      for (int i = 0; i < degree; ++i) power = field.multiply(power, power);
      REQUIRE(power == u);  // u^(2^m) = u for all u only in a product of fields of degrees dividing m
      ones += field.trace(u);
    }
    CHECK(ones == size / 2);
    // No zero divisors: multiplication by u is injective.
    for (const std::uint32_t u : {std::uint32_t{2} % size, size - 1}) {
      if (u == 0) continue;
      for (std::uint32_t v = 1; v < size; ++v) REQUIRE(field.multiply(u, v) != 0);
    }
  }
}

TEST_CASE("keys of unequal norms: 1 - margin exceeds the union coherence at most as often as beta", "[embedding]") {
  const Index tokens = 64;
  const double beta = 0.4;
  const int draws = 400;
  for (const std::string name : {"gaussian", "achlioptas", "kane_nelson"}) {
    const auto& family = Embeddings::find(name, "embedding");
    CHECK(family.unit_norm() == (name == "kane_nelson"));
    for (const Index d : {96, 200}) {
      CAPTURE(name, d);
      const double bound = family.coherence(tokens, d, beta).mu_plus;
      REQUIRE(bound < 1);
      int exceeded = 0;
      double sum = 0, leaks = 0;
      for (int draw = 0; draw < draws; ++draw) {
        const auto keys = keys_of(name, tokens, d, static_cast<std::uint64_t>(1000 + draw));
        double mu = -INFINITY;
        for (Index i = 0; i < tokens; ++i) {
          const Eigen::VectorXd products = keys * keys.row(i).transpose();
          for (Index j = 0; j < tokens; ++j) mu = std::max(mu, j == i ? -1.0 : 1 - products[i] + products[j]);
        }
        exceeded += mu > bound + 1e-6;
        sum += mu;
        leaks += mean_leak_by_loops(keys, 4.0) / draws;
      }
      // Four standard errors.
      CHECK(exceeded < draws * beta + 4 * std::sqrt(draws * beta * (1 - beta)));
      // The bound is of the right size: no more than 1.5 times a typical draw.
      CHECK(bound < 1.5 * sum / draws);
      // 400 draws of 64 rows: the mean is good to 2 % (six deviations of the mean over draws, measured apart).
      CHECK(leaks == Approx(*family.mean_leak(tokens, d, 4.0)).epsilon(0.05));
    }
  }
}

TEST_CASE("tails of sparse keys are those of enumeration", "[theory]") {
  // Achlioptas, d = 5: all 3^10 pairs with their weights.
  const int d = 5;
  std::map<int, double> law;
  for (int code = 0; code < 59049; ++code) {
    double weight = 1;
    int margin = 0, rest = code;
    for (int l = 0; l < d; ++l) {
      const int u = rest % 3 - 1, w = rest / 3 % 3 - 1;
      rest /= 9;
      weight *= (u == 0 ? 2.0 / 3 : 1.0 / 6) * (w == 0 ? 2.0 / 3 : 1.0 / 6);
      margin += u * u - u * w;
    }
    law[margin] += weight;
  }
  CHECK(theory::log_achlioptas_margin_tail(d, 1) == Approx(std::log(law[0])).epsilon(1e-12));
  CHECK(theory::log_achlioptas_margin_tail(9, 3) == Approx([] {
                                                      // (13 + 4 z + z^2)^9 / 18^9 by repeated multiplication.
                                                      std::vector<double> c{1};
                                                      for (int k = 0; k < 9; ++k) {
                                                        std::vector<double> next(c.size() + 2, 0.0);
                                                        for (std::size_t i = 0; i < c.size(); ++i) {
                                                          next[i] += 13 * c[i] / 18;
                                                          next[i + 1] += 4 * c[i] / 18;
                                                          next[i + 2] += c[i] / 18;
                                                        }
                                                        c = next;
                                                      }
                                                      return std::log(c[0] + c[1] + c[2]);
                                                    }())
                                                        .epsilon(1e-12));
  // A long one stays finite: far in the tail, and rescaled on the way.
  CHECK(theory::log_achlioptas_margin_tail(60000, 15000) < -500);
  CHECK(std::isfinite(theory::log_achlioptas_margin_tail(60000, 15000)));

  // Kane-Nelson, d = 7 in s = 3 blocks of 2, 2, 3: all pairs of (coordinate, sign) choices.
  std::map<int, double> matches;
  const int widths[] = {2, 2, 3};
  const int total = 4 * 4 * 6;
  for (int u = 0; u < total; ++u) {
    for (int w = 0; w < total; ++w) {
      int a = u, b = w, sum = 0;
      for (const int width : widths) {
        const int x = a % (2 * width), y = b % (2 * width);
        a /= 2 * width;
        b /= 2 * width;
        if (x / 2 == y / 2) sum += x % 2 == y % 2 ? 1 : -1;
      }
      matches[sum] += 1.0 / (static_cast<double>(total) * total);
    }
  }
  for (int k = -3; k <= 4; ++k) {
    double tail = 0;
    for (const auto& [value, share] : matches) tail += value >= k ? share : 0;
    CHECK(theory::kane_nelson_tail(7, 3, k) == Approx(tail).margin(1e-14));
  }
}

TEST_CASE("the Gaussian margin bound is above a Monte Carlo estimate and is the best exponent", "[theory]") {
  // d = 1: margin = u^2 - u w for independent N(0, 1). P(margin <= g) by quadrature over u: P(w >= u - g/u) for u > 0,
  // doubled.
  for (const double margin : {0.1, 0.5, 0.9}) {
    double exact = 0;
    const int nodes = 20000;
    for (int k = 0; k < nodes; ++k) {
      const double u = 8 * (k + 0.5) / nodes;
      exact += 2 * 8.0 / nodes * std::exp(-u * u / 2) / std::sqrt(2 * std::acos(-1.0)) *
               std::erfc((u - margin / u) / std::sqrt(2.0)) / 2;
    }
    CHECK(theory::log_gaussian_margin_bound(1, margin) >= std::log(exact));
    // No exponent l does better: E e^{-l (margin_ij - g)} on a grid.
    double best = 0;
    for (double l = 0; l < 2; l += 1e-4) best = std::min(best, l * margin - std::log1p(l * (2 - l)) / 2);
    CHECK(theory::log_gaussian_margin_bound(1, margin) == Approx(best).epsilon(1e-6));
  }
}

TEST_CASE("primes", "[embedding]") {
  CHECK(geometry::prime_from(8) == 11);
  CHECK(geometry::prime_up_to(10) == 7);
  CHECK(geometry::prime_up_to(1) == 0);
  CHECK_FALSE(geometry::is_prime(1));
  CHECK_FALSE(geometry::is_prime(1019 * 1019));
  CHECK(geometry::is_prime(1021));
}
