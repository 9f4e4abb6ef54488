#include <bit>
#include <cmath>
#include <vector>

#include "geometry/binary_field.hpp"
#include "geometry/embedding.hpp"
#include "geometry/signs.hpp"

namespace kvfrontier::geometry::dual_bch {
namespace {

// Dual of the double-error-correcting BCH code: entries (-1)^{Tr(a x + b x^3)} / sqrt(d) over x in GF(2^m), d = 2^m, m
// odd. Row i has a = i mod d, b = i / d. Differences of rows are again of this form, and x^3 is almost bent for odd m
// (Gold 1968): for b != 0 the sums over x are 0 or +-2^{(m+1)/2}, so products are 0 or +-sqrt(2/d). (Weil's bound alone
// gives 2/sqrt(d).) m = 1 is left out, where x^3 = x.
constexpr Index largest_dimension = 8192;

bool is_dimension(Index d) {
  return d >= 8 && d <= largest_dimension && std::has_single_bit<std::uint64_t>(d) &&
         std::countr_zero<std::uint64_t>(d) % 2 == 1;
}

// The signs of Tr(b x^3), from Q(x + e_c) = Q(x) + Q(e_c) + Tr(b (x^2 e_c + x e_c^2)) for x < e_c = 2^c.
void write_cubic_form(const BinaryField& field, std::uint32_t b, int m, std::vector<std::uint32_t>& scratch,
                      std::uint32_t* signs) {
  signs[0] = 0;
  for (int c = 0; c < m; ++c) {
    const std::uint32_t unit = std::uint32_t{1} << c, square = field.multiply(unit, unit);
    const std::uint32_t flip = field.trace(field.multiply(b, field.multiply(square, unit))) * minus_sign;
    std::uint32_t polar = 0;
    for (int l = 0; l < c; ++l) {
      const std::uint32_t other = std::uint32_t{1} << l;
      const std::uint32_t cross = field.multiply(field.multiply(other, other), unit) ^ field.multiply(other, square);
      polar |= field.trace(field.multiply(b, cross)) << l;
    }
    write_linear_form(polar, c, scratch.data());
    for (std::uint32_t x = 0; x < unit; ++x) signs[x + unit] = signs[x] ^ scratch[x] ^ flip;
  }
}

class DualBch final : public Embedding {
 public:
  std::string name() const override { return "dual_bch"; }
  std::string summary() const override {
    return "dual BCH code: signs (-1)^{Tr(a x + b x^3)} over GF(2^m), products 0 or +-sqrt(2/d)";
  }
  std::string source() const override {
    return "Gold 1968; Kasami 1969 (weights of the dual double-error-correcting BCH code)";
  }
  std::string law() const override {
    return "mu+ = mu = sqrt(2/d) exactly (0 for N <= d); d = 2^m, m odd, from 8 to 8192, N <= d^2";
  }
  bool deterministic() const override { return true; }

  std::string why_impossible(Index tokens, Index d) const override {
    if (std::string why = why_not_positive(tokens, d); !why.empty()) return why;
    if (!is_dimension(d)) {
      Index below = 8;
      while (below < largest_dimension && 4 * below < d) below *= 4;
      const std::string nearest = d < 8                   ? "8"
                                  : d > largest_dimension ? std::to_string(largest_dimension)
                                                          : std::to_string(below) + " or " + std::to_string(4 * below);
      return "dual_bch needs d to be 2^m with odd m, from 8 to " + std::to_string(largest_dimension) + ", not " +
             std::to_string(d) + ": nearest " + nearest;
    }
    if (tokens <= d * d) return {};
    const Index enough = next_dimension(tokens, d);
    return "dual_bch holds at most N = " + std::to_string(d * d) + " rows in d = " + std::to_string(d) +
           "; N = " + std::to_string(tokens) +
           (enough > largest_dimension ? " exceeds every d" : " needs d >= " + std::to_string(enough));
  }

  void rows(core::Coins, Index, Index first, core::RowsOutF out) const override {
    const Index d = out.cols();
    const int m = std::countr_zero<std::uint64_t>(d);
    const BinaryField field(m);
    const auto magnitude = std::bit_cast<std::uint32_t>(float(1 / std::sqrt(d)));
    std::vector<std::uint32_t> cubic(d), linear(d);
    Index block = -1;
    for (Index r = 0; r < out.rows(); ++r) {
      const Index i = first + r;
      if (block != i / d) {
        block = i / d;
        write_cubic_form(field, block, m, linear, cubic.data());
      }
      std::uint32_t mask = 0;
      for (int c = 0; c < m; ++c) mask |= field.trace(field.multiply(i % d, std::uint32_t{1} << c)) << c;
      write_linear_form(mask, m, linear.data());
      float* row = out.row(r).data();
      for (Index x = 0; x < d; ++x) row[x] = std::bit_cast<float>(magnitude | (cubic[x] ^ linear[x]));
    }
  }

  // Row d, b = 1 and a = 0, meets every a' of block 0, and the cube takes the value +2^{(m+1)/2} for some a'.
  Coherence coherence(Index tokens, Index d, double) const override {
    if (tokens == 1) return {-1, true};
    return {tokens <= d ? 0 : std::sqrt(2.0 / d), true};
  }

  // Exact. Cubing is a bijection for odd m, so over all a the sums of any b != 0 are distributed as for b = 1:
  // +-2^{(m+1)/2} with shares 1/4 +- 2^{-(m+3)/2}, else 0 (sum and sum of squares over a are d and d^2). A row of one
  // block meets all a of a complete other block, and at most one block is incomplete, so this covers every pair.
  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    const double width = d, n = tokens, root = std::sqrt(2 / width);
    const double blocks = tokens / d, rest = n - blocks * width;
    const double within = blocks * width * (width - 1) / 2 + rest * (rest - 1) / 2;
    const double across = n * (n - 1) / 2 - within;
    const double excess = root / 4;  // 2^{-(m+3)/2}
    return 2 / n * std::exp(-tau) *
           (within + across * (0.5 + (0.25 + excess) * std::exp(tau * root) + (0.25 - excess) * std::exp(-tau * root)));
  }

 protected:
  Index next_dimension(Index tokens, Index d) const override {
    Index next = 8;
    while (next <= largest_dimension && (next < d || next * next < tokens)) next *= 4;
    return next <= largest_dimension ? next : Index{1} << 20;
  }
};

const core::Registration<Embedding, DualBch> registration;

}  // namespace
}  // namespace kvfrontier::geometry::dual_bch
