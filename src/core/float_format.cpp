#include "core/float_format.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

namespace kvfrontier::core {
namespace {

float bounded(float value, float largest) {
  return std::isfinite(value) ? std::clamp(value, -largest, largest) : value;
}

// Each format is a code of so many bits as its type has.
struct Fp32 {
  static std::uint32_t encode(float value) { return std::bit_cast<std::uint32_t>(value); }
  static float decode(std::uint32_t bits) { return std::bit_cast<float>(bits); }
};
struct Fp16 {
  static std::uint16_t encode(float value) { return static_cast<Eigen::half>(bounded(value, 65504.0f)).x; }
  static float decode(std::uint16_t bits) {
    return static_cast<float>(Eigen::half(Eigen::half_impl::raw_uint16_to_half(bits)));
  }
};
struct Bf16 {
  static std::uint16_t encode(float value) { return Eigen::bfloat16(bounded(value, 0x1.fep127f)).value; }
  static float decode(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

// run(codec), the switch outside of its loops.
template <class Run>
decltype(auto) with_format(FloatFormat format, const Run& run) {
  switch (format) {
    case FloatFormat::fp32:
      return run(Fp32());
    case FloatFormat::fp16:
      return run(Fp16());
    case FloatFormat::bf16:
      return run(Bf16());
  }
  throw std::logic_error("not a float format");
}

}  // namespace

int bits_of(FloatFormat format) {
  return format == FloatFormat::fp32 ? 32 : 16;
}

std::uint64_t encode_float(FloatFormat format, float value) {
  return with_format(format, [&](auto codec) { return std::uint64_t{codec.encode(value)}; });
}

float decode_float(FloatFormat format, std::uint64_t bits) {
  return with_format(format, [&](auto codec) { return codec.decode(static_cast<decltype(codec.encode(0))>(bits)); });
}

void store_floats(FloatFormat format, const float* values, float* stored, std::int64_t count) {
  with_format(format, [&](auto codec) {
    std::transform(values, values + count, stored, [&](float value) { return codec.decode(codec.encode(value)); });
  });
}

void put_floats(BitWriter& writer, FloatFormat format, const float* values, std::int64_t count) {
  with_format(format, [&](auto codec) {
    constexpr int width = 8 * sizeof(codec.encode(0));
    constexpr int together = 64 / width;
    std::int64_t i = 0;
    for (; i + together <= count; i += together) {
      std::uint64_t word = 0;
      for (int j = together; j-- > 0;) word = word << width | codec.encode(values[i + j]);
      writer.put(word, 64);
    }
    for (; i < count; ++i) writer.put(codec.encode(values[i]), width);
  });
}

void get_floats(BitReader& reader, FloatFormat format, float* values, std::int64_t count) {
  with_format(format, [&](auto codec) {
    using Code = decltype(codec.encode(0));
    for (std::int64_t i = 0; i < count; ++i) values[i] = codec.decode(static_cast<Code>(reader.get(8 * sizeof(Code))));
  });
}

}  // namespace kvfrontier::core
