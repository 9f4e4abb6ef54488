#pragma once
// Which positions of a polar code are reliable: density evolution, exact where densities are far from Gaussian and
// one-dimensional below.

#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

// A number per position of u, larger for a more reliable one, when the codeword is seen through BSC(D) and the earlier
// positions are known; 1 - H2(D) = dimension / length, 0 < dimension < length.
//
// Near the root a density is a list of atoms: a binary symmetric channel is a mixture of BSCs. The test channel is one
// atom, far from a Gaussian, and treating it as one costs .015 of the gap at rate .75; six exact levels cost nothing
// measurable against a Monte-Carlo genie. Below, the mean of a Gaussian log-likelihood ratio stands for the density: a
// table look-up per position, where the Bhattacharyya parameter would saturate. The mean is kept as a logarithm, so the
// order is meaningful among positions that are hopeless or certain to machine precision.
std::vector<double> polar_reliability(core::Index length, core::Index dimension);

}  // namespace kvfrontier::schemes
