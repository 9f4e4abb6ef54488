#pragma once
// The best scalar quantiser of a Gaussian (Lloyd 1957, Max 1960).

#include <vector>

namespace kvfrontier::theory {

// `levels` ascending, `thresholds` the middles between neighbours, `mse` the mean squared error on N(0, 1).
struct ScalarQuantiser {
  std::vector<double> levels, thresholds;
  double mse = 0;

  double quantise(double x) const;
};

// 2^bits levels, by Lloyd's iteration with the closed-form moments of the normal law, until the mse changes by a
// fraction of at most 1e-15 or 20000 rounds are over. mse .36338, .11748, .03454, .00950 for 1 to 4 bits. 1 <= bits <=
// 8, else std::domain_error.
ScalarQuantiser lloyd_max(int bits);

}  // namespace kvfrontier::theory
