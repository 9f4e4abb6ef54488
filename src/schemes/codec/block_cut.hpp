#pragma once
// How a stream of m entries and a budget of bits are shared out among blocks.

#include <cstdint>
#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

// Entries first .. first + length - 1, told in `bits` bits.
struct CodedBlock {
  core::Index first, length, bits;
};

// Blocks of `usual` (a power of two) entries while at least twice as many are left, and then always the longest length
// t 2^a, t <= 63, that fits, which leaves less than 1/32 of what it was cut from, until nothing is left. So the last
// long block is longer than usual rather than followed by a long tail: a stream of m >= 2^16 entries loses less than a
// hundredth to its short blocks (tests/schemes/codec/polar.cpp).
//
// The bits up to the end of every block are the floor of its share of all bits. So a block is within one bit of its
// share, every total is met exactly, and bits = m gives every block as many bits as entries.
//
// m, bits < 2^41; usual <= 2^20.
std::vector<CodedBlock> cut_into_blocks(core::Index m, core::Index bits, core::Index usual);

}  // namespace kvfrontier::schemes
