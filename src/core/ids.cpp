#include "core/ids.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvfrontier::core {
namespace {

std::string hex_of(std::uint64_t number) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex(16, '0');
  for (int i = 0; i < 16; ++i) hex[15 - i] = digits[number >> (4 * i) & 15];
  return hex;
}

}  // namespace

std::uint64_t hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hash64_hex(std::string_view bytes) {
  return hex_of(hash64(bytes));
}

std::string hash128_hex(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return hex_of(hash.high64) + hex_of(hash.low64);
}

}  // namespace kvfrontier::core
