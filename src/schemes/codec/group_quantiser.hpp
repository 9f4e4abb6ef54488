#pragma once
// Asymmetric min/max quantisation of a group of numbers to b bits: code = round((x - zero) / scale). Zero and scale are
// rounded to their stored format first and the codes are computed with the rounded ones, so that the decoder's numbers
// are the encoder's.

#include <cstdint>
#include <vector>

#include "core/float_format.hpp"
#include "core/matrix.hpp"

namespace kvfrontier::schemes {

struct GroupScale {
  float zero = 0, scale = 0;  // scale 0: all members are equal (or b = 0)
  float value(std::uint64_t code) const { return zero + scale * code; }
};

// Quantises x[0], x[stride], ..., `count` numbers, to codes 0..steps, 1 <= steps <= 255, and writes them to codes[0],
// codes[code_stride], ...
// |x - value(code)| <= scale/2 up to the rounding of zero and scale to `format`.
GroupScale quantise_group(const float* x, core::Index count, core::Index stride, int steps, core::FloatFormat format,
                          std::uint8_t* codes, core::Index code_stride);

// Zero and scale of each group, in order. get_scale throws DataError for a zero or scale that is not finite.
void put_scales(core::BitWriter& writer, core::FloatFormat format, const GroupScale* scales, core::Index count);
GroupScale get_scale(core::BitReader& reader, core::FloatFormat format);

// Rows of width d in groups: `group` consecutive entries of a channel (columns) or of a row share a scale; the last
// group of each may be shorter.
struct Grouping {
  core::Index d = 0, group = 1;
  int bits = 1;
  core::FloatFormat format = core::FloatFormat::fp16;  // of scales and zeros
  int steps = (1 << bits) - 1;                         // the largest code

  core::Bits column_bits(core::Index count) const;  // of `count` rows in groups down the columns
  core::Bits row_bits(core::Index count) const;     // of `count` rows in groups along the rows
};

struct QuantisedRows {
  std::vector<std::uint8_t> codes;  // row by row
  std::vector<GroupScale> scales;   // run by run and channel by channel, or row by row
};

// Appends `count` contiguous rows. Groups of columns start anew with every call.
void quantise_columns(const Grouping& grouping, const float* rows, core::Index count, QuantisedRows& out);
void quantise_rows(const Grouping& grouping, const float* rows, core::Index count, QuantisedRows& out);

// The values of `count` rows that were appended in runs of whole groups: count x d.
core::RowMatrixF columns_value(const Grouping& grouping, const QuantisedRows& rows, core::Index count);
core::RowMatrixF rows_value(const Grouping& grouping, const QuantisedRows& rows, core::Index count);

// Scales under section "scales", then codes under `section`.
void put_quantised(core::BitWriter& writer, const Grouping& grouping, const QuantisedRows& rows, const char* section);
QuantisedRows get_columns(core::BitReader& reader, const Grouping& grouping, core::Index count);
QuantisedRows get_rows(core::BitReader& reader, const Grouping& grouping, core::Index count);

}  // namespace kvfrontier::schemes
