#include "core/rng.hpp"

#include <string>

#include "core/ids.hpp"

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace kvfrontier::core {
namespace {

using Counter = r123::Philox4x32::ctr_type;
using Key = r123::Philox4x32::key_type;

// Words of one block, the last first.
void philox_block(const Counter& counter, const Key& key, std::uint32_t* words) {
  const Counter block = r123::Philox4x32()(counter, key);
  for (std::size_t i = 0; i < 4; ++i) words[i] = block[3 - i];
}

// The same of `count` blocks with counters one apart. Normals take 2/3 of the time that they take block by block.
template <int count>
void philox_blocks(Counter counter, const Key& key, std::uint32_t* words) {
#ifdef __AVX2__
  // Four blocks side by side, a word in the low half of every lane: products read no other, and what the high halves
  // gather is never looked at.
  constexpr int groups = count / 4;
  static_assert(count % 4 == 0);
  const auto lanes = [](std::uint32_t word) { return _mm256_set1_epi64x(static_cast<long long>(word)); };
  __m256i x0[groups], x1[groups], x2[groups], x3[groups];
  for (int g = 0; g < groups; ++g) {
    x0[g] = lanes(counter[0]);
    x1[g] = lanes(counter[1]);
    x2[g] = lanes(counter[2]);
    x3[g] = _mm256_add_epi64(lanes(counter[3]), _mm256_set_epi64x(4 * g + 3, 4 * g + 2, 4 * g + 1, 4 * g));
  }
  Key round_key = key;
  for (int round = 0; round < 10; ++round) {
    const __m256i key0 = lanes(round_key[0]), key1 = lanes(round_key[1]);
    for (int g = 0; g < groups; ++g) {
      const __m256i a = _mm256_mul_epu32(lanes(0xD2511F53u), x0[g]), b = _mm256_mul_epu32(lanes(0xCD9E8D57u), x2[g]);
      x0[g] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(b, 32), x1[g]), key0);
      x1[g] = b;
      x2[g] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(a, 32), x3[g]), key1);
      x3[g] = a;
    }
    round_key[0] += 0x9E3779B9u;
    round_key[1] += 0xBB67AE85u;
  }
  for (int g = 0; g < groups; ++g) {
    const __m256i high = _mm256_blend_epi32(x3[g], _mm256_slli_epi64(x2[g], 32), 0xAA);
    const __m256i low = _mm256_blend_epi32(x1[g], _mm256_slli_epi64(x0[g], 32), 0xAA);
    const __m256i even = _mm256_unpacklo_epi64(high, low), odd = _mm256_unpackhi_epi64(high, low);
    const auto out = reinterpret_cast<__m256i*>(words + 16 * g);
    _mm256_storeu_si256(out, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(out + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  }
#else
  for (int block = 0; block < count; ++block, ++counter[3]) philox_block(counter, key, words + 4 * block);
#endif
}

}  // namespace

// Many streams give four words and no more, so the first block comes alone.
void Stream::refill() {
  next_ = 0;
  if (counter_[3] == 0) {
    philox_block(counter_, key_, words_);
    end_ = 4;
    counter_[3] = 1;
    return;
  }
  philox_blocks<batch>(counter_, key_, words_);
  end_ = 4 * batch;
  counter_[3] += batch;
}

Coins derive_coins(std::uint64_t seed, std::string_view instance, std::uint64_t trial, std::string_view role) {
  std::string text = std::to_string(seed) + '/' + std::to_string(trial) + '/';
  text.append(role).append("/").append(instance);
  return {hash64(text)};
}

}  // namespace kvfrontier::core
