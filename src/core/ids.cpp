#include "core/ids.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvfrontier::core {

std::uint64_t hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hash128_hex(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex(32, '0');
  for (int i = 0; i < 16; ++i) {
    hex[15 - i] = digits[hash.high64 >> (4 * i) & 15];
    hex[31 - i] = digits[hash.low64 >> (4 * i) & 15];
  }
  return hex;
}

}  // namespace kvfrontier::core
