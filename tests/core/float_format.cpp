#include "core/float_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../support/catch.hpp"
#include "core/rng.hpp"

using namespace kvfrontier::core;

namespace {

// The layout of a 16-bit format, and its arithmetic by definition: no library conversion is used.
struct Layout {
  FloatFormat format;
  int exponent_bits, mantissa_bits;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  int infinity() const { return ((1 << exponent_bits) - 1) << mantissa_bits; }

  // Value of a non-negative finite pattern. Exact: double holds every such value.
  double value(int pattern) const {
    const int exponent = pattern >> mantissa_bits, mantissa = pattern & ((1 << mantissa_bits) - 1);
    if (exponent == 0) return std::ldexp(mantissa, 1 - bias() - mantissa_bits);
    return std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias() - mantissa_bits);
  }

  // The pattern nearest to x >= 0, ties to the even pattern, at most the largest finite one: by bisection over values.
  int nearest(double x) const {
    int low = 0, high = infinity() - 1;
    if (x >= value(high)) return high;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (value(middle) <= x ? low : high) = middle;
    }
    const double below = x - value(low), above = value(high) - x;
    return below < above || (below == above && low % 2 == 0) ? low : high;
  }
};

const Layout layouts[] = {{FloatFormat::fp16, 5, 10}, {FloatFormat::bf16, 8, 7}};

}  // namespace

TEST_CASE("all 65536 patterns of both half formats decode by definition and encode to themselves", "[float]") {
  for (const Layout& layout : layouts) {
    int wrong = 0;
    for (int pattern = 0; pattern < 65536; ++pattern) {
      const int magnitude = pattern & 0x7fff;
      const float x = decode_float(layout.format, static_cast<std::uint64_t>(pattern));
      if (magnitude > layout.infinity()) {
        wrong += !std::isnan(x) || !std::isnan(stored(layout.format, x));
        continue;
      }
      const double expected =
          magnitude == layout.infinity() ? std::numeric_limits<double>::infinity() : layout.value(magnitude);
      wrong += x != (pattern & 0x8000 ? -expected : expected) || std::signbit(x) != ((pattern & 0x8000) != 0);
      wrong += encode_float(layout.format, x) != static_cast<std::uint64_t>(pattern);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("rounding is to nearest, ties to even, between all neighbours of both half formats", "[float]") {
  for (const Layout& layout : layouts) {
    int wrong = 0;
    for (int pattern = 0; pattern + 1 < layout.infinity(); ++pattern) {
      const float midpoint = static_cast<float>((layout.value(pattern) + layout.value(pattern + 1)) / 2);
      REQUIRE(midpoint == (layout.value(pattern) + layout.value(pattern + 1)) / 2);
      const float just_below = std::nextafter(midpoint, 0.0f),
                  just_above = std::nextafter(midpoint, std::numeric_limits<float>::infinity());
      const auto encoded = [&](float x) { return static_cast<int>(encode_float(layout.format, x)); };
      wrong += encoded(midpoint) != pattern + pattern % 2;
      wrong += encoded(-midpoint) != (0x8000 | (pattern + pattern % 2));
      wrong += encoded(just_below) != pattern || encoded(just_above) != pattern + 1;
      wrong += encoded(-just_below) != (0x8000 | pattern) || encoded(-just_above) != (0x8000 | (pattern + 1));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("random floats round as the bisection over all values says", "[float]") {
  Stream stream({3}, Purpose("tests/float"), 0);
  for (const Layout& layout : layouts) {
    int wrong = 0;
    for (int i = 0; i < 200000; ++i) {
      const float x = std::bit_cast<float>(stream() & 0x7fffffffu);
      if (!std::isfinite(x)) continue;
      wrong += static_cast<int>(encode_float(layout.format, x)) != layout.nearest(x);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a finite number too large for a format is stored as the largest, never as infinity", "[float]") {
  const float huge = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity();
  for (const float x : {65504.0f, 65519.99f, 65520.0f, 65536.0f, 1e9f, huge}) {
    CHECK(stored(FloatFormat::fp16, x) == 65504.0f);
    CHECK(stored(FloatFormat::fp16, -x) == -65504.0f);
  }
  const float largest = std::bit_cast<float>(0x7f7f0000u);
  CHECK(stored(FloatFormat::bf16, huge) == largest);
  CHECK(stored(FloatFormat::bf16, -huge) == -largest);
  for (const FloatFormat format : {FloatFormat::fp32, FloatFormat::fp16, FloatFormat::bf16}) {
    CHECK(stored(format, infinity) == infinity);
    CHECK(stored(format, -infinity) == -infinity);
    CHECK(std::isnan(stored(format, std::nanf(""))));
  }
}

TEST_CASE("floats cross a message with the bits of their format", "[float]") {
  CHECK_THROWS_AS(enum_value<FloatFormat>("fp64", "format"), ConfigError);
  const std::vector<std::pair<std::string, int>> formats{{"fp32", 32}, {"fp16", 16}, {"bf16", 16}};
  CHECK(std::size(EnumNames<FloatFormat>::names) == formats.size());
  Stream stream({4}, Purpose("tests/float"), 0);
  std::vector<float> rows(37);
  for (float& x : rows) x = static_cast<float>(static_cast<double>(stream()) / 4294967296.0 - 0.5);
  for (const auto& [name, bits] : formats) {
    CAPTURE(name);
    const auto format = enum_value<FloatFormat>(name, "format");
    BitWriter writer;
    writer.put(1, 3);  // off the word boundary
    put_floats(writer, format, rows.data(), rows.size());
    CHECK(writer.bits().size == 3 + std::ssize(rows) * bits);
    BitReader reader(writer.bits());
    reader.get(3);
    std::vector<float> back(rows.size());
    get_floats(reader, format, back.data(), back.size());
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(back[i] == stored(format, rows[i]));
    BitWriter single;  // rows are one float after the other, however many are written in a step
    single.put(1, 3);
    for (const float x : rows) single.put(encode_float(format, x), bits_of(format));
    CHECK(single.bits() == writer.bits());
    std::vector<float> rounded = rows;
    store_floats(format, rounded.data(), rounded.data(), rounded.size());
    CHECK(rounded == back);
    if (format == FloatFormat::fp32) CHECK(back == rows);
  }
}
