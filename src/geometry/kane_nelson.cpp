#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "geometry/embedding.hpp"
#include "theory/sparse_tails.hpp"

namespace kvfrontier::geometry::kane_nelson {
namespace {

// The coordinates are cut into s blocks, block b from floor(b d/s) on, and every key has one entry +-1/sqrt(s) in each,
// so norms are exactly 1. s = theory::kane_nelson_sparsity(N, d), a function of what both parties know. (s = 1,
// CountSketch, has colliding keys once N^2 > 2 d.)
class KaneNelson final : public Embedding {
 public:
  std::string name() const override { return "kane_nelson"; }
  std::string summary() const override {
    return "block-sparse signs: one entry +-1/sqrt(s) in each of s = ceil(sqrt(d ln N)/2) blocks of d/s coordinates";
  }
  std::string source() const override {
    return "Kane and Nelson 2014 (sparser Johnson-Lindenstrauss transforms, block construction)";
  }
  std::string law() const override {
    return "s <k_i,k_j> is a sum of s signs, each present with chance s/d (exact tail); union over N(N-1)/2 pairs with "
           "probability 1 - beta; s = ceil(sqrt(d ln N)/2), at least 1 and at most d; any N, any d";
  }

  std::string why_impossible(Index tokens, Index d) const override { return why_not_positive(tokens, d); }

  void rows(core::Coins coins, Index tokens, Index first, core::RowsOutF out) const override {
    const Index d = out.cols(), s = theory::kane_nelson_sparsity(tokens, d);
    const float magnitude = 1 / std::sqrt(s);
    out.setZero();
    for (Index r = 0; r < out.rows(); ++r) {
      core::Stream stream(coins, core::Purpose("embedding/kane_nelson"), first + r);
      for (Index block = 0; block < s; ++block) {
        const Index start = block * d / s, end = (block + 1) * d / s;
        boost::random::uniform_int_distribution<Index> side(0, 2 * (end - start) - 1);
        const Index draw = side(stream);
        out(r, start + draw / 2) = draw % 2 == 0 ? magnitude : -magnitude;
      }
    }
  }

  Coherence coherence(Index tokens, Index d, double beta) const override {
    return {theory::kane_nelson_union_coherence(tokens, d, theory::kane_nelson_sparsity(tokens, d), beta), false};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    return theory::mean_leak_kane_nelson(tokens, d, theory::kane_nelson_sparsity(tokens, d), tau);
  }

 protected:
  // Products step by 1/s with s ~ ln N/mu, while the bound falls by mu/(2d) a dimension, d ~ 4 ln N/mu^2.
  double lattice_window(double mu) const override { return 8 / (mu * mu); }
};

const core::Registration<Embedding, KaneNelson> registration;

}  // namespace
}  // namespace kvfrontier::geometry::kane_nelson
