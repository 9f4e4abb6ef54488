#pragma once
// Fractional bits by time-sharing. At b + f bits per number, a public fraction f of the tokens, spread evenly over the
// stream, gets b + 1 bits per number and the others b.

#include <cmath>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

struct TimeSharing {
  int bits = 0;      // per number in the lower part
  double share = 0;  // fraction of the tokens in the upper part, in [0, 1)

  explicit TimeSharing(double fractional_bits)
      : bits(std::floor(fractional_bits)), share(fractional_bits - std::floor(fractional_bits)) {}

  // How many of the first `count` tokens are in the upper part.
  core::Index upper(core::Index count) const { return std::floor(share * count); }
  bool is_upper(core::Index token) const { return upper(token + 1) > upper(token); }
  // The b + f that puts `upper` of `tokens` tokens into the upper part: f is the middle of its range, so that rounding
  // does no harm.
  static double fractional_bits(int bits, core::Index upper, core::Index tokens) {
    return upper == 0 ? bits : bits + (upper + 0.5) / tokens;
  }
};

}  // namespace kvfrontier::schemes
