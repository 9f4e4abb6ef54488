#include <bit>
#include <cmath>
#include <vector>

#include "geometry/binary_field.hpp"
#include "geometry/embedding.hpp"
#include "geometry/signs.hpp"

namespace kvfrontier::geometry::kerdock {
namespace {

// Kerdock's d/2 + 1 mutually unbiased bases of R^d, d = 2^m, m even. For s in GF(2^{m-1}) the quadratic form
//   Q_s(x, a) = sum_{i=1}^{(m-2)/2} Tr((s x)^{2^i + 1}) + a Tr(s x),   (x, a) in GF(2^{m-1}) x F_2,
// gives the basis of the vectors (-1)^{Q_s(y) + <w, y>} / sqrt(d), w in F_2^m. Differences Q_s - Q_t are nonsingular
// (bent), so vectors of two bases have product +-1/sqrt(d). Row i is vector w = i mod d of basis s = i / d; the
// standard basis comes last. A field element is the integer of its polynomial's coefficients, y = x + 2^{m-1} a.
constexpr Index largest_dimension = 4096;

bool is_dimension(Index d) {
  return d >= 4 && d <= largest_dimension && std::has_single_bit<std::uint64_t>(d) &&
         std::countr_zero<std::uint64_t>(d) % 2 == 0;
}

Index capacity(Index d) {
  return d * (d / 2 + 1);
}

// The signs of Q_s on all y < d, in O(d + log^4 d): Q(y + e_b) = Q(y) + Q(e_b) + B(y, e_b) for y < e_b = 2^b, with the
// polar form B. In u = s x it is B(u, v) = Tr(u) Tr(v) + Tr(u v), because Tr(u^{2^i} v + u v^{2^i}) over i = 1 ..
// (m-2)/2 runs through all conjugates of u except u itself; and B(u, a) = a Tr(u).
void write_quadratic_form(std::uint32_t s, int m, std::vector<std::uint32_t>& scratch, std::uint32_t* signs) {
  const BinaryField field(m - 1);
  std::vector<std::uint32_t> scaled, traces;  // s x and its trace, for x the powers 2^b
  signs[0] = 0;
  for (int b = 0; b < m; ++b) {
    std::uint32_t value = 0, polar = 0;  // Q(e_b) and the mask of B(., e_b)
    if (b < m - 1) {
      const std::uint32_t u = field.multiply(s, std::uint32_t{1} << b), trace = field.trace(u);
      std::uint32_t conjugate = u;
      for (int i = 1; i <= (m - 2) / 2; ++i) {
        conjugate = field.multiply(conjugate, conjugate);
        value ^= field.trace(field.multiply(conjugate, u));
      }
      for (int c = 0; c < b; ++c) polar |= ((traces[c] & trace) ^ field.trace(field.multiply(scaled[c], u))) << c;
      scaled.push_back(u);
      traces.push_back(trace);
    } else {
      for (int c = 0; c < b; ++c) polar |= traces[c] << c;
    }
    const std::uint32_t size = std::uint32_t{1} << b, flip = value * minus_sign;
    write_linear_form(polar, b, scratch.data());
    for (std::uint32_t y = 0; y < size; ++y) signs[y + size] = signs[y] ^ scratch[y] ^ flip;
  }
}

class Kerdock final : public Embedding {
 public:
  std::string name() const override { return "kerdock"; }
  std::string summary() const override {
    return "Kerdock's real mutually unbiased bases: all products of distinct rows are 0 or +-1/sqrt(d)";
  }
  std::string source() const override { return "Kerdock 1972; Cameron and Seidel 1973; Calderbank et al. 1997"; }
  std::string law() const override {
    return "mu+ = mu = 1/sqrt(d) exactly (0 for N <= d); d = 4^s from 4 to 4096, N <= d(d/2 + 1)";
  }
  bool deterministic() const override { return true; }

