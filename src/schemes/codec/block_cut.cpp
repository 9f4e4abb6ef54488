#include "schemes/codec/block_cut.hpp"

#include <algorithm>
#include <cassert>

#include "schemes/codec/polar_code.hpp"

namespace kvfrontier::schemes {

std::vector<CodedBlock> cut_into_blocks(Index m, Index bits, Index largest) {
  assert(m >= 0 && m < Index{1} << 43 && bits >= 0 && bits <= m && largest >= 1 && largest <= Index{1} << 20);
  std::vector<CodedBlock> blocks;
  for (Index first = 0; first < m;) {
    const Index left = m - first;
    Index length = std::min(left, largest);
    Index granule = 1;
    while (length / granule > max_granules) granule *= 2;
    length -= length % granule;
    const Index share = bits * length / left;
    blocks.push_back({first, length, share});
    first += length;
    bits -= share;
  }
  return blocks;
}

}  // namespace kvfrontier::schemes
