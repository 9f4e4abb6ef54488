#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <vector>

#include "geometry/embedding.hpp"
#include "theory/coherence.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::geometry::sphere {
namespace {

class Sphere final : public Embedding {
 public:
  std::string name() const override { return "sphere"; }
  std::string summary() const override {
    return "independent uniform points of the unit sphere (normalised Gaussians)";
  }
  std::string source() const override {
    return "Muller 1959 (normalised Gaussians); Johnson-Lindenstrauss 1984 (random projections of the standard basis)";
  }
  std::string law() const override {
    return "P(<u,w> > t) = I_{1-t^2}((d-1)/2, 1/2)/2 <= exp(-d t^2/2), t >= 0; union over N(N-1)/2 pairs: mu+ <= "
           "sqrt(2 ln(N^2/(2 beta))/d) with probability 1 - beta; any N, any d";
  }

  std::string why_impossible(Index tokens, Index d) const override { return why_not_positive(tokens, d); }

  void rows(core::Coins coins, Index, Index first, core::RowsOutF out) const override {
    const Index d = out.cols();
    std::vector<float> gaussians(d);
    for (Index r = 0; r < out.rows(); ++r) {
      core::Stream stream(coins, core::Purpose("embedding/sphere"), first + r);
      boost::random::normal_distribution<float> normal;
      double norm_squared = 0;
      // A zero vector has no direction; in low dimensions the 24-bit Gaussians produce one now and then.
      while (norm_squared == 0) {
        for (float& x : gaussians) {
          x = normal(stream);
          norm_squared += 1.0 * x * x;
        }
      }
      const double scale = 1 / std::sqrt(norm_squared);
      float* row = out.row(r).data();
      for (Index l = 0; l < d; ++l) row[l] = gaussians[l] * scale;
    }
  }

  Coherence coherence(Index tokens, Index d, double beta) const override {
    return {theory::sphere_union_coherence(tokens, d, beta), false};
  }

  std::optional<double> mean_leak(Index tokens, Index d, double tau) const override {
    return theory::mean_leak_sphere(tokens, d, tau);
  }
};

const core::Registration<Embedding, Sphere> registration;

}  // namespace
}  // namespace kvfrontier::geometry::sphere
