#pragma once
// Asymmetric min/max quantisation of a group of numbers to b bits: code = round((x - zero) / scale). Zero and scale are
// rounded to their stored format first and the codes are computed with the rounded ones, so that the decoder's numbers
// are the encoder's.

#include <cstdint>

#include "core/float_format.hpp"
#include "core/matrix.hpp"

namespace kvfrontier::schemes {

struct GroupScale {
  float zero = 0, scale = 0;  // scale 0: all members equal (or b = 0)
  float value(std::uint64_t code) const { return zero + scale * static_cast<float>(code); }
};

// Quantises x[0], x[stride], ..., `count` numbers, to `bits` in 1..8. Codes go to codes[0], codes[code_stride], ...
// |x - value(code)| <= scale/2 up to the rounding of zero and scale to `format`.
GroupScale quantise_group(const float* x, core::Index count, core::Index stride, int bits, core::FloatFormat format,
                          std::uint8_t* codes, core::Index code_stride);

void put_scale(core::BitWriter& writer, core::FloatFormat format, GroupScale scale);
GroupScale get_scale(core::BitReader& reader, core::FloatFormat format);

}  // namespace kvfrontier::schemes
