#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "geometry/embedding.hpp"
#include "theory/sparse_tails.hpp"

namespace kvfrontier::geometry::gaussian {
namespace {

class Gaussian final : public Embedding {
 public:
  std::string name() const override { return "gaussian"; }
  std::string summary() const override {
    return "raw Johnson-Lindenstrauss keys: independent N(0, 1/d) entries, norms not 1";
  }
  std::string source() const override {
    return "Johnson-Lindenstrauss 1984; Indyk and Motwani 1998 (Gaussian projections)";
  }
  std::string law() const override {
    return "norms fluctuate, |k|^2 = 1 +- sqrt(2/d), so what decodes is margin = min (|k_i|^2 - <k_i,k_j>): P(margin_ij <= "
           "g) <= exp(d [l g - ln(1 + 2l - l^2)/2]), l = [2g + 1 - sqrt(8 g^2 + 1)]/(2g); union over N(N-1) ordered "
           "pairs, mu+ = 1 - margin with probability 1 - beta; any N, any d, but no margin is left below d = (2/ln 2) "
           "ln(N^2/beta)";
  }
  bool unit_norm() const override { return false; }

  std::string why_impossible(Index tokens, Index d) const override { return why_not_positive(tokens, d); }

  void rows(core::Coins coins, Index, Index first, core::RowsOutF out) const override {
    const Index d = out.cols();
    const float deviation = 1 / std::sqrt(d);
    for (Index r = 0; r < out.rows(); ++r) {
      core::Stream stream(coins, core::Purpose("embedding/gaussian"), first + r);
      boost::random::normal_distribution<float> normal;
      for (Index l = 0; l < d; ++l) out(r, l) = deviation * normal(stream);
    }
  }

  Coherence coherence(Index tokens, Index d, double beta) const override {
    return {theory::gaussian_union_coherence(tokens, d, beta), false};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    return theory::mean_leak_gaussian(tokens, d, tau);
  }
};

const core::Registration<Embedding, Gaussian> registration;

}  // namespace
}  // namespace kvfrontier::geometry::gaussian
