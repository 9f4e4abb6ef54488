#pragma once
// Arithmetic coding of symbols whose probabilities are multiples of 2^-16. A message exceeds the information content of
// its symbols by at most a fraction 2^-14 and one bit. (Martin, Range encoding, 1979; Witten, Neal and Cleary, CACM 30,
// 1987.)

#include <bit>
#include <cassert>
#include <cstdint>
#include <vector>

#include "core/bits.hpp"

namespace kvfrontier::schemes {

// A symbol occupies [first, first + count) of 2^16 slots; count >= 1.
struct Slots {
  std::uint32_t first, count;
};
inline constexpr int slot_bits = 16;

class RangeEncoder {
 public:
  void put(Slots symbol) {
    assert(symbol.count >= 1 && symbol.first + symbol.count <= 1u << slot_bits);
    const std::uint64_t slot = range_ >> slot_bits;
    low_ += slot * symbol.first;
    if (low_ >= one) carry();
    range_ = slot * symbol.count;
    // As many as bring it back into (2^31, 2^32].
    const int doublings = 32 - std::bit_width(range_ - 1);
    range_ <<= doublings;
    append(low_ >> (32 - doublings), doublings);
    low_ = (low_ << doublings) % one;
  }

  // The shortest bit string that decodes, when zeros follow it, to the symbols put so far. The last call.
  core::BitString finish();

 private:
  friend class RangeDecoder;
  // low and offset are 32-bit numbers, range is kept in (2^31, 2^32].
  static constexpr std::uint64_t one = std::uint64_t{1} << 32;

  // The `count` <= 32 low bits of `bits`, the highest first.
  void append(std::uint64_t bits, int count) {
    const int over = filled_ + count - 64;
    if (over < 0) {
      word_ = word_ << count | bits;
      filled_ += count;
      return;
    }
    words_.push_back(word_ << (count - over) | bits >> over);
    word_ = bits & ((std::uint64_t{1} << over) - 1);
    filled_ = over;
  }
  // Adds one to the bits already out, read as a number.
  void carry();

  // The bits already out, highest first: whole words, and the low `filled_` bits of a word that is not full yet.
  std::vector<std::uint64_t> words_;
  std::uint64_t word_ = 0;
  int filled_ = 0;
  std::uint64_t low_ = 0, range_ = one;  // the interval's place, relative to the bits already out
};

// Reads `bits`, and zeros after them without end. Any bits decode to some symbols.
class RangeDecoder {
 public:
  explicit RangeDecoder(core::BitString bits);

  // The slot that the next symbol occupies: the caller looks up the symbol and then takes it.
  std::uint32_t slot() const;
  void take(Slots symbol);

 private:
  void shift();

  core::BitString bits_;
  core::Bits next_ = 0;
  std::uint64_t offset_ = 0, range_ = RangeEncoder::one;
};

}  // namespace kvfrontier::schemes
