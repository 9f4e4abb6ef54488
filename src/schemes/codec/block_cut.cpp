#include "schemes/codec/block_cut.hpp"

#include <algorithm>
#include <cassert>

#include "schemes/codec/polar_code.hpp"

namespace kvfrontier::schemes {

std::vector<CodedBlock> cut_into_blocks(Index m, Index bits, Index usual) {
  constexpr Index limit = Index{1} << 41;
  assert(m >= 0 && m < limit && bits >= 0 && bits < limit && usual >= 1 && usual <= Index{1} << 20);
  std::vector<CodedBlock> blocks;
  Index carry = 0;
  for (Index first = 0; first < m;) {
    const Index left = m - first;
    Index length = left >= 2 * usual ? usual : left;
    Index granule = 1;
    while (length / granule > max_granules) granule *= 2;
    length -= length % granule;
    const Index share = bits * length + carry;
    carry = share % m;
    blocks.push_back({first, length, share / m});
    first += length;
  }
  return blocks;
}

}  // namespace kvfrontier::schemes
