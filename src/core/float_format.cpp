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

}  // namespace

const std::vector<std::string>& float_format_names() {
  static const std::vector<std::string> names{"fp32", "fp16", "bf16"};
  return names;
}

FloatFormat float_format(const std::string& name) {
  if (name == "fp32") return FloatFormat::fp32;
  if (name == "fp16") return FloatFormat::fp16;
  if (name == "bf16") return FloatFormat::bf16;
  throw std::logic_error("not a float format: " + name);
}

int bits_of(FloatFormat format) {
  return format == FloatFormat::fp32 ? 32 : 16;
}

std::uint64_t encode_float(FloatFormat format, float value) {
  switch (format) {
    case FloatFormat::fp32:
      return std::bit_cast<std::uint32_t>(value);
    case FloatFormat::fp16:
      return static_cast<Eigen::half>(bounded(value, 65504.0f)).x;
    case FloatFormat::bf16:
      return Eigen::bfloat16(bounded(value, 0x1.fep127f)).value;
  }
  throw std::logic_error("not a float format");
}

float decode_float(FloatFormat format, std::uint64_t bits) {
  switch (format) {
    case FloatFormat::fp32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    case FloatFormat::fp16:
      return static_cast<float>(Eigen::half(Eigen::half_impl::raw_uint16_to_half(static_cast<std::uint16_t>(bits))));
    case FloatFormat::bf16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  throw std::logic_error("not a float format");
}

void put_floats(BitWriter& writer, FloatFormat format, const float* values, std::size_t count) {
  const int width = bits_of(format);
  for (std::size_t i = 0; i < count; ++i) writer.put(encode_float(format, values[i]), width);
}

void get_floats(BitReader& reader, FloatFormat format, float* values, std::size_t count) {
  const int width = bits_of(format);
  for (std::size_t i = 0; i < count; ++i) values[i] = decode_float(format, reader.get(width));
}

}  // namespace kvfrontier::core
