#include "core/bits.hpp"

#include <algorithm>
#include <cassert>

namespace kvfrontier::core {

void BitWriter::section(const std::string& name) {
  const auto book =
      std::find_if(ledger_.begin(), ledger_.end(), [&](const auto& entry) { return entry.first == name; });
  open_ = static_cast<std::size_t>(book - ledger_.begin());
  if (book == ledger_.end()) ledger_.emplace_back(name, 0);
}

std::uint64_t BitReader::get(int count) {
  assert(count >= 0 && count <= 64);
  if (count == 0) return 0;
  const std::uint64_t have = bits_->size - position_;
  if (static_cast<std::uint64_t>(count) > have) {
    *overrun_ = true;
    throw DataError(static_cast<std::uint64_t>(count), have);
  }
  const std::uint64_t* word = bits_->words.data() + position_ / 64;
  const int offset = static_cast<int>(position_ % 64);
  std::uint64_t value = word[0] >> offset;
  if (offset + count > 64) value |= word[1] << (64 - offset);
  position_ += static_cast<std::uint64_t>(count);
  return count == 64 ? value : value & ((std::uint64_t{1} << count) - 1);
}

}  // namespace kvfrontier::core
