#pragma once
// A fixed public step function for numbers of unit variance: the best scalar quantiser of N(0, 1), with no scales to
// send.

#include "core/bits.hpp"
#include "core/float_format.hpp"
#include "theory/lloyd_max.hpp"

namespace kvfrontier::schemes {

// 1 to 4 bits, or 16 for a stored half float.
class StepQuantiser {
 public:
  explicit StepQuantiser(int bits);
  std::uint64_t code(float x) const;
  float value(std::uint64_t code) const;
  int bits() const { return bits_; }

 private:
  int bits_;
  const theory::ScalarQuantiser* levels_ = nullptr;
};

}  // namespace kvfrontier::schemes
