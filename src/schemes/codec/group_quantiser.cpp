#include "schemes/codec/group_quantiser.hpp"

#ifdef __BMI2__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace kvfrontier::schemes {
namespace {

core::Index ceil_divide(core::Index a, core::Index b) {
  return (a + b - 1) / b;
}

core::Bits grouped_bits(const Grouping& grouping, core::Index entries, core::Index groups) {
  return entries * grouping.bits + groups * 2 * core::bits_of(grouping.format);
}

// The writer or reader takes eight codes in one step instead of eight.
constexpr int together = 8;

// The low `bits` bits of eight bytes as one number, the first lowest, and back.
std::uint64_t joined(const std::uint8_t* codes, int bits) {
  std::uint64_t value = 0;
#ifdef __BMI2__
  std::memcpy(&value, codes, together);
  return _pext_u64(value, 0x0101010101010101u * ((1u << bits) - 1));
#else
  for (int i = 0; i < together; ++i) value |= std::uint64_t{codes[i]} << (i * bits);
  return value;
#endif
}
void split(std::uint64_t value, int bits, std::uint8_t* codes) {
#ifdef __BMI2__
  value = _pdep_u64(value, 0x0101010101010101u * ((1u << bits) - 1));
  std::memcpy(codes, &value, together);
#else
  for (int i = 0; i < together; ++i) codes[i] = value >> (i * bits) & ((1u << bits) - 1);
#endif
}

void put_codes(core::BitWriter& writer, int bits, const std::vector<std::uint8_t>& codes) {
  core::Index i = 0;
  for (; i + together <= std::ssize(codes); i += together) writer.put(joined(codes.data() + i, bits), together * bits);
  for (; i < std::ssize(codes); ++i) writer.put(codes[i], bits);
}

void get_codes(core::BitReader& reader, int bits, std::vector<std::uint8_t>& codes) {
  core::Index i = 0;
  for (; i + together <= std::ssize(codes); i += together) split(reader.get(together * bits), bits, codes.data() + i);
  for (; i < std::ssize(codes); ++i) codes[i] = reader.get(bits);
}

QuantisedRows get_quantised(core::BitReader& reader, const Grouping& grouping, core::Index entries,
                            core::Index groups) {
  QuantisedRows rows;
  rows.scales.resize(groups);
  for (GroupScale& scale : rows.scales) scale = get_scale(reader, grouping.format);
  rows.codes.resize(entries);
  get_codes(reader, grouping.bits, rows.codes);
  return rows;
}

// A constant group has no scale to divide by. (The inverse of a denormal scale would be infinite.)
float divisor_of(GroupScale group) {
  return group.scale > 0 ? group.scale : std::numeric_limits<float>::infinity();
}

// max(0, .) and min in this order are single instructions, unlike std::clamp.
std::uint8_t code_of(float x, GroupScale group, float divisor, float levels) {
  return std::min(levels, std::max(0.0f, std::nearbyint((x - group.zero) / divisor)));
}

// Zero and scale before they are rounded.
GroupScale exact_scale(const float* x, core::Index count, core::Index stride, int steps) {
  float least = x[0], most = x[0];
  for (core::Index i = 1; i < count; ++i) {
    least = std::min(least, x[i * stride]);
    most = std::max(most, x[i * stride]);
  }
  return {least, (most - least) / steps};
}

// The same for neighbours in memory, by vector instructions: the least and the largest do not depend on the order,
// except for the sign of a zero.
GroupScale exact_scale_of_neighbours(const float* x, core::Index count, int steps) {
  const Eigen::Map<const Eigen::ArrayXf> group(x, count);
  const float least = group.minCoeff(), most = group.maxCoeff();
  if (least == 0 || most == 0) return exact_scale(x, count, 1, steps);
  return {least, (most - least) / steps};
}

void round_scales(core::FloatFormat format, GroupScale* scales, core::Index count) {
  static_assert(std::is_standard_layout_v<GroupScale> && sizeof(GroupScale) == 2 * sizeof(float));
  if (count == 0) return;  // `scales` may be null then
  core::store_floats(format, &scales->zero, &scales->zero, 2 * count);
}

}  // namespace

GroupScale quantise_group(const float* x, core::Index count, core::Index stride, int steps, core::FloatFormat format,
                          std::uint8_t* codes, core::Index code_stride) {
  GroupScale group = exact_scale(x, count, stride, steps);
  round_scales(format, &group, 1);
  const float divisor = divisor_of(group), levels = steps;
  for (core::Index i = 0; i < count; ++i) codes[i * code_stride] = code_of(x[i * stride], group, divisor, levels);
  return group;
}

