#include "core/bits.hpp"

#include <algorithm>
#include <cassert>

namespace kvfrontier::core {

void BitWriter::section(const std::string& name) {
  const auto book =
      std::find_if(ledger_.begin(), ledger_.end(), [&](const auto& entry) { return entry.first == name; });
  open_ = book - ledger_.begin();
  if (book == ledger_.end()) ledger_.emplace_back(name, 0);
}

std::uint64_t BitReader::get(int count) {
  assert(count >= 0 && count <= 64);
  if (count == 0) return 0;
  const Bits have = bits_->size - position_;
  if (count > have) {
    *overrun_ = true;
    throw DataError(count, have);
  }
  const std::uint64_t* word = bits_->words.data() + position_ / 64;
  const auto offset = position_ & 63;
  std::uint64_t value = word[0] >> offset;
  if (offset + count > 64) value |= word[1] << (64 - offset);
  position_ += count;
  return count == 64 ? value : value & ((std::uint64_t{1} << count) - 1);
}

}  // namespace kvfrontier::core
