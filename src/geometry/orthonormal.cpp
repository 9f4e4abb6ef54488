#include <cmath>

#include "geometry/embedding.hpp"

namespace kvfrontier::geometry::orthonormal {
namespace {

class Orthonormal final : public Embedding {
 public:
  std::string name() const override { return "orthonormal"; }
  std::string summary() const override { return "the standard basis e_0, ..., e_{N-1}"; }
  std::string source() const override { return "the identity map: what Johnson-Lindenstrauss projects when N > d"; }
  std::string law() const override { return "mu+ = 0 exactly; N <= d"; }
  bool deterministic() const override { return true; }

  std::string why_impossible(Index tokens, Index d) const override {
    if (std::string why = why_not_positive(tokens, d); !why.empty()) return why;
    if (tokens <= d) return {};
    return "orthonormal holds at most N = " + std::to_string(d) + " rows in d = " + std::to_string(d) +
           "; N = " + std::to_string(tokens) + " needs d >= " + std::to_string(tokens);
  }

  void rows(core::Coins, Index, Index first, core::RowsOutF out) const override {
    out.setZero();
    for (Index r = 0; r < out.rows(); ++r) out(r, first + r) = 1;
  }

  Coherence coherence(Index tokens, Index, double) const override { return {tokens == 1 ? -1.0 : 0.0, true}; }

  std::optional<double> mean_leak(Index tokens, Index, double tau) const override {
    return (tokens - 1) * std::exp(-tau);
  }

 protected:
  Index next_dimension(Index tokens, Index d) const override { return std::max(d, tokens); }
};

const core::Registration<Embedding, Orthonormal> registration;

}  // namespace
}  // namespace kvfrontier::geometry::orthonormal
