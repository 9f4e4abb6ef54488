#include "geometry/embedding.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../support/catch.hpp"
#include "attention/all_pairs.hpp"
#include "theory/coherence.hpp"
#include "theory/leak.hpp"

namespace core = kvfrontier::core;
namespace geometry = kvfrontier::geometry;
namespace theory = kvfrontier::theory;
using core::Coins;
using core::Index;
using core::RowMatrixD;
using core::RowMatrixF;
using geometry::Embedding;
using geometry::Embeddings;

namespace {

const Embedding& embedding(std::string_view name) {
  return Embeddings::find(std::string(name), "embedding");
}

RowMatrixF all_rows(const Embedding& family, Coins coins, Index tokens, Index d) {
  RowMatrixF keys(tokens, d);
  family.rows(coins, tokens, 0, keys);
  return keys;
}

bool same_bits(const RowMatrixF& a, const RowMatrixF& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), sizeof(float) * static_cast<std::size_t>(a.size())) == 0;
}

// Largest off-diagonal product and mean leak over rows by plain loops in double.
struct Pairs {
  double largest = -INFINITY, mean_leak = 0;
};

Pairs pairs_by_loops(const RowMatrixF& keys, double tau) {
  Pairs pairs;
  for (Index i = 0; i < keys.rows(); ++i) {
    double leak = 0;
    for (Index j = 0; j < keys.rows(); ++j) {
      if (i == j) continue;
      double product = 0;
      for (Index c = 0; c < keys.cols(); ++c) product += static_cast<double>(keys(i, c)) * keys(j, c);
      pairs.largest = std::max(pairs.largest, product);
      leak += std::exp(-tau * (1 - product));
    }
    pairs.mean_leak += leak / static_cast<double>(keys.rows());
  }
  return pairs;
}

struct Shape {
  Index tokens, d;
};

std::vector<Shape> valid_shapes(const Embedding& family) {
  std::vector<Shape> shapes;
  for (const Index d : {1, 2, 4, 16, 26, 32, 37, 49, 64, 100, 128, 256}) {
    for (const Index tokens : {Index{1}, Index{2}, Index{5}, d, d + 1, 2 * d, Index{144}, Index{700}}) {
      if (family.why_impossible(tokens, d).empty()) shapes.push_back({tokens, d});
    }
  }
  return shapes;
}

}  // namespace

