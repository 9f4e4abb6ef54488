#include "schemes/codec/group_quantiser.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvfrontier::schemes {

namespace {

core::Index ceil_divide(core::Index a, core::Index b) {
  return (a + b - 1) / b;
}

std::uint64_t grouped_bits(const Grouping& grouping, core::Index entries, core::Index groups) {
  return static_cast<std::uint64_t>(entries * grouping.bits + groups * 2 * core::bits_of(grouping.format));
}

QuantisedRows get_quantised(core::BitReader& reader, const Grouping& grouping, core::Index entries,
                            core::Index groups) {
  QuantisedRows rows;
  rows.scales.resize(static_cast<std::size_t>(groups));
  for (GroupScale& scale : rows.scales) scale = get_scale(reader, grouping.format);
  rows.codes.resize(static_cast<std::size_t>(entries));
  for (std::uint8_t& code : rows.codes) code = static_cast<std::uint8_t>(reader.get(grouping.bits));
  return rows;
}

}  // namespace

GroupScale quantise_group(const float* x, core::Index count, core::Index stride, int steps, core::FloatFormat format,
                          std::uint8_t* codes, core::Index code_stride) {
  float least = x[0], most = x[0];
  for (core::Index i = 1; i < count; ++i) {
    least = std::min(least, x[i * stride]);
    most = std::max(most, x[i * stride]);
  }
  const float levels = static_cast<float>(steps);
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

std::uint64_t Grouping::column_bits(core::Index count) const {
  return grouped_bits(*this, count * d, ceil_divide(count, group) * d);
}
std::uint64_t Grouping::row_bits(core::Index count) const {
  return grouped_bits(*this, count * d, count * ceil_divide(d, group));
}

void quantise_columns(const Grouping& grouping, const float* rows, core::Index count, QuantisedRows& out) {
  const core::Index d = grouping.d;
  for (core::Index first = 0; first < count; first += grouping.group) {
    const core::Index members = std::min(grouping.group, count - first);
    const std::size_t codes = out.codes.size();
    out.codes.resize(codes + static_cast<std::size_t>(members * d));
    for (core::Index c = 0; c < d; ++c) {
      out.scales.push_back(quantise_group(rows + first * d + c, members, d, grouping.steps, grouping.format,
                                          out.codes.data() + codes + c, d));
    }
  }
}

void quantise_rows(const Grouping& grouping, const float* rows, core::Index count, QuantisedRows& out) {
  const core::Index d = grouping.d;
  for (core::Index i = 0; i < count; ++i) {
    const std::size_t codes = out.codes.size();
    out.codes.resize(codes + static_cast<std::size_t>(d));
    for (core::Index first = 0; first < d; first += grouping.group) {
      out.scales.push_back(quantise_group(rows + i * d + first, std::min(grouping.group, d - first), 1, grouping.steps,
                                          grouping.format, out.codes.data() + codes + first, 1));
    }
  }
}

core::RowMatrixF columns_value(const Grouping& grouping, const QuantisedRows& rows, core::Index count) {
  core::RowMatrixF values(count, grouping.d);
  const std::uint8_t* code = rows.codes.data();
  for (core::Index i = 0; i < count; ++i) {
    const GroupScale* scales = rows.scales.data() + i / grouping.group * grouping.d;
    for (core::Index c = 0; c < grouping.d; ++c) values(i, c) = scales[c].value(*code++);
  }
  return values;
}

core::RowMatrixF rows_value(const Grouping& grouping, const QuantisedRows& rows, core::Index count) {
  core::RowMatrixF values(count, grouping.d);
  const std::uint8_t* code = rows.codes.data();
  const GroupScale* scales = rows.scales.data();
  for (core::Index i = 0; i < count; ++i, scales += ceil_divide(grouping.d, grouping.group)) {
    for (core::Index c = 0; c < grouping.d; ++c) values(i, c) = scales[c / grouping.group].value(*code++);
  }
  return values;
}

void put_quantised(core::BitWriter& writer, const Grouping& grouping, const QuantisedRows& rows, const char* section) {
  writer.section("scales");
  for (const GroupScale& scale : rows.scales) put_scale(writer, grouping.format, scale);
  writer.section(section);
  for (const std::uint8_t code : rows.codes) writer.put(code, grouping.bits);
}

QuantisedRows get_columns(core::BitReader& reader, const Grouping& grouping, core::Index count) {
  return get_quantised(reader, grouping, count * grouping.d, ceil_divide(count, grouping.group) * grouping.d);
}
QuantisedRows get_rows(core::BitReader& reader, const Grouping& grouping, core::Index count) {
  return get_quantised(reader, grouping, count * grouping.d, count * ceil_divide(grouping.d, grouping.group));
}

}  // namespace kvfrontier::schemes
