#pragma once
// Alice's bits as value entries, shared by the families whose rows are plain bits.

#include "core/matrix.hpp"
#include "core/rng.hpp"

namespace kvfrontier::reduction {

// The d fair bits of row `row` under Alice's key, as 0.0f or 1.0f. Every family that calls this draws the same bits.
inline void write_fair_bits(core::Coins alice, core::Index row, float* out, core::Index d) {
  core::Stream stream(alice, core::Purpose("index/bits"), row);
  std::uint32_t word = 0;
  for (core::Index c = 0; c < d; ++c) {
    if (c % 32 == 0) word = stream();
    out[c] = word >> (c % 32) & 1u;
  }
}

}  // namespace kvfrontier::reduction
