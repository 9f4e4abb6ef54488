#include "core/ids.hpp"

#include <set>

#include "../support/catch.hpp"

using namespace kvfrontier::core;

// Point ids and keys are stored in files: another hash, another seed or another byte order would orphan every row.
TEST_CASE("hashes of fixed strings never change", "[ids]") {
  // Published vectors of XXH3 (empty input, and one byte).
  CHECK(hash64("") == 0x2d06800538d394c2u);
  CHECK(hash128_hex("") == "99aa06d3014798d86001c324468d497f");
  CHECK(hash64("a") == 0xe6c632b61e964e1fu);
  CHECK(hash128_hex("a") == "a96faf705af16834e6c632b61e964e1f");

  // One string for each of the algorithm's length classes (9-16, 17-128, 129-240, longer), as first computed here.
  CHECK(hash128_hex("kvfrontier") == "a53fe6ad72aee1dd3dea5aab10f8231f");
  CHECK(hash128_hex(std::string(100, 'k')) == "f64de93ee85ed4ff7fae4c773237d291");
  CHECK(hash128_hex(std::string(200, 'k')) == "9b9525cfb3f61b1963eaf41968a41de2");
  CHECK(hash128_hex(std::string(5000, 'k')) == "19b58fa718eef04b24717a6ebd965f26");
}

TEST_CASE("a hash reads every byte, zeros included", "[ids]") {
  std::set<std::string> seen;
  for (const std::size_t length : {1, 5, 12, 90, 180, 700}) {
    const std::string base(length, '\0');
    CHECK(seen.insert(hash128_hex(base)).second);
    for (std::size_t i = 0; i < length; ++i) {
      std::string changed = base;
      changed[i] = 1;
      const std::string hex = hash128_hex(changed);
      REQUIRE(hex.size() == 32);
      REQUIRE(hex.find_first_not_of("0123456789abcdef") == std::string::npos);
      REQUIRE(seen.insert(hex).second);
    }
  }
}
