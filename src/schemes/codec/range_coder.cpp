#include "schemes/codec/range_coder.hpp"

#include <algorithm>
#include <utility>

namespace kvfrontier::schemes {
namespace {

std::uint64_t reversed(std::uint64_t word) {
  constexpr std::uint64_t masks[] = {0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
                                     0x00ff00ff00ff00ff, 0x0000ffff0000ffff, 0x00000000ffffffff};
  for (int i = 0; i < 6; ++i) word = (word >> (1 << i) & masks[i]) | (word & masks[i]) << (1 << i);
  return word;
}

}  // namespace

void RangeEncoder::carry() {
  low_ -= one;
  ++word_;
  if (word_ >> filled_ == 0) return;
  word_ = 0;
  for (auto word = words_.rbegin(); word != words_.rend(); ++word) {
    if (++*word != 0) return;
  }
  assert(false);  // the interval never reaches 1
}

core::BitString RangeEncoder::finish() {
  // The interval is longer than 2^31, so it holds a number with at most one bit after the point.
  const std::uint64_t halves = (low_ + one / 2 - 1) / (one / 2);
  low_ = halves * (one / 2);
  if (low_ >= one) carry();
  append(low_ >= one / 2, 1);
  if (filled_ > 0) words_.push_back(word_ << (64 - filled_));
  while (!words_.empty() && words_.back() == 0) words_.pop_back();
  core::BitString bits;
  if (!words_.empty()) bits.size = 64 * std::ssize(words_) - std::countr_zero(words_.back());
  std::transform(words_.begin(), words_.end(), words_.begin(), reversed);
  bits.words = std::move(words_);
  return bits;
}

RangeDecoder::RangeDecoder(core::BitString bits) : bits_(std::move(bits)) {
  for (int i = 0; i < 32; ++i) shift();
}

void RangeDecoder::shift() {
  offset_ *= 2;
  if (next_ < bits_.size) offset_ += bits_.words[next_ / 64] >> next_ % 64 & 1;
  ++next_;
}

std::uint32_t RangeDecoder::slot() const {
  // The remainder of the division belongs to no symbol; only bits that no encoder wrote point there.
  return std::min(offset_ / (range_ >> slot_bits), (std::uint64_t{1} << slot_bits) - 1);
}

void RangeDecoder::take(Slots symbol) {
  const std::uint64_t slot = range_ >> slot_bits;
  offset_ -= slot * symbol.first;
  range_ = slot * symbol.count;
  offset_ = std::min(offset_, range_ - 1);
  for (; range_ <= RangeEncoder::one / 2; range_ *= 2) shift();
}

}  // namespace kvfrontier::schemes
