#pragma once
// Bit strings and the two ways to touch them. Memory in kvfrontier is the length of such a string, so the writer keeps
// a ledger of what every bit is for, and the reader never tells how long the string is.

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/errors.hpp"

namespace kvfrontier::core {

// A number of bits. Signed, so that differences and products with token counts need no care.
using Bits = std::int64_t;

// A bit string, least significant bit of word 0 first. Bits past `size` in the last word are 0.
struct BitString {
  std::vector<std::uint64_t> words;
  Bits size = 0;
  friend bool operator==(const BitString&, const BitString&) = default;
};

// Bits booked per section ("keys", "values", "scales", ...), in order of first use.
using Ledger = std::vector<std::pair<std::string, Bits>>;

class BitWriter {
 public:
  // Books every following bit under `name`, until the next call. Bits written while no section is open appear in the
  // string and in no book; the game rejects such a message.
  void section(const std::string& name);

  // Appends the `count` low bits of `value`; count in 0..64, higher bits of `value` must be 0.
  void put(std::uint64_t value, int count);

  // Room for `count` bits more, for writers of long messages: a hint, once or twice a message.
  void reserve(Bits count) { bits_.words.reserve((bits_.size + count + 63) / 64); }

  const BitString& bits() const { return bits_; }
  const Ledger& ledger() const { return ledger_; }

 private:
  BitString bits_;
  Ledger ledger_;
  std::size_t open_ = none;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
};

inline void BitWriter::put(std::uint64_t value, int count) {
  assert(count >= 0 && count <= 64 && (count == 64 || value >> count == 0));
  if (count == 0) return;
  const auto offset = bits_.size & 63;
  if (offset == 0) {
    bits_.words.push_back(value);
  } else {
    bits_.words.back() |= value << offset;
    if (offset + count > 64) bits_.words.push_back(value >> (64 - offset));
  }
  bits_.size += count;
  if (open_ != none) ledger_[open_].second += count;
}

// Reads a bit string from its start. There is no way to ask for the length. Reading past the end throws DataError, and
// the string remembers it: a decoder that catches the error in order to learn the length still loses the game.
class BitReader {
 public:
  explicit BitReader(std::shared_ptr<const BitString> bits)
      : bits_(std::move(bits)), overrun_(std::make_shared<bool>(false)) {}
  explicit BitReader(BitString bits) : BitReader(std::make_shared<const BitString>(std::move(bits))) {}

  // The next `count` bits (0..64) as an unsigned number.
  std::uint64_t get(int count);

  // Copies share the mark: true once any copy has read past the end. For the game, not for decoders.
  std::shared_ptr<const bool> overrun() const { return overrun_; }

 private:
  std::shared_ptr<const BitString> bits_;
  std::shared_ptr<bool> overrun_;
  Bits position_ = 0;
};

}  // namespace kvfrontier::core
