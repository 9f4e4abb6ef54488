#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "geometry/embedding.hpp"
#include "theory/sparse_tails.hpp"

namespace kvfrontier::geometry::achlioptas {
namespace {

class Achlioptas final : public Embedding {
 public:
  std::string name() const override { return "achlioptas"; }
  std::string summary() const override {
    return "sparse signs: entries sqrt(3/d) times +1, 0, -1 with chances 1/6, 2/3, 1/6, norms not 1";
  }
  std::string source() const override { return "Achlioptas 2003 (database-friendly random projections)"; }
  std::string law() const override {
    return "|k|^2 = 3 nonzeros/d, so what decodes is margin = min (|k_i|^2 - <k_i,k_j>): 3/d times a sum of d terms 0, 1, "
           "2 with chances 13/18, 4/18, 1/18 (exact tail); union over N(N-1) ordered pairs, mu+ = 1 - margin with "
           "probability 1 - beta; any N, any d, but no margin is left below d = ln(N^2/beta)/ln(18/13)";
  }
  bool unit_norm() const override { return false; }

  std::string why_impossible(Index tokens, Index d) const override { return why_not_positive(tokens, d); }

  void rows(core::Coins coins, Index, Index first, core::RowsOutF out) const override {
    const Index d = out.cols();
    const float magnitude = std::sqrt(3.0 / d);
    const float values[] = {magnitude, -magnitude, 0, 0, 0, 0};
    for (Index r = 0; r < out.rows(); ++r) {
      core::Stream stream(coins, core::Purpose("embedding/achlioptas"), first + r);
      boost::random::uniform_int_distribution<int> die(0, 5);
      for (Index l = 0; l < d; ++l) out(r, l) = values[die(stream)];
    }
  }

  Coherence coherence(Index tokens, Index d, double beta) const override {
    return {theory::achlioptas_union_coherence(tokens, d, beta), false};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    return theory::mean_leak_achlioptas(tokens, d, tau);
  }

 protected:
  double lattice_window(double mu) const override { return 6 / mu; }  // products step by 3/d
};

const core::Registration<Embedding, Achlioptas> registration;

}  // namespace
}  // namespace kvfrontier::geometry::achlioptas
