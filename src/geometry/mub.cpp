#include <cmath>
#include <numbers>
#include <vector>

#include "geometry/embedding.hpp"
#include "geometry/primes.hpp"

namespace kvfrontier::geometry::mub {
namespace {

// The D + 1 mutually unbiased bases of C^D, D an odd prime, as real vectors of d = 2D: real parts, then imaginary
// parts. Vector w of basis s is (omega^{s x^2 + w x})_x / sqrt(D), omega = e^{2 pi i/D}. Row i is vector w = i mod D of
// basis s = i / D; the standard basis comes last. <u, w> of the real vectors is Re <u, w>, so its magnitude is at most
// 1/sqrt(D) = sqrt(2/d).
constexpr Index largest_prime = 2039;

Index side(Index d) {
  return d % 2 == 0 && d / 2 >= 3 && d / 2 <= largest_prime && is_prime(d / 2) ? d / 2 : 0;
}

class Mub final : public Embedding {
 public:
  std::string name() const override { return "mub"; }
  std::string summary() const override {
    return "complex mutually unbiased bases of prime dimension D = d/2, real and imaginary parts stacked";
  }
  std::string source() const override { return "Ivanovic 1981; Wootters and Fields 1989 (quadratic construction)"; }
  std::string law() const override {
    return "mu+ = 1/sqrt(D) = sqrt(2/d) exactly; for D = 3 mod 4 it is cos(pi/(2D)) sqrt(2/d) until the standard basis "
           "joins (N > D^2); 0 for N <= D; d = 2D for an odd prime D up to 2039, N <= D(D+1)";
  }
  bool deterministic() const override { return true; }

  std::string why_impossible(Index tokens, Index d) const override {
    if (std::string why = why_not_positive(tokens, d); !why.empty()) return why;
    if (side(d) == 0) {
      const Index below = prime_up_to(std::min(d / 2, largest_prime)),
                  above = prime_from(std::max<Index>(3, d / 2 + 1));
      std::string nearest = below >= 3 ? std::to_string(2 * below) : "";
      if (above <= largest_prime) nearest += (nearest.empty() ? "" : " or ") + std::to_string(2 * above);
      return "mub needs d to be twice an odd prime up to 2039, not " + std::to_string(d) + ": nearest " + nearest;
    }
    const Index capacity = d / 2 * (d / 2 + 1);
    if (tokens <= capacity) return {};
    const Index enough = next_dimension(tokens, d);
    return "mub holds at most N = " + std::to_string(capacity) + " rows in d = " + std::to_string(d) +
           "; N = " + std::to_string(tokens) +
           (enough > 2 * largest_prime ? " exceeds every d" : " needs d >= " + std::to_string(enough));
  }

  void rows(core::Coins, Index, Index first, core::RowsOutF out) const override {
    const Index order = side(out.cols());
    std::vector<float> cosine(order), sine(cosine);
    const double root = std::sqrt(order);
    for (Index k = 0; k < order; ++k) {
      const double angle = 2 * std::numbers::pi * k / order;
      cosine[k] = std::cos(angle) / root;
      sine[k] = std::sin(angle) / root;
    }
    for (Index r = 0; r < out.rows(); ++r) {
      const Index s = (first + r) / order, w = (first + r) % order;
      if (s == order) {
        out.row(r).setZero();
        out(r, w) = 1;
        continue;
      }
      for (Index x = 0; x < order; ++x) {
        const Index phase = (s * x % order + w) * x % order;
        out(r, x) = cosine[phase];
        out(r, order + x) = sine[phase];
      }
    }
  }

  // Two bases s != t: the Gauss sum makes the product chi(s - t) eps omega^k / sqrt(D) with k = -(w - w')^2/(4 (s - t))
  // and eps = 1 for D = 1 mod 4, i for D = 3 mod 4. Row D against basis 0 has s - t = 1. For eps = 1 and w = w' the
  // product is 1/sqrt(D). For eps = i the real parts are sin(2 pi m/D)/sqrt(D) over the squares m; 1/4 = (D+1)/4 is
  // one, and its sine cos(pi/(2D)) is the largest. Coordinate x = 0 of any row, 1/sqrt(D), is its product with the
  // first standard vector.
  Coherence coherence(Index tokens, Index d, double) const override {
    if (tokens == 1) return {-1, true};
    const Index order = side(d);
    if (tokens <= order) return {0, true};
    const double root = std::sqrt(order);
    if (order % 4 == 1 || tokens > order * order) return {1 / root, true};
    return {std::cos(std::numbers::pi / (2.0 * order)) / root, true};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    if (tokens > d / 2) return std::nullopt;
    return (tokens - 1) * std::exp(-tau);
  }

 protected:
  Index next_dimension(Index tokens, Index d) const override {
    Index order = prime_from(std::max<Index>(3, (d + 1) / 2));
    while (order <= largest_prime && order * (order + 1) < tokens) order = prime_from(order + 1);
    return order <= largest_prime ? 2 * order : Index{1} << 20;
  }
};

const core::Registration<Embedding, Mub> registration;

}  // namespace
}  // namespace kvfrontier::geometry::mub
