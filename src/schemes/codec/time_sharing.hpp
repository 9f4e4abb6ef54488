#pragma once
// Fractional bits by time-sharing: of b + f bits a number, a public share f of the tokens, spread evenly over the
// stream, gets b + 1, and the others b.

#include <cmath>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

struct TimeSharing {
  int bits = 0;      // of the lower part
  double share = 0;  // of the tokens that are in the upper part, in [0, 1)

  explicit TimeSharing(double fractional_bits)
      : bits(static_cast<int>(std::floor(fractional_bits))), share(fractional_bits - std::floor(fractional_bits)) {}

  // Of the first `count` tokens, those in the upper part.
  core::Index upper(core::Index count) const {
    return static_cast<core::Index>(std::floor(share * static_cast<double>(count)));
  }
  bool is_upper(core::Index token) const { return upper(token + 1) > upper(token); }
  // b + f with `upper` of `tokens` in the upper part, at any rounding: f is the middle of those that do it.
  static double fractional_bits(int bits, core::Index upper, core::Index tokens) {
    return upper == 0 ? bits : bits + (static_cast<double>(upper) + 0.5) / static_cast<double>(tokens);
  }
};

}  // namespace kvfrontier::schemes
