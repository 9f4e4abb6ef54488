#include "schemes/codec/step_quantiser.hpp"

#include <algorithm>
#include <array>

namespace kvfrontier::schemes {

StepQuantiser::StepQuantiser(int bits) : bits_(bits) {
  // Milliseconds of iteration, the same for ever.
  static const std::array<theory::ScalarQuantiser, 4> known{theory::lloyd_max(1), theory::lloyd_max(2),
                                                            theory::lloyd_max(3), theory::lloyd_max(4)};
  if (bits <= 4) levels_ = &known[static_cast<std::size_t>(bits - 1)];
}

std::uint64_t StepQuantiser::code(float x) const {
  if (bits_ == 16) return core::encode_float(core::FloatFormat::fp16, x);
  return static_cast<std::uint64_t>(
      std::upper_bound(levels_->thresholds.begin(), levels_->thresholds.end(), static_cast<double>(x)) -
      levels_->thresholds.begin());
}

float StepQuantiser::value(std::uint64_t code) const {
  if (bits_ == 16) return core::decode_float(core::FloatFormat::fp16, code);
  return static_cast<float>(levels_->levels[static_cast<std::size_t>(code)]);
}

}  // namespace kvfrontier::schemes
