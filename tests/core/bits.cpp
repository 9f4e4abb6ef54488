#include "core/bits.hpp"

#include "../support/catch.hpp"
#include "core/rng.hpp"

using namespace kvfrontier::core;

namespace {

std::uint64_t low_bits(std::uint64_t value, int count) {
  return count == 64 ? value : value & ((std::uint64_t{1} << count) - 1);
}

bool bit(const BitString& bits, std::uint64_t position) {
  return bits.words.at(position / 64) >> (position % 64) & 1;
}

}  // namespace

TEST_CASE("a number of any width comes back from any offset", "[bits]") {
  Stream stream({1}, Purpose("tests/bits"), 0);
  for (int offset = 0; offset < 64; ++offset) {
    for (int width = 0; width <= 64; ++width) {
      CAPTURE(offset, width);
      const std::uint64_t before = low_bits(stream.next64(), offset), value = low_bits(stream.next64(), width);
      BitWriter writer;
      writer.put(before, offset);
      writer.put(value, width);
      writer.put(1, 1);
      REQUIRE(writer.bits().size == offset + width + 1);
      BitReader reader(writer.bits());
      REQUIRE(reader.get(offset) == before);
      REQUIRE(reader.get(width) == value);
      REQUIRE(reader.get(1) == 1);
      REQUIRE_THROWS_AS(reader.get(1), DataError);
    }
  }
}

TEST_CASE("the string is the puts one after another, lowest bit first", "[bits]") {
  Stream stream({2}, Purpose("tests/bits"), 0);
  BitWriter writer;
  std::vector<bool> model;
  for (int i = 0; i < 5000; ++i) {
    const int width = static_cast<int>(stream() % 65);
    const std::uint64_t value = low_bits(stream.next64(), width);
    writer.put(value, width);
    for (int b = 0; b < width; ++b) model.push_back(value >> b & 1);
  }
  const BitString& bits = writer.bits();
  REQUIRE(bits.size == std::ssize(model));
  REQUIRE(std::ssize(bits.words) == (bits.size + 63) / 64);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < model.size(); ++i) wrong += bit(bits, i) != model[i];
  CHECK(wrong == 0);
  for (std::uint64_t i = bits.size; i < 64 * bits.words.size(); ++i) CHECK_FALSE(bit(bits, i));

  // Read in other portions than it was written in.
  BitReader reader(bits);
  std::size_t position = 0;
  while (position < model.size()) {
    const int width = static_cast<int>(std::min<std::size_t>(stream() % 65, model.size() - position));
    const std::uint64_t value = reader.get(width);
    for (int b = 0; b < width; ++b) wrong += (value >> b & 1) != model[position++];
  }
  CHECK(wrong == 0);
}

TEST_CASE("the ledger books every bit under the open section", "[bits]") {
  BitWriter writer;
  writer.put(3, 2);  // before any section: in the string and in no book
  CHECK(writer.ledger().empty());
  writer.section("values");
  writer.put(0, 7);
  writer.section("keys");
  writer.put(0, 64);
  writer.section("empty");
  writer.section("values");
  writer.put(1, 1);
  CHECK(writer.ledger() == Ledger{{"values", 8}, {"keys", 64}, {"empty", 0}});
  CHECK(writer.bits().size == 2 + 8 + 64);
}

TEST_CASE("reading past the end says what was needed and is remembered by all copies", "[bits]") {
  BitWriter writer;
  writer.put(0b10110, 5);
  BitReader reader(writer.bits());
  const auto overrun = reader.overrun();
  BitReader copy = reader;
  CHECK(reader.get(3) == 0b110);
  CHECK(reader.get(0) == 0);
  CHECK_FALSE(*overrun);
  try {
    copy.get(6);
    FAIL("no error");
  } catch (const DataError& error) {
    CHECK(error.need == 6);
    CHECK(error.have == 5);
    CHECK(std::string(error.what()).find("need 6 bits, have 5") != std::string::npos);
  }
  CHECK(*overrun);
  CHECK(*reader.overrun());
  // What is left can still be read, but the mark stays.
  CHECK(reader.get(2) == 0b10);
  CHECK(reader.get(0) == 0);
  CHECK(*overrun);

  BitReader empty{BitString{}};
  CHECK(empty.get(0) == 0);
  CHECK_FALSE(*empty.overrun());
  CHECK_THROWS_AS(empty.get(64), DataError);
}
