#include "schemes/codec/group_quantiser.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvfrontier::schemes {

GroupScale quantise_group(const float* x, core::Index count, core::Index stride, int bits, core::FloatFormat format,
                          std::uint8_t* codes, core::Index code_stride) {
  float least = x[0], most = x[0];
  for (core::Index i = 1; i < count; ++i) {
    least = std::min(least, x[i * stride]);
    most = std::max(most, x[i * stride]);
  }
  const float levels = static_cast<float>((1 << bits) - 1);
  const GroupScale group{core::stored(format, least), core::stored(format, (most - least) / levels)};
  // A constant group has no scale to divide by. (The inverse of a denormal scale would be infinite.)
  const float divisor = group.scale > 0 ? group.scale : std::numeric_limits<float>::infinity();
  for (core::Index i = 0; i < count; ++i) {
    const float level = std::nearbyint((x[i * stride] - group.zero) / divisor);
    codes[i * code_stride] = static_cast<std::uint8_t>(std::clamp(level, 0.0f, levels));
  }
  return group;
}

void put_scale(core::BitWriter& writer, core::FloatFormat format, GroupScale scale) {
  core::put_floats(writer, format, &scale.zero, 1);
  core::put_floats(writer, format, &scale.scale, 1);
}

GroupScale get_scale(core::BitReader& reader, core::FloatFormat format) {
  GroupScale scale;
  core::get_floats(reader, format, &scale.zero, 1);
  core::get_floats(reader, format, &scale.scale, 1);
  if (!std::isfinite(scale.zero) || !std::isfinite(scale.scale)) throw core::DataError("a group scale is not finite");
  return scale;
}

}  // namespace kvfrontier::schemes
