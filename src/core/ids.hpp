#pragma once
// Content hashes (XXH3): point ids, key derivation, digests of outputs, checksums of lines.

#include <cstdint>
#include <string>
#include <string_view>

namespace kvfrontier::core {

std::uint64_t hash64(std::string_view bytes);
// The same as 16 lower-case hexadecimal digits.
std::string hash64_hex(std::string_view bytes);

// 128 bits as 32 lower-case hexadecimal digits.
std::string hash128_hex(std::string_view bytes);

}  // namespace kvfrontier::core
