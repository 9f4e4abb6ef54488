#pragma once
// How a stream of m fair bits and a budget of B bits are shared out among polar codes.

#include <cstdint>
#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

// Entries first .. first + length - 1, told in `bits` bits.
struct CodedBlock {
  core::Index first, length, bits;
};

// Blocks of `largest` (a power of two) entries as long as they fit; then always the longest length t 2^a, t <= 63, that
// fits, which leaves at most 1/33 of what it was cut from. The cut ends after at most log2(largest) / 5 + 1 blocks
// more, the last of at most 63 entries. Short blocks lie further from the floor; that costs a stream of m >= 2^16
// entries less than 1 % (tests/schemes/codec/polar.cpp).
//
// A block gets the floor of its share of the bits that are left, so blocks of one length differ by at most one bit,
// every total 0 <= bits <= m is met exactly, and bits = m gives every block as many bits as entries. m < 2^43, largest
// <= 2^20.
std::vector<CodedBlock> cut_into_blocks(core::Index m, core::Index bits, core::Index largest);

}  // namespace kvfrontier::schemes
