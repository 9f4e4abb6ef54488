#include "schemes/codec/step_quantiser.hpp"

#include <algorithm>
#include <array>

namespace kvfrontier::schemes {

StepQuantiser::StepQuantiser(int bits) : bits_(bits) {
  // Computed once: they take milliseconds.
  static const std::array<theory::ScalarQuantiser, 4> known{theory::lloyd_max(1), theory::lloyd_max(2),
                                                            theory::lloyd_max(3), theory::lloyd_max(4)};
  if (bits <= 4) levels_ = &known[bits - 1];
}

std::uint64_t StepQuantiser::code(float x) const {
  if (bits_ == 16) return core::encode_float(core::FloatFormat::fp16, x);
  const auto& thresholds = levels_->thresholds;
  const double wide = x;
  return std::upper_bound(thresholds.begin(), thresholds.end(), wide) - thresholds.begin();
}

float StepQuantiser::value(std::uint64_t code) const {
  if (bits_ == 16) return core::decode_float(core::FloatFormat::fp16, code);
  return levels_->levels[code];
}

}  // namespace kvfrontier::schemes
