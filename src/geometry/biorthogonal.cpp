#include <cmath>

#include "geometry/embedding.hpp"

namespace kvfrontier::geometry::biorthogonal {
namespace {

class Biorthogonal final : public Embedding {
 public:
  std::string name() const override { return "biorthogonal"; }
  std::string summary() const override { return "the cross-polytope e_0, -e_0, e_1, -e_1, ..."; }
  std::string source() const override {
    return "first-order Reed-Muller (biorthogonal) code up to a rotation; antipodes cost a softmax nothing";
  }
  std::string law() const override { return "mu+ = 0 exactly (-1 for N = 2), although mu = 1; N <= 2d"; }
  bool deterministic() const override { return true; }

  std::string why_impossible(Index tokens, Index d) const override {
    if (std::string why = why_not_positive(tokens, d); !why.empty()) return why;
    if (tokens <= 2 * d) return {};
    return "biorthogonal holds at most N = " + std::to_string(2 * d) + " rows in d = " + std::to_string(d) +
           "; N = " + std::to_string(tokens) + " needs d >= " + std::to_string((tokens + 1) / 2);
  }

  void rows(core::Coins, Index, Index first, core::RowsOutF out) const override {
    out.setZero();
    for (Index r = 0; r < out.rows(); ++r) out(r, (first + r) / 2) = (first + r) % 2 == 0 ? 1.0f : -1.0f;
  }

  // N <= 2 has no orthogonal pair: one row alone, or a row and its antipode.
  Coherence coherence(Index tokens, Index, double) const override { return {tokens <= 2 ? -1.0 : 0.0, true}; }

  // Every row except the last of an odd N has one antipode (product -1); all other products are 0.
  std::optional<double> mean_leak(Index tokens, Index, double tau) const override {
    const double n = tokens, antipodes = tokens / 2 * 2 / n;
    return (n - 1 - antipodes) * std::exp(-tau) + antipodes * std::exp(-2 * tau);
  }

 protected:
  Index next_dimension(Index tokens, Index d) const override { return std::max(d, (tokens + 1) / 2); }
};

const core::Registration<Embedding, Biorthogonal> registration;

}  // namespace
}  // namespace kvfrontier::geometry::biorthogonal
