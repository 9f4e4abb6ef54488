#include "core/rng.hpp"

#include <array>
#include <set>
#include <vector>

#include "../support/catch.hpp"

using namespace kvfrontier::core;

namespace {

using Words = std::array<std::uint32_t, 4>;

// Philox4x32-10 written out from the paper (Salmon et al., SC11).
Words philox(Words counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0], b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

constexpr Purpose first_purpose("tests/first"), second_purpose("tests/second");

std::vector<std::uint32_t> words(Coins coins, Purpose purpose, std::uint64_t index, int count) {
  Stream stream(coins, purpose, index);
  std::vector<std::uint32_t> list;
  for (int i = 0; i < count; ++i) list.push_back(stream());
  return list;
}

}  // namespace

TEST_CASE("the test's own Philox gives the published vectors", "[rng]") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  const std::uint32_t f = 0xffffffffu;
  CHECK(philox({f, f, f, f}, {f, f}) == Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

// Rows are stored and replayed years later: a change of these words needs another rng_version.
TEST_CASE("a stream is Philox of (key, purpose, index), block after block, last word first", "[rng]") {
  CHECK(rng_version == 1);
  for (const std::uint64_t key : {std::uint64_t{0}, std::uint64_t{0x0123456789abcdef}, ~std::uint64_t{0}}) {
    for (const std::uint64_t index :
         {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1} << 32, std::uint64_t{0xfedcba9876543210}}) {
      const auto drawn = words({key}, first_purpose, index, 400);
      for (std::uint32_t block = 0; block < 100; ++block) {
        const Words expected = philox(
            {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), first_purpose.value, block},
            {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
        for (std::size_t i = 0; i < 4; ++i) REQUIRE(drawn[4 * block + i] == expected[3 - i]);
      }
    }
  }
  Stream stream({5}, first_purpose, 9), same({5}, first_purpose, 9);
  const std::uint64_t low = same(), high = same();
  CHECK(stream.next64() == (low | high << 32));
}

TEST_CASE("purposes are FNV-1a of their names", "[rng]") {
  CHECK(Purpose("").value == 0x811c9dc5u);
  CHECK(Purpose("a").value == 0xe40c292cu);
  CHECK(Purpose("foobar").value == 0xbf9cf968u);
}

TEST_CASE("keys, purposes and indices name independent streams", "[rng]") {
  // 9600 words among 2^32: an overlap of two streams would repeat words; by chance one expects 0.01 repeats.
  std::set<std::uint32_t> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t key : {1, 2}) {
    for (const Purpose purpose : {first_purpose, second_purpose}) {
      for (std::uint64_t index = 0; index < 300; ++index) {
        for (const std::uint32_t word : words({key}, purpose, index, 8)) {
          seen.insert(word);
          ++drawn;
        }
      }
    }
  }
  CHECK(seen.size() == drawn);
  // Reaching a stream does not depend on what was drawn before.
  words({1}, second_purpose, 5, 1000);
  CHECK(words({1}, first_purpose, 299, 8) == words({1}, first_purpose, 299, 8));
}

TEST_CASE("keys are functions of seed, instance, trial and role", "[rng]") {
  CHECK(derive_coins(7, "x", 3, "public") == derive_coins(7, "x", 3, "public"));
  CHECK(derive_coins(7, "x", 3, "public").value == 0x3285953205c83b3du);
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (const std::uint64_t seed : {1, 11, 111}) {
    for (const std::uint64_t trial : {1, 11, 111}) {
      for (const char* role : {"public", "alice", "bob"}) {
        for (const char* instance : {"", "1", "/1", "public", "{\"d\":16}"}) {
          seen.insert(derive_coins(seed, instance, trial, role).value);
          ++count;
        }
      }
    }
  }
  CHECK(seen.size() == count);
}
