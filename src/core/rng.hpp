#pragma once
// Counter-based randomness: every draw is a function of (coins, purpose, index), so any row of a stream of 10^7 tokens
// is reached in O(1) and needs no storage. Philox4x32-10 of Random123; distributions come from Boost.Random.

#include <Random123/philox.h>

#include <cstdint>
#include <limits>
#include <string_view>

namespace kvfrontier::core {

// Raised whenever a change alters the bits drawn from the same coins; it is part of every point id.
inline constexpr int rng_version = 1;

// Randomness, as the Philox key that it is drawn with. Whoever holds the coins knows every stream drawn from them: both
// parties hold the public ones, and each its own.
struct Coins {
  std::uint64_t value = 0;
  friend bool operator==(Coins, Coins) = default;
};

// Names an independent family of streams under the same coins ("uniform/priority"). Hashed at compile time (FNV-1a), so a
// plug-in names its own purposes in its own file.
struct Purpose {
  std::uint32_t value;
  consteval explicit Purpose(std::string_view name) : value(2166136261u) {
    for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 16777619u;
  }
};

// A UniformRandomBitGenerator over 2^34 32-bit words: stream `index` of `purpose` under `coins`. Block after block of
// Philox, the last word of each first (the order of Random123's MicroURNG).
class Stream {
 public:
  using result_type = std::uint32_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  Stream(Coins coins, Purpose purpose, std::uint64_t index)
      : counter_{{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), purpose.value, 0u}},
        key_{{static_cast<std::uint32_t>(coins.value), static_cast<std::uint32_t>(coins.value >> 32)}} {}

  result_type operator()() {
    if (next_ == end_) refill();
    return words_[next_++];
  }
  std::uint64_t next64() {
    const std::uint64_t low = (*this)();
    return low | static_cast<std::uint64_t>((*this)()) << 32;
  }

 private:
  static constexpr std::uint32_t batch = 8;
  void refill();

  r123::Philox4x32::ctr_type counter_;  // of the next block
  r123::Philox4x32::key_type key_;
  std::uint32_t next_ = 0, end_ = 0;
  std::uint32_t words_[4 * batch];
};

// Coins of `role` ("public", "alice", "bob") for trial `trial` of the instance described by `instance` under a config
// seed.
Coins derive_coins(std::uint64_t seed, std::string_view instance, std::uint64_t trial, std::string_view role);

}  // namespace kvfrontier::core
