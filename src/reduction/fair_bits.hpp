#pragma once
// Alice's bits as value entries, shared by the families whose rows are plain bits.

#include "core/matrix.hpp"
#include "core/rng.hpp"

namespace kvfrontier::reduction {

// Fair bits 0.0f or 1.0f of row `row` under Alice's key. The same draw for every family that uses it.
inline void write_fair_bits(core::RandomKey alice, core::Index row, float* out, core::Index d) {
  core::Stream stream(alice, core::Purpose("index/bits"), static_cast<std::uint64_t>(row));
  std::uint32_t word = 0;
  for (core::Index c = 0; c < d; ++c) {
    if (c % 32 == 0) word = stream();
    out[c] = static_cast<float>(word >> (c % 32) & 1u);
  }
}

}  // namespace kvfrontier::reduction
