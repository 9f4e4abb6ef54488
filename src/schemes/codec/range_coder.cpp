#include "schemes/codec/range_coder.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvfrontier::schemes {
namespace {

// low and offset are 32-bit numbers, range is kept in (2^31, 2^32].
constexpr std::uint64_t one = std::uint64_t{1} << 32;

}  // namespace

void RangeEncoder::carry() {
  low_ -= one;
  for (auto bit = bits_.rbegin(); bit != bits_.rend(); ++bit) {
    *bit = !*bit;
    if (*bit) return;
  }
  assert(false);  // the interval never reaches 1
}

void RangeEncoder::put(Slots symbol) {
  assert(symbol.count >= 1 && symbol.first + symbol.count <= 1u << slot_bits);
  const std::uint64_t slot = range_ >> slot_bits;
  low_ += slot * symbol.first;
  if (low_ >= one) carry();
  for (range_ = slot * symbol.count; range_ <= one / 2; range_ *= 2) {
    bits_.push_back(low_ >= one / 2);
    low_ = low_ * 2 % one;
  }
}

std::vector<bool> RangeEncoder::finish() {
  // A number with at most one bit after the point lies in the interval, for that is longer than 2^31.
  const std::uint64_t halves = (low_ + one / 2 - 1) / (one / 2);
  low_ = halves * (one / 2);
  if (low_ >= one) carry();
  bits_.push_back(low_ >= one / 2);
  while (!bits_.empty() && !bits_.back()) bits_.pop_back();
  return std::move(bits_);
}

RangeDecoder::RangeDecoder(std::vector<bool> bits) : bits_(std::move(bits)) {
  for (int i = 0; i < 32; ++i) shift();
}

void RangeDecoder::shift() {
  offset_ = offset_ * 2 + (next_ < bits_.size() && bits_[next_] ? 1 : 0);
  ++next_;
}

std::uint32_t RangeDecoder::slot() const {
  // What division left over at the end belongs to no symbol, and only bits that no encoder wrote point there.
  return static_cast<std::uint32_t>(std::min(offset_ / (range_ >> slot_bits), (std::uint64_t{1} << slot_bits) - 1));
}

void RangeDecoder::take(Slots symbol) {
  const std::uint64_t slot = range_ >> slot_bits;
  offset_ -= slot * symbol.first;
  range_ = slot * symbol.count;
  offset_ = std::min(offset_, range_ - 1);
  for (; range_ <= one / 2; range_ *= 2) shift();
}

}  // namespace kvfrontier::schemes
