#include <bit>
#include <cmath>
#include <vector>

#include "geometry/embedding.hpp"
#include "geometry/signs.hpp"
#include "theory/coherence.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::geometry::srht {
namespace {

// A random linear code. With N <= 2^a and d independent uniform r_l in F_2^a, row i is ((-1)^{<r_l, i>})_l / sqrt(d),
// where i is read as a vector of F_2^a. These are the columns of a Hadamard matrix of order 2^a of which d rows r_l are
// kept, drawn with replacement: the subsampled randomised Hadamard transform applied to the standard basis. (Its random
// signs are left out: they would only negate whole keys.) <k_i, k_j> = sum_l (-1)^{<r_l, i xor j>}/d depends on i xor j
// alone. So there are only 2^a - 1 distinct products, the union bound saves half of the exponent, and when N = 2^a all
// rows see the same multiset of products: S_i(tau) is the same for every i. For i != j the d signs are independent and
// fair, so one product has the Rademacher law and E S is that of Rademacher keys.
class Srht final : public Embedding {
 public:
  std::string name() const override { return "srht"; }
  std::string summary() const override {
    return "random linear code: columns of a subsampled Hadamard matrix, products depend on i xor j only";
  }
  std::string source() const override {
    return "Ailon and Chazelle 2006 (subsampled randomised Hadamard transform); Varshamov 1957 (random linear codes)";
  }
  std::string law() const override {
    return "union over 2^a - 1 products of Rademacher law, 2^a the least power >= N: mu+ <= sqrt(2 ln(2^a/beta)/d) "
           "with probability 1 - beta, half the dimension of independent keys; any N, any d, but some product is 1 "
           "with probability about 2^(a-d)";
  }

  std::string why_impossible(Index tokens, Index d) const override { return why_not_positive(tokens, d); }

  void rows(core::Coins coins, Index, Index first, core::RowsOutF out) const override {
    if (out.rows() == 0) return;
    const Index d = out.cols();
    const float magnitude = 1 / std::sqrt(d);
    const Index width = (d + 31) / 32;

    // Stream b draws bit b of all r_l. Row i is the xor of the bit vectors at the set bits of i. Stepping from i - 1 to
    // i flips the lowest bits up to the lowest set bit of i, so prefix xors make a step one xor.
    const int bits = std::bit_width<std::uint64_t>(first + out.rows() - 1);
    std::vector<std::uint32_t> prefix(bits * width), words(width, 0);
    for (int b = 0; b < bits; ++b) {
      core::Stream stream(coins, core::Purpose("embedding/srht"), b);
      const bool in_first = first >> b & 1;
      for (Index w = 0; w < width; ++w) {
        const std::uint32_t word = stream();
        if (in_first) words[w] ^= word;
        prefix[b * width + w] = word ^ (b > 0 ? prefix[(b - 1) * width + w] : 0u);
      }
    }
    for (Index r = 0; r < out.rows(); ++r) {
      if (r > 0) {
        const int lowest = std::countr_zero<std::uint64_t>(first + r);
        for (Index w = 0; w < width; ++w) words[w] ^= prefix[lowest * width + w];
      }
      write_signs(words.data(), d, magnitude, out.row(r).data());
    }
  }

  Coherence coherence(Index tokens, Index d, double beta) const override {
    return {theory::linear_code_union_coherence(tokens, d, beta), false};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    return theory::mean_leak_rademacher(tokens, d, tau);
  }
};

const core::Registration<Embedding, Srht> registration;

}  // namespace
}  // namespace kvfrontier::geometry::srht
