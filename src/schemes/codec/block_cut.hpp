#pragma once
// Divides a stream of m entries and a budget of bits into blocks.

#include <cstdint>
#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

// Entries first .. first + length - 1, described in `bits` bits.
struct CodedBlock {
  core::Index first, length, bits;
};

// Blocks have `usual` (a power of two) entries while at least twice as many are left. After that each block has the
// longest length t 2^a, t <= 63, that fits, which leaves less than 1/32 of the rest, until nothing is left. So the
// last long block is longer than usual instead of being followed by a long tail: a stream of m >= 2^16 entries loses
// less than a hundredth to its short blocks (tests/schemes/codec/polar.cpp).
//
// Up to the end of every block, the bits add up to bits * entries / m, rounded down. So every block is within one bit
// of its share, the total is exact, and bits = m gives every block as many bits as entries.
//
// m, bits < 2^41; usual <= 2^20.
std::vector<CodedBlock> cut_into_blocks(core::Index m, core::Index bits, core::Index usual);

}  // namespace kvfrontier::schemes
