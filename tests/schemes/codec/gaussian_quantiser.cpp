#include "schemes/codec/gaussian_quantiser.hpp"

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "../../support/catch.hpp"
#include "core/rng.hpp"
#include "schemes/codec/gaussian_codebook.hpp"
#include "schemes/codec/range_coder.hpp"
#include "theory/floor.hpp"

namespace core = kvfrontier::core;
namespace schemes = kvfrontier::schemes;
using schemes::GaussianQuantiser;
using schemes::RangeDecoder;
using schemes::RangeEncoder;
using schemes::Slots;

namespace {

std::vector<float> normal_values(std::size_t count, std::uint64_t index) {
  core::Stream coins({6}, core::Purpose("test/gaussian_quantiser"), index);
  boost::random::normal_distribution<double> normal;
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(normal(coins));
  return values;
}

double squared_error(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](double x, double y) { return (x - y) * (x - y); });
}

// Mean squared error over the floor at the bits really used, in dB. The sample's own power is the yardstick, so at no
// bits it is 0 but for the sample's few bits of entropy.
double decibels_above(double step, int states, std::size_t count) {
  const GaussianQuantiser quantiser(step, states);
  const std::vector<float> values = normal_values(count, 1);
  const auto bits = quantiser.encode(quantiser.quantise(values));
  const double relative =
      squared_error(values, quantiser.decode(bits, count)) / squared_error(values, std::vector<float>(count, 0));
  const double rate = static_cast<double>(bits.size) / static_cast<double>(count);
  return 10 * std::log10(relative / kvfrontier::theory::gaussian_mse_floor(rate));
}

}  // namespace

TEST_CASE("the range coder spends the information content, and zeros may follow", "[range coder]") {
  core::Stream coins({6}, core::Purpose("test/range_coder"), 0);
  // Alphabets of very unequal probabilities: an interval end per symbol.
  const std::vector<std::vector<std::uint32_t>> alphabets{
      {0, 1u << 16}, {0, 1, 1u << 16}, {0, 65535, 1u << 16}, {0, 1, 2, 30000, 65000, 65536}, {0, 32768, 65536}};
  for (const std::size_t count : {0, 1, 2, 7, 1000}) {
    for (std::size_t trial = 0; trial < 50; ++trial) {
      std::vector<std::pair<std::size_t, std::size_t>> symbols;
      RangeEncoder encoder;
      double information = 0;
      const auto slots = [&](std::size_t a, std::size_t s) {
        return Slots{alphabets[a][s], alphabets[a][s + 1] - alphabets[a][s]};
      };
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t a = coins() % alphabets.size();
        // Rare symbols often: carries and long runs of ones.
        const std::size_t s = coins() % (alphabets[a].size() - 1);
        symbols.emplace_back(a, s);
        encoder.put(slots(a, s));
        information += 16 - std::log2(slots(a, s).count);
      }
      kvfrontier::core::BitString bits = encoder.finish();
      REQUIRE(static_cast<double>(bits.size) <= information * (1 + 1e-4) + 2);
      for (const std::size_t zeros : {0, 1, 100}) {
        bits.size += zeros;
        bits.words.resize((bits.size + 63) / 64);
        RangeDecoder decoder(bits);
        for (const auto& [a, s] : symbols) {
          const Slots expected = slots(a, s);
          const std::uint32_t slot = decoder.slot();
          REQUIRE(slot >= expected.first);
          REQUIRE(slot < expected.first + expected.count);
          decoder.take(expected);
        }
      }
    }
  }
}

TEST_CASE("any bits decode to points of the codebook", "[range coder][gaussian quantiser]") {
  core::Stream coins({6}, core::Purpose("test/range_coder"), 1);
  for (const int states : {1, 8}) {
    const GaussianQuantiser quantiser(0.3, states);
    for (int trial = 0; trial < 20; ++trial) {
      core::BitWriter bits;
      for (int i = 0; i < 300; ++i) bits.put(trial == 0 || coins() % 2 == 1, 1);
      for (const float value : quantiser.decode(bits.bits(), 400)) REQUIRE(std::abs(value) < 10);
    }
  }
}