TEST_CASE("the built-in embeddings are registered and describe themselves", "[embedding]") {
  const auto names = Embeddings::names();
  for (const std::string name : {"biorthogonal", "kerdock", "orthonormal", "rademacher", "sphere", "srht"}) {
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  for (const std::string& name : names) {
    const Embedding& family = embedding(name);
    CHECK(family.name() == name);
    CHECK_FALSE(family.summary().empty());
    CHECK_FALSE(family.source().empty());
    CHECK_FALSE(family.law().empty());
    CHECK_FALSE(family.why_impossible(0, 16).empty());
    CHECK_FALSE(family.why_impossible(4, 0).empty());
    CHECK(valid_shapes(family).size() >= 3);
  }
}

TEST_CASE("rows are unit vectors and do not depend on how they are cut into blocks", "[embedding]") {
  for (const std::string& name : Embeddings::names()) {
    const Embedding& family = embedding(name);
    for (const auto [tokens, d] : valid_shapes(family)) {
      CAPTURE(name, tokens, d);
      const Coins coins{0x5eed};
      const RowMatrixF keys = all_rows(family, coins, tokens, d);
      // Each entry is within half an ulp of a unit vector's: |k|^2 is within (1 + 2^-24)^2 - 1 = 1.2e-7 of 1.
      const Eigen::VectorXd norms = keys.cast<double>().rowwise().squaredNorm();
      if (family.unit_norm()) CHECK((norms.array() - 1).abs().maxCoeff() < 1.25e-7);

      RowMatrixF singles(tokens, d);
      for (Index i = 0; i < tokens; ++i) family.rows(coins, tokens, i, singles.middleRows(i, 1));
      CHECK(same_bits(keys, singles));
      // Blocks of 7, into the left part of a wider buffer.
      RowMatrixF wide = RowMatrixF::Constant(tokens, d + 3, 9.0f);
      for (Index i = 0; i < tokens; i += 7) {
        family.rows(coins, tokens, i, wide.middleRows(i, std::min<Index>(7, tokens - i)).leftCols(d));
      }
      CHECK(same_bits(keys, wide.leftCols(d)));
      CHECK((wide.rightCols(3).array() == 9.0f).all());

      if (d >= 16 && tokens >= 16) {
        CHECK(same_bits(keys, all_rows(family, Coins{0x5eee}, tokens, d)) == family.deterministic());
      }
    }
  }
}

TEST_CASE("random rows have the first two moments of their law, and keys are independent", "[embedding]") {
  const Index tokens = 20000, d = 24;
  const double n = tokens, width = d;
  for (const std::string name : {"sphere", "rademacher"}) {
    CAPTURE(name);
    const RowMatrixD keys = all_rows(embedding(name), Coins{1}, tokens, d).cast<double>();
    const RowMatrixD others = all_rows(embedding(name), Coins{2}, tokens, d).cast<double>();
    // Six standard errors each: coordinates have variance 1/d, products of two coordinates at most 1/d^2 (sphere:
    // 1/(d(d+2))), squares 2(d-1)/(d^2(d+2)) on the sphere and 0 for signs, products of independent rows 1/d.
    CHECK(keys.colwise().mean().cwiseAbs().maxCoeff() < 6 / std::sqrt(n * width));
    const RowMatrixD moments = keys.transpose() * keys / n;
    for (Index a = 0; a < d; ++a) {
      for (Index b = 0; b < a; ++b) REQUIRE(std::abs(moments(a, b)) < 6 / (width * std::sqrt(n)));
      REQUIRE(std::abs(moments(a, a) - 1 / width) < 6 * std::sqrt(2 / n) / width + 1e-7);
    }
    CHECK(std::abs((keys.array() * others.array()).sum() / n) < 6 / std::sqrt(n * width));
    // Neighbouring rows of one key.
    CHECK(std::abs((keys.topRows(tokens - 1).array() * keys.bottomRows(tokens - 1).array()).sum() / (n - 1)) <
          6 / std::sqrt((n - 1) * width));
  }
}

TEST_CASE("deterministic families have exactly the coherence and the mean leak that they claim", "[embedding]") {
  const double tau = 3.5;
  const auto check = [&](const Embedding& family, Index tokens, Index d) {
    CAPTURE(family.name(), tokens, d);
    REQUIRE(family.why_impossible(tokens, d).empty());
    const auto coherence = family.coherence(tokens, d, 0.01);
    CHECK(coherence.exact);
    if (tokens == 1) {
      CHECK(coherence.mu_plus == -1);
      CHECK(*family.mean_leak(1, d, tau) == 0);
      return;
    }
    const Pairs pairs = pairs_by_loops(all_rows(family, Coins{3}, tokens, d), tau);
    CHECK(coherence.mu_plus == pairs.largest);
    CHECK(*family.mean_leak(tokens, d, tau) == Approx(pairs.mean_leak).epsilon(1e-12));
  };
  for (Index tokens = 1; tokens <= 9; ++tokens) check(embedding("orthonormal"), tokens, 9);
  for (Index tokens = 1; tokens <= 18; ++tokens) check(embedding("biorthogonal"), tokens, 9);
  for (Index tokens = 1; tokens <= 12; ++tokens) check(embedding("kerdock"), tokens, 4);
  for (Index tokens = 1; tokens <= 144; ++tokens) check(embedding("kerdock"), tokens, 16);
  for (const Index tokens : {64, 65, 150, 2047, 2048, 2049, 2100, 2112}) check(embedding("kerdock"), tokens, 64);
}

TEST_CASE("kerdock products are 0 or +-1/sqrt d", "[embedding]") {
  const Embedding& kerdock = embedding("kerdock");
  // d = 256 is sampled: 64 rows spread over all bases, the standard basis included, against all 33024.
  for (const Index d : {4, 16, 64, 256}) {
    const Index tokens = d * (d / 2 + 1), step = d < 256 ? 1 : 515;
    CAPTURE(d, tokens);
    const RowMatrixF keys = all_rows(kerdock, {}, tokens, d);
    const float root = static_cast<float>(1 / std::sqrt(static_cast<double>(d)));  // a power of two: all sums are exact
    Index wrong = 0, positive = 0;
    for (Index i = 0; i < tokens; i += step) {
      const Eigen::VectorXf products = keys * keys.row(i).transpose();
      for (Index j = 0; j < tokens; ++j) {
        const float expected = j == i ? 1.0f : j / d == i / d ? 0.0f : root;
        wrong += j / d == i / d ? products[j] != expected : std::abs(products[j]) != expected;
        positive += j != i && products[j] > 0;
      }
    }
    CHECK(wrong == 0);
    CHECK(positive > 0);
  }
  CHECK(kerdock.why_impossible(144, 16).empty());
  CHECK_FALSE(kerdock.why_impossible(145, 16).empty());
}

TEST_CASE("kerdock rows follow the published quadratic forms", "[embedding]") {
  // Term by term, in GF(8) and GF(32).
  for (const int m : {4, 6}) {
    const unsigned field = 1u << (m - 1), modulus = m == 4 ? 0b1011 : 0b100101;
    const auto multiply = [&](unsigned u, unsigned v) {
      unsigned product = 0;
      for (int b = 0; b < m - 1; ++b) product ^= (v >> b & 1) * (u << b);
      for (int b = 2 * m; b >= m - 1; --b) {
        if (product >> b & 1) product ^= modulus << (b - m + 1);
      }
      return product;
    };
    const auto power = [&](unsigned u, unsigned exponent) {
      unsigned product = 1;
      for (unsigned k = 0; k < exponent; ++k) product = multiply(product, u);
      return product;
    };
    const auto trace = [&](unsigned u) {
      unsigned sum = 0;
      for (int i = 0; i < m - 1; ++i) sum ^= power(u, 1u << i);
      return sum;
    };
    const Index d = Index{1} << m;
    const RowMatrixF keys = all_rows(embedding("kerdock"), {}, d * (d / 2 + 1), d);
    Index wrong = 0;
    for (unsigned s = 0; s < field; ++s) {
      for (unsigned y = 0; y < d; ++y) {
        const unsigned x = y % field, a = y / field, u = multiply(s, x);
        unsigned form = a * trace(u);
        for (int i = 1; i <= (m - 2) / 2; ++i) form ^= trace(power(u, (1u << i) + 1));
        REQUIRE(form <= 1);
        for (unsigned w = 0; w < d; ++w) {
          const unsigned sign = form ^ static_cast<unsigned>(__builtin_parity(w & y));
          wrong += keys(s * d + w, y) != (sign ? -1.0f : 1.0f) / std::sqrt(static_cast<float>(d));
        }
      }
    }
    CHECK(wrong == 0);
    CHECK(keys.bottomRows(d) == RowMatrixF::Identity(d, d));
  }
}

TEST_CASE("srht products depend on i xor j only, so every row of a full code leaks the same", "[embedding]") {
  const Index d = 48;
  const RowMatrixF keys = all_rows(embedding("srht"), Coins{11}, 256, d);
  const RowMatrixD products = keys.cast<double>() * keys.cast<double>().transpose();
  for (Index i = 0; i < 256; ++i) {
    for (Index j = 0; j < 256; ++j) REQUIRE(products(i, j) == Approx(products(0, i ^ j)).margin(1e-6));
  }
  const auto leaks = kvfrontier::attention::leaks(keys, 6.0);
  // The same 255 terms in another order: float sums of at most 256 terms agree to 256 * 2^-24.
  for (const double leak : leaks) REQUIRE(leak == Approx(leaks[0]).epsilon(2e-5));
  // Fewer rows are a prefix.
  CHECK(same_bits(all_rows(embedding("srht"), Coins{11}, 100, d), keys.topRows(100)));
}

// The mean over rows of S at one key is an average over pairs whose products are pairwise independent: its relative
// variance is (M(2 tau)/M(tau)^2 - 1) / pairs exactly, with the moment generating function M of one product. All
// (d, tau) here have tau <= sqrt(d ln N), where the mean is not carried by rare rows.
TEST_CASE("mean leak of random keys follows its closed form", "[embedding]") {
  const Index tokens = 1024;
  const double n = tokens;
  for (const std::string name : {"sphere", "rademacher", "srht"}) {
    const Embedding& family = embedding(name);
    for (const Index d : {32, 64, 128}) {
      for (const double tau : {4.0, 6.0, 8.0}) {
        CAPTURE(name, d, tau);
        REQUIRE(tau <= std::sqrt(static_cast<double>(d) * std::log(n)));
        const auto log_mgf = [&](double t) {
          return name == "sphere" ? theory::log_sphere_mgf(d, t) : theory::log_rademacher_mgf(d, t);
        };
        const double independent = name == "srht" ? n - 1 : n * (n - 1) / 2;
        const double deviation = std::sqrt(std::expm1(log_mgf(2 * tau) - 2 * log_mgf(tau)) / independent);
        // Enough keys for six standard errors to be within 2 %.
        const int draws = std::max(2, static_cast<int>(std::ceil(std::pow(6 * deviation / 0.02, 2))));
        double mean = 0;
        for (int draw = 0; draw < draws; ++draw) {
          const Coins coins = core::derive_coins(2025, name, static_cast<std::uint64_t>(draw), "public");
          const RowMatrixF keys = all_rows(family, coins, tokens, d);
          if (name == "srht") {
            const Eigen::ArrayXd products = (keys * keys.row(0).transpose()).cast<double>().array();
            mean += (tau * (products - 1)).exp().sum() - 1;
          } else {
            for (const double leak : kvfrontier::attention::leaks(keys, tau)) mean += leak / n;
          }
        }
        mean /= draws;
        // 4e-7 tau is the stated float error of leaks().
        const double allowance = 6 * deviation / std::sqrt(draws) + 4e-7 * tau;
        REQUIRE(allowance < 0.0201);
        CHECK(std::abs(mean / *family.mean_leak(tokens, d, tau) - 1) < allowance);
      }
    }
  }
}

// P(mu+ > bound) is at most the union bound b = events * P(product > bound) and, since products are pairwise
// independent, at least b - b^2/2 (Bonferroni). For the sphere b is beta itself; on a lattice it is less.
TEST_CASE("random keys exceed the union coherence as often as theory says", "[embedding]") {
  const Index tokens = 256, d = 64;
  const double beta = 0.5;
  const int draws = 400;
  for (const std::string name : {"sphere", "rademacher", "srht"}) {
    CAPTURE(name);
    const Embedding& family = embedding(name);
    const auto coherence = family.coherence(tokens, d, beta);
    CHECK_FALSE(coherence.exact);
    const double bound = coherence.mu_plus;
    const double events = name == "srht" ? 255 : 255 * 128;
    const double expected = name == "sphere" ? beta : events * theory::rademacher_tail(d, bound + 2.0 / d);
    REQUIRE(expected <= beta);
    REQUIRE(expected > 0.1);
    int exceeded = 0;
    for (int draw = 0; draw < draws; ++draw) {
      const Coins coins = core::derive_coins(77, name, static_cast<std::uint64_t>(draw), "public");
      const auto largest = kvfrontier::attention::largest_products(all_rows(family, coins, tokens, d));
      exceeded += *std::max_element(largest.begin(), largest.end()) > bound + 1e-6;
    }
    const double fraction = static_cast<double>(exceeded) / draws, deviation = std::sqrt(0.25 / draws);
    CHECK(fraction < expected + 4 * deviation);
    CHECK(fraction > expected - expected * expected / 2 - 4 * deviation);
  }
}

TEST_CASE("impossible shapes name the nearest possible ones", "[embedding]") {
  const auto says = [](const std::string& name, Index tokens, Index d, const std::string& what) {
    const std::string why = embedding(name).why_impossible(tokens, d);
    CAPTURE(why);
    CHECK(why.find(what) != std::string::npos);
  };
  says("kerdock", 10, 20, "16 or 64");
  says("kerdock", 10, 32, "16 or 64");
  says("kerdock", 2, 2, "nearest 4");
  says("kerdock", 10, 5000, "nearest 4096");
  says("kerdock", 10, 2048, "1024 or 4096");
  says("kerdock", 145, 16, "N = 144");
  says("kerdock", 145, 16, "d >= 64");
  says("kerdock", Index{4096} * 2049 + 1, 4096, "exceeds every d");
  says("orthonormal", 17, 16, "d >= 17");
  says("biorthogonal", 33, 16, "d >= 17");
  says("biorthogonal", 33, 16, "N = 32");
  CHECK(embedding("kerdock").why_impossible(Index{4096} * 2049, 4096).empty());
  CHECK(embedding("biorthogonal").why_impossible(32, 16).empty());
}

TEST_CASE("least dimension is the first that suffices", "[embedding]") {
  for (const std::string& name : Embeddings::names()) {
    const Embedding& family = embedding(name);
    for (const Index tokens : {2, 3, 100, 1365}) {
      for (const double mu : {0.3, 0.5, 0.9}) {
        CAPTURE(name, tokens, mu);
        Index d = 1;
        while (!family.why_impossible(tokens, d).empty() || family.coherence(tokens, d, 0.01).mu_plus > mu) ++d;
        CHECK(family.least_dimension(tokens, mu, 0.01) == d);
      }
    }
    CHECK(family.least_dimension(1, 0.0, 0.01) == family.least_dimension(1, -1.0, 0.01));
    CHECK_FALSE(family.least_dimension(3, -0.9, 0.01).has_value());
  }
  CHECK(embedding("kerdock").least_dimension(144, 0.25, 0.01) == 16);
  CHECK(embedding("kerdock").least_dimension(144, 0.2, 0.01) == 64);
  CHECK_FALSE(embedding("kerdock").least_dimension(5000, 0.01, 0.01).has_value());
}
