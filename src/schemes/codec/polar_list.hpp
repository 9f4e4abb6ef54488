#pragma once
// The list half of PolarEncoder.

#include <vector>

#include "schemes/codec/polar_code.hpp"

namespace kvfrontier::schemes {

// Spins of the codeword nearest to the source (whose spins are the signs of `biases`) among those that end in the list.
// `scratch` is grown as needed.
void list_decisions(const PolarCode& code, int list, const std::vector<float>& biases, std::vector<float>& spins,
                    std::vector<float>& scratch);

}  // namespace kvfrontier::schemes