void put_scales(core::BitWriter& writer, core::FloatFormat format, const GroupScale* scales, core::Index count) {
  if (count == 0) return;  // `scales` may be null then
  core::put_floats(writer, format, &scales->zero, 2 * count);
}

GroupScale get_scale(core::BitReader& reader, core::FloatFormat format) {
  GroupScale scale;
  core::get_floats(reader, format, &scale.zero, 1);
  core::get_floats(reader, format, &scale.scale, 1);
  if (!std::isfinite(scale.zero) || !std::isfinite(scale.scale)) throw core::DataError("a group scale is not finite");
  return scale;
}

core::Bits Grouping::column_bits(core::Index count) const {
  return grouped_bits(*this, count * d, ceil_divide(count, group) * d);
}
core::Bits Grouping::row_bits(core::Index count) const {
  return grouped_bits(*this, count * d, count * ceil_divide(d, group));
}

void quantise_columns(const Grouping& grouping, const float* rows, core::Index count, QuantisedRows& out) {
  const core::Index d = grouping.d;
  for (core::Index first = 0; first < count; first += grouping.group) {
    const core::Index members = std::min(grouping.group, count - first);
    const core::Index codes = std::ssize(out.codes);
    out.codes.resize(codes + members * d);
    for (core::Index c = 0; c < d; ++c) {
      out.scales.push_back(quantise_group(rows + first * d + c, members, d, grouping.steps, grouping.format,
                                          out.codes.data() + codes + c, d));
    }
  }
}

// All scales first, then all codes: a group's division would wait for the rounding of its own scale.
void quantise_rows(const Grouping& grouping, const float* rows, core::Index count, QuantisedRows& out) {
  const core::Index d = grouping.d, groups = ceil_divide(d, grouping.group);
  const core::Index first_code = std::ssize(out.codes), first_scale = std::ssize(out.scales);
  out.codes.resize(first_code + count * d);
  out.scales.resize(first_scale + count * groups);
  const auto for_each_group = [&](auto&& visit) {
    GroupScale* scale = out.scales.data() + first_scale;
    for (core::Index i = 0; i < count; ++i) {
      for (core::Index first = 0; first < d; first += grouping.group, ++scale)
        visit(*scale, i * d + first, std::min(grouping.group, d - first));
    }
  };
  for_each_group([&](GroupScale& scale, core::Index first, core::Index members) {
    scale = exact_scale_of_neighbours(rows + first, members, grouping.steps);
  });
  round_scales(grouping.format, out.scales.data() + first_scale, count * groups);
  const float levels = grouping.steps;
  for_each_group([&](const GroupScale& scale, core::Index first, core::Index members) {
    const GroupScale group = scale;
    const float divisor = divisor_of(group), *x = rows + first;
    std::uint8_t* __restrict codes = out.codes.data() + first_code + first;
    for (core::Index i = 0; i < members; ++i) codes[i] = code_of(x[i], group, divisor, levels);
  });
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
  for (core::Index i = 0; i < count; ++i) {
    float* const row = values.row(i).data();
    for (core::Index first = 0; first < grouping.d; first += grouping.group, ++scales) {
      const GroupScale scale = *scales;
      const core::Index end = std::min(first + grouping.group, grouping.d);
      for (core::Index c = first; c < end; ++c) row[c] = scale.value(*code++);
    }
  }
  return values;
}

void put_quantised(core::BitWriter& writer, const Grouping& grouping, const QuantisedRows& rows, const char* section) {
  writer.reserve(grouped_bits(grouping, std::ssize(rows.codes), std::ssize(rows.scales)));
  writer.section("scales");
  put_scales(writer, grouping.format, rows.scales.data(), rows.scales.size());
  writer.section(section);
  put_codes(writer, grouping.bits, rows.codes);
}

QuantisedRows get_columns(core::BitReader& reader, const Grouping& grouping, core::Index count) {
  return get_quantised(reader, grouping, count * grouping.d, ceil_divide(count, grouping.group) * grouping.d);
}
QuantisedRows get_rows(core::BitReader& reader, const Grouping& grouping, core::Index count) {
  return get_quantised(reader, grouping, count * grouping.d, count * ceil_divide(grouping.d, grouping.group));
}

}  // namespace kvfrontier::schemes
