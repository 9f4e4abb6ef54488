#include "geometry/embedding.hpp"

#include <algorithm>
#include <cmath>

#include "theory/search.hpp"

namespace kvfrontier::geometry {
namespace {

constexpr Index dimension_limit = Index{1} << 20;

}  // namespace

std::optional<Index> Embedding::least_dimension(Index tokens, double mu, double beta) const {
  const auto suffices = [&](Index d) { return coherence(tokens, d, beta).mu_plus <= mu; };

  if (deterministic()) {
    for (Index d = next_dimension(tokens, 1); d < dimension_limit; d = next_dimension(tokens, d + 1)) {
      if (suffices(d)) return d;
    }
    return std::nullopt;
  }

  if (suffices(1)) return 1;
  if (!suffices(dimension_limit - 1)) return std::nullopt;
  // Union bounds fall like sqrt(4 ln(N/beta)/d), but products of +-1 entries lie on a lattice of step 2/d. So the bound
  // is not monotone within a window of about 2 (2/d) d/mu = 4/mu dimensions around the crossing (the default
  // lattice_window). Look back four windows.
  const double guess = 4 * std::log(tokens / beta) / (mu * mu);
  const Index start = std::isfinite(guess) ? static_cast<Index>(std::min<double>(guess, dimension_limit)) : 1;
  const Index crossing = theory::least_true_near(start, 1, dimension_limit - 1, suffices);
  const Index window = mu > 0 ? static_cast<Index>(std::min(4 * lattice_window(mu), 4096.0)) + 1 : 4096;
  Index d = std::max<Index>(1, crossing - window);
  while (!suffices(d)) ++d;
  return d;
}

Index Embedding::next_dimension(Index, Index d) const {
  return d;
}

std::string Embedding::why_not_positive(Index tokens, Index d) {
  if (tokens < 1) return "N must be at least 1";
  if (d < 1) return "d must be at least 1";
  return {};
}

}  // namespace kvfrontier::geometry
