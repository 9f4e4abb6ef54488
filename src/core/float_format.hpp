#pragma once
// Stored floats: fp32, fp16, bf16. Rounding is to nearest, ties to even; a finite number too large for fp16 or bf16 is
// stored as the largest one (+-65504 in fp16) and not as infinity.

#include "core/bits.hpp"
#include "core/members.hpp"

namespace kvfrontier::core {

enum class FloatFormat { fp32, fp16, bf16 };

template <>
struct EnumNames<FloatFormat> {
  static constexpr std::array names{"fp32", "fp16", "bf16"};
};

int bits_of(FloatFormat format);

std::uint64_t encode_float(FloatFormat format, float value);
float decode_float(FloatFormat format, std::uint64_t bits);

// The value after storage.
inline float stored(FloatFormat format, float value) {
  return decode_float(format, encode_float(format, value));
}
// The same for `count` values; `stored` may be `values`.
void store_floats(FloatFormat format, const float* values, float* stored, std::int64_t count);

// `count` floats, bits_of(format) bits each, in order.
void put_floats(BitWriter& writer, FloatFormat format, const float* values, std::int64_t count);
void get_floats(BitReader& reader, FloatFormat format, float* values, std::int64_t count);

}  // namespace kvfrontier::core
