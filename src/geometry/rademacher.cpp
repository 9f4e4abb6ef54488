#include <cmath>
#include <vector>

#include "geometry/embedding.hpp"
#include "geometry/signs.hpp"
#include "theory/coherence.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::geometry::rademacher {
namespace {

class Rademacher final : public Embedding {
 public:
  std::string name() const override { return "rademacher"; }
  std::string summary() const override { return "independent uniform signs: entries +-1/sqrt(d)"; }
  std::string source() const override { return "Achlioptas 2003 (database-friendly random projections)"; }
  std::string law() const override {
    return "P(<u,w> > t) = P(Bin(d,1/2) > d(1+t)/2) <= exp(-d t^2/2), t >= 0; union over N(N-1)/2 pairs: mu+ <= "
           "sqrt(2 ln(N^2/(2 beta))/d) with probability 1 - beta; any N, any d, but two rows coincide (mu+ = 1) with "
           "probability about N^2/2^(d+1)";
  }

  std::string why_impossible(Index tokens, Index d) const override { return why_not_positive(tokens, d); }

  void rows(core::Coins coins, Index, Index first, core::RowsOutF out) const override {
    const Index d = out.cols();
    const float magnitude = 1 / std::sqrt(d);
    std::vector<std::uint32_t> words((d + 31) / 32);
    for (Index r = 0; r < out.rows(); ++r) {
      core::Stream stream(coins, core::Purpose("embedding/rademacher"), first + r);
      for (std::uint32_t& word : words) word = stream();
      write_signs(words.data(), d, magnitude, out.row(r).data());
    }
  }

  Coherence coherence(Index tokens, Index d, double beta) const override {
    return {theory::rademacher_union_coherence(tokens, d, beta), false};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    return theory::mean_leak_rademacher(tokens, d, tau);
  }
};

const core::Registration<Embedding, Rademacher> registration;

}  // namespace
}  // namespace kvfrontier::geometry::rademacher
