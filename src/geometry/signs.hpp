#pragma once
// Vectors of +-magnitude entries from bits: a set bit is a minus sign. It is written into the sign bit of the float,
// which the compiler turns into vector shifts, without branches or multiplications.

#include <bit>
#include <cstdint>

#include "core/matrix.hpp"

namespace kvfrontier::geometry {

inline constexpr std::uint32_t minus_sign = std::uint32_t{1} << 31;

// row[l] = -magnitude where bit l % 32 of words[l / 32] is set, else magnitude, for 0 <= l < d. magnitude > 0.
inline void write_signs(const std::uint32_t* words, core::Index d, float magnitude, float* row) {
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  core::Index l = 0;
  for (; l + 32 <= d; l += 32) {
    const std::uint32_t word = words[l / 32];
    for (std::uint32_t b = 0; b < 32; ++b) row[l + b] = std::bit_cast<float>(bits | (word << (31 - b) & minus_sign));
  }
  for (std::uint32_t b = 0; l + b < d; ++b) {
    row[l + b] = std::bit_cast<float>(bits | (words[l / 32] << (31 - b) & minus_sign));
  }
}

}  // namespace kvfrontier::geometry
