#pragma once
// Arithmetic coding of symbols whose probabilities are multiples of 2^-16, within a fraction 2^-14 and one bit of their
// information content. (Martin, Range encoding, 1979; Witten, Neal and Cleary, CACM 30, 1987.)

#include <cstdint>
#include <vector>

namespace kvfrontier::schemes {

// A symbol occupies [first, first + count) of 2^16 slots; count >= 1.
struct Slots {
  std::uint32_t first, count;
};
inline constexpr int slot_bits = 16;

class RangeEncoder {
 public:
  void put(Slots symbol);

  // The shortest bit string that decodes, when zeros follow it, to the symbols put so far. Ends the encoder's use.
  std::vector<bool> finish();

 private:
  void carry();

  std::vector<bool> bits_;
  std::uint64_t low_ = 0, range_ = std::uint64_t{1} << 32;  // the interval's place, relative to the bits already out
};

// Reads `bits` and zeros after them, for ever. Any bits decode to some symbols.
class RangeDecoder {
 public:
  explicit RangeDecoder(std::vector<bool> bits);

  // The slot that the next symbol occupies: the caller looks up the symbol and then takes it.
  std::uint32_t slot() const;
  void take(Slots symbol);

 private:
  void shift();

  std::vector<bool> bits_;
  std::size_t next_ = 0;
  std::uint64_t offset_ = 0, range_ = std::uint64_t{1} << 32;
};

}  // namespace kvfrontier::schemes