TEST_CASE("codebooks are ordered, symmetric where the lattice is, and their probabilities fill the coder",
          "[gaussian quantiser]") {
  for (const double spacing : {0.09, 0.3, 1.0, 2.5, 6.0, 64.0}) {
    for (const double offset : {0.0, 0.5}) {
      const auto book = schemes::gaussian_codebook(spacing, offset * spacing, 0.1 * spacing * spacing);
      CHECK(book.first.front() == 0);
      CHECK(book.first.back() == 1u << schemes::slot_bits);
      double entropy = 0;
      for (int i = 0; i < book.size(); ++i) {
        REQUIRE(book.slots(i).count >= 1);
        REQUIRE(book.at_slot(book.first[i]) == i);
        REQUIRE(book.at_slot(book.first[i + 1] - 1) == i);
        if (i > 0) REQUIRE(book.points[i] > book.points[i - 1]);
        if (offset == 0) REQUIRE(book.points[i] == Approx(-book.points[book.size() - 1 - i]).margin(1e-6));
        entropy += book.bits[i] * std::exp2(-book.bits[i]);
      }
      // A fine lattice: differential entropy less the logarithm of the spacing.
      if (spacing < 0.1) CHECK(entropy == Approx(2.0471 - std::log2(spacing)).margin(0.03));
    }
  }
}

TEST_CASE("a search counts the bits of what it found", "[gaussian quantiser]") {
  for (const int states : {1, 4, 8, 64}) {
    const GaussianQuantiser quantiser(0.7, states);
    const auto path = quantiser.quantise(normal_values(5000, 1));
    CHECK(path.bits == quantiser.information(path.indices));
  }
}

TEST_CASE("the trellis search finds the best path", "[gaussian quantiser]") {
  for (const int states : {1, 4, 8}) {
    for (std::uint64_t draw = 0; draw < 10; ++draw) {
      const double step = draw % 2 == 0 ? 0.9 : 2.2;
      const GaussianQuantiser quantiser(step, states);
      const std::vector<float> values = normal_values(4, draw);
      const double multiplier = states == 1 ? 2 * std::log(2.0) / 12 * step * step : 0.2 * step * step;
      const auto cost = [&](const std::vector<std::uint32_t>& indices) {
        const auto read = quantiser.decode(quantiser.encode({indices, 0}), values.size());
        return squared_error(values, read) + multiplier * quantiser.information(indices);
      };
      const auto found = quantiser.quantise(values).indices;
      const double least = cost(found);
      // All sequences of indices within 2 of those found. The state of an index follows from those before it.
      for (int code = 0; code < 625; ++code) {
        auto other = found;
        for (int i = 0, rest = code; i < 4; ++i, rest /= 5)
          other[static_cast<std::size_t>(i)] += static_cast<std::uint32_t>(rest % 5) - 2;
        REQUIRE(cost(other) > least - 1e-5);
      }
    }
  }
}

TEST_CASE("scalar quantisation is 1.53 dB from the distortion-rate function at high rate, and nearer at low",
          "[gaussian quantiser][gap]") {
  for (const double step : {0.125, 0.25, 0.5, 1.0})
    CHECK(decibels_above(step, 1, 200'000) == Approx(1.53).margin(0.04));
  for (const double step : {2.0, 2.2, 2.5}) {
    const double gap = decibels_above(step, 1, 200'000);
    CHECK(gap > 0);
    CHECK(gap < 1.5);
  }
}

TEST_CASE("trellis-coded quantisation is within .6 dB of the distortion-rate function at all rates",
          "[gaussian quantiser][gap]") {
  for (const double step : {0.03, 0.25, 0.5, 1.0, 1.5, 1.9, 2.1}) {
    const double eight = decibels_above(step, 8, 200'000), many = decibels_above(step, 64, 200'000);
    CAPTURE(step);
    CHECK(eight < 0.56);
    CHECK(eight > 0.1);
    CHECK(many < 0.45);
    CHECK(many > 0.1);
  }
}
