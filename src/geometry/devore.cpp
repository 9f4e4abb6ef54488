#include <cmath>
#include <vector>

#include "geometry/embedding.hpp"
#include "geometry/primes.hpp"

namespace kvfrontier::geometry::devore {
namespace {

// Row i is the graph of the polynomial P over F_q whose coefficients are the digits of i in base q, lowest degree
// first: 1/sqrt(q) at the coordinates x q + P(x). <k_i, k_j> is the number of points where the two polynomials agree,
// divided by q, so at most degree/q. For q^r < N <= q^{r+1} the degrees are at most r.
constexpr Index largest_prime = 1021;  // d < 2^20

// The prime q with q^2 = d, or 0.
Index side(Index d) {
  const Index q = std::llround(std::sqrt(d));
  return q * q == d && q <= largest_prime && is_prime(q) ? q : 0;
}

// Whether N <= q^q. With more rows, polynomials would coincide as functions.
bool holds(Index q, Index tokens) {
  Index power = 1;
  for (Index r = 0; r < q; ++r) {
    power *= q;
    if (power >= tokens) return true;
    if (power > tokens / q) return r + 1 < q;
  }
  return false;
}

// Least r with N <= q^{r+1}.
Index degree(Index q, Index tokens) {
  Index r = 0;
  for (Index rest = (tokens - 1) / q; rest > 0; rest /= q) ++r;
  return r;
}

class DeVore final : public Embedding {
 public:
  std::string name() const override { return "devore"; }
  std::string summary() const override {
    return "graphs of polynomials of degree <= r over F_q: q entries 1/sqrt(q), products = agreements/q";
  }
  std::string source() const override {
    return "DeVore 2007 (deterministic constructions of compressed sensing matrices)";
  }
  std::string law() const override {
    return "mu+ = r/q = r/sqrt(d) exactly for q^r < N <= q^{r+1} (two polynomials agree in at most r points, and monic "
           "ones that split attain it); all products >= 0; d = q^2 for a prime q up to 1021, N <= q^q";
  }
  bool deterministic() const override { return true; }

  std::string why_impossible(Index tokens, Index d) const override {
    if (std::string why = why_not_positive(tokens, d); !why.empty()) return why;
    const Index q = side(d);
    if (q == 0) {
      const auto root = static_cast<Index>(std::sqrt(d));
      const Index below = prime_up_to(std::min(root, largest_prime)), above = prime_from(root + 1);
      std::string nearest = below > 0 ? std::to_string(below * below) : "";
      if (above <= largest_prime) nearest += (nearest.empty() ? "" : " or ") + std::to_string(above * above);
      return "devore needs d to be the square of a prime up to 1021, not " + std::to_string(d) + ": nearest " + nearest;
    }
    if (holds(q, tokens)) return {};
    return "devore holds at most N = " + std::to_string(q) + "^" + std::to_string(q) +
           " rows in d = " + std::to_string(d) + "; N = " + std::to_string(tokens) +
           " needs d >= " + std::to_string(next_dimension(tokens, d));
  }

  void rows(core::Coins, Index, Index first, core::RowsOutF out) const override {
    const Index q = side(out.cols());
    const float magnitude = 1 / std::sqrt(q);
    out.setZero();
    std::vector<Index> digits;
    for (Index r = 0; r < out.rows(); ++r) {
      digits.clear();
      for (Index rest = first + r; rest > 0; rest /= q) digits.push_back(rest % q);
      for (Index x = 0; x < q; ++x) {
        Index value = 0;
        for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) value = (value * x + *digit) % q;
        out(r, x * q + value) = magnitude;
      }
    }
  }

  // Rows below q^r are all polynomials of degree < r; row q^r is x^r. Among the differences are all monic polynomials
  // of degree r, and those with r distinct roots in F_q exist because r < q.
  Coherence coherence(Index tokens, Index d, double) const override {
    if (tokens == 1) return {-1, true};
    const Index q = side(d);
    return {1.0 * degree(q, tokens) / q, true};
  }

  // For N = q^{r+1} all rows see the nonzero polynomials of degree <= r. E_a = C(q,a) sum_j (-1)^j C(q-a,j)
  // (q^{r+1-a-j} - 1) of them have exactly a roots (inclusion and exclusion; MacWilliams and Sloane, weights of MDS
  // codes).
  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    const Index q = side(d), r = tokens == 1 ? 0 : degree(q, tokens);
    const long double order = q;
    if (tokens == 1) return 0.0;
    if (std::pow(order, r + 1) != tokens) return std::nullopt;
    long double leak = 0, choose_a = 1;
    for (Index a = 0; a <= r; ++a) {
      long double count = 0, choose_j = 1;
      for (Index j = 0; j <= r - a; ++j) {
        count += (j % 2 == 0 ? 1 : -1) * choose_j * (std::pow(order, r + 1 - a - j) - 1);
        choose_j *= 1.0L * (q - a - j) / (j + 1);
      }
      leak += choose_a * count * std::exp(-tau * (1 - a / order));
      choose_a *= 1.0L * (q - a) / (a + 1);
    }
    return static_cast<double>(leak);
  }

 protected:
  Index next_dimension(Index tokens, Index d) const override {
    Index q = prime_from(std::max<Index>(2, std::ceil(std::sqrt(d))));
    while (!holds(q, tokens)) q = prime_from(q + 1);
    return q <= largest_prime ? q * q : Index{1} << 20;
  }
};

const core::Registration<Embedding, DeVore> registration;

}  // namespace
}  // namespace kvfrontier::geometry::devore
