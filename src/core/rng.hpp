#pragma once
// Counter-based randomness: every draw is a function of (key, purpose, index), so any row of a stream of 10^7 tokens
// is reached in O(1) and needs no storage. Philox4x32-10 of Random123; distributions come from Boost.Random.

#include <Random123/philox.h>
// MicroURNG needs the macros of the above, so the order matters.
#include <Random123/MicroURNG.hpp>

#include <cstdint>
#include <string_view>

namespace kvfrontier::core {

// Raised whenever a change alters the bits drawn for the same key; it is part of every point id.
inline constexpr int rng_version = 1;

// A Philox key. Whoever holds it knows every stream drawn from it: `public` keys are shared, `alice` and `bob` are not.
struct RandomKey {
  std::uint64_t value = 0;
  friend bool operator==(RandomKey, RandomKey) = default;
};

// Names an independent family of streams under one key ("uniform/priority"). Hashed at compile time (FNV-1a), so a
// plug-in names its own purposes in its own file.
struct Purpose {
  std::uint32_t value;
  consteval explicit Purpose(std::string_view name) : value(2166136261u) {
    for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 16777619u;
  }
};

// A UniformRandomBitGenerator over 2^34 32-bit words: stream `index` of `purpose` under `key`.
class Stream : public r123::MicroURNG<r123::Philox4x32> {
 public:
  // The last counter word is MicroURNG's own and must be 0.
  Stream(RandomKey key, Purpose purpose, std::uint64_t index)
      : MicroURNG({{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), purpose.value, 0u}},
                  {{static_cast<std::uint32_t>(key.value), static_cast<std::uint32_t>(key.value >> 32)}}) {}

  std::uint64_t next64() {
    const std::uint64_t low = (*this)();
    return low | static_cast<std::uint64_t>((*this)()) << 32;
  }
};

// Key of `role` ("public", "alice", "bob") for trial `trial` of the instance described by `instance` under a config
// seed.
RandomKey derive_key(std::uint64_t seed, std::string_view instance, std::uint64_t trial, std::string_view role);

}  // namespace kvfrontier::core
