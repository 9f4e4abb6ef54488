#include "schemes/codec/polar_encoder.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "schemes/codec/polar_list.hpp"
#include "schemes/codec/polar_rules.hpp"
#include "theory/entropy.hpp"

namespace kvfrontier::schemes {
namespace {

using namespace polar;

class SuccessiveCancellation {
 public:
  explicit SuccessiveCancellation(const PolarCode& code) : code_(code) {}

  // Decides u[first .. first + count) from the node's biases; writes its codeword as spins. `scratch`: 2 count floats.
  void decide(Index first, Index count, const float* bias, float* spins, float* scratch) const {
    const Index information = code_.information(first, count);
    if (information == 0) return all_frozen(count, spins);
    if (information == count) return hard_decisions(bias, count, spins);
    const Index h = code_.split(count), rest = count - h;
    // A frozen left part needs no biases: its spins are +1.
    if (code_.information(first, h) > 0) {
      left_biases(bias, h, scratch);
      decide(first, h, scratch, spins, scratch + h);
    } else {
      all_frozen(h, spins);
    }
    right_biases(bias, spins, h, rest, scratch);
    decide(first + h, rest, scratch, spins + h, scratch + rest);
    combine(spins, spins + h, h, spins);
  }

 private:
  const PolarCode& code_;
};

}  // namespace

std::vector<std::uint8_t> PolarEncoder::encode(const PolarCode& code, std::span<const std::uint8_t> source, int list) {
  const Index n = code.length();
  assert(std::ssize(source) == n && list >= 1 && list <= max_polar_list);
  const double rate = 1.0 * code.dimension() / n;
  const float bias = std::min(static_cast<float>(1 - 2 * theory::inverse_binary_entropy(1 - rate)), largest_bias);
  biases_.resize(source.size());
  for (Index i = 0; i < n; ++i) biases_[i] = source[i] != 0 ? -bias : bias;

  if (list == 1) {
    spins_.resize(source.size());
    scratch_.resize(2 * source.size());
    SuccessiveCancellation(code).decide(0, n, biases_.data(), spins_.data(), scratch_.data());
  } else {
    list_decisions(code, list, biases_, spins_, scratch_);
  }
  std::vector<std::uint8_t> codeword(source.size());
  for (Index i = 0; i < n; ++i) codeword[i] = spins_[i] < 0 ? 1 : 0;
  return codeword;
}

}  // namespace kvfrontier::schemes
