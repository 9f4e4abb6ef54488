#pragma once
// PolarEncoder with a list of paths.

#include <vector>

#include "schemes/codec/polar_code.hpp"

namespace kvfrontier::schemes {

// Writes into `spins` the spins of the codeword nearest to the source, among those in the list at the end. The signs of
// `biases`, code.length() of them, are the spins of the source. Grows `scratch` as needed.
void list_decisions(const PolarCode& code, int list, const std::vector<float>& biases, std::vector<float>& spins,
                    std::vector<float>& scratch);

}  // namespace kvfrontier::schemes