  std::string why_impossible(Index tokens, Index d) const override {
    if (std::string why = why_not_positive(tokens, d); !why.empty()) return why;
    if (!is_dimension(d)) {
      Index below = 4;
      while (below < largest_dimension && 4 * below < d) below *= 4;
      const std::string nearest = d < 4                   ? "4"
                                  : d > largest_dimension ? std::to_string(largest_dimension)
                                                          : std::to_string(below) + " or " + std::to_string(4 * below);
      return "kerdock needs d to be a power of 4 from 4 to " + std::to_string(largest_dimension) + ", not " +
             std::to_string(d) + ": nearest " + nearest;
    }
    if (tokens <= capacity(d)) return {};
    const Index enough = next_dimension(tokens, d);
    return "kerdock holds at most N = " + std::to_string(capacity(d)) + " rows in d = " + std::to_string(d) +
           "; N = " + std::to_string(tokens) +
           (enough > largest_dimension ? " exceeds every d" : " needs d >= " + std::to_string(enough));
  }

  void rows(core::Coins, Index, Index first, core::RowsOutF out) const override {
    const Index d = out.cols();
    const int m = std::countr_zero<std::uint64_t>(d);
    const auto magnitude = std::bit_cast<std::uint32_t>(std::ldexp(1.0f, -m / 2));
    std::vector<std::uint32_t> quadratic(d), linear(d);
    Index basis = -1;
    for (Index r = 0; r < out.rows(); ++r) {
      const Index i = first + r;
      float* row = out.row(r).data();
      if (i / d == d / 2) {
        out.row(r).setZero();
        row[i % d] = 1;
        continue;
      }
      if (basis != i / d) {
        basis = i / d;
        write_quadratic_form(basis, m, linear, quadratic.data());
      }
      write_linear_form(i % d, m, linear.data());
      for (Index y = 0; y < d; ++y) row[y] = std::bit_cast<float>(magnitude | (quadratic[y] ^ linear[y]));
    }
  }

  // Row d is not orthogonal to all of the first basis, and its products with it sum to sqrt(d) > 0.
  Coherence coherence(Index tokens, Index d, double) const override {
    if (tokens == 1) return {-1, true};
    return {tokens <= d ? 0 : 1 / std::sqrt(d), true};
  }

  // Exact, from the numbers of pairs with each product. Two rows of one basis: 0. A vector of basis t against all d
  // vectors of another basis s: products +-1/sqrt(d) that add up to (Q_s + Q_t)(0) = 0, that is, sqrt(d) more are
  // positive than negative. A vector e_y of the standard basis against all of basis s: they add up to d/sqrt(d) entries
  // for y = 0, which makes all of them positive, and to 0 for y > 0. At most one of the two bases is incomplete, so
  // this covers every pair.
  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    const double width = d, root = std::sqrt(width), n = tokens;
    const double bases = std::min(tokens / d, d / 2);  // complete ones, without the standard basis
    const double rest = n - bases * width;
    const bool standard = tokens > d * (d / 2);
    const double within = bases * width * (width - 1) / 2 + rest * (rest - 1) / 2;
    const double across = n * (n - 1) / 2 - within;
    const double excess = bases * (bases - 1) / 2 * width * root + (standard ? bases * width : bases * rest * root);
    const double positive = (across + excess) / 2, negative = (across - excess) / 2;
    return 2 / n *
           (within * std::exp(-tau) + positive * std::exp(-tau * (1 - 1 / root)) +
            negative * std::exp(-tau * (1 + 1 / root)));
  }

 protected:
  Index next_dimension(Index tokens, Index d) const override {
    Index next = 4;
    while (next <= largest_dimension && (next < d || capacity(next) < tokens)) next *= 4;
    return next <= largest_dimension ? next : Index{1} << 20;
  }
};

const core::Registration<Embedding, Kerdock> registration;

}  // namespace
}  // namespace kvfrontier::geometry::kerdock
