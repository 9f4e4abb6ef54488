#include <Eigen/LU>
#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "core/errors.hpp"
#include "schemes/codec/group_quantiser.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/rotation.hpp"

namespace kvfrontier::tests::codec {

using core::FloatFormat;
using schemes::GroupScale;

namespace {

struct Group {
  GroupScale scale;
  std::vector<std::uint8_t> codes;
  std::vector<float> back;
};

Group quantise(const std::vector<float>& x, int bits, FloatFormat format) {
  Group group;
  group.codes.resize(x.size());
  group.scale = schemes::quantise_group(x.data(), static_cast<Index>(x.size()), 1, (1 << bits) - 1, format,
                                        group.codes.data(), 1);
  for (const std::uint8_t code : group.codes) group.back.push_back(group.scale.value(code));
  return group;
}

std::vector<float> uniforms(std::size_t count, std::uint64_t seed) {
  core::Stream stream({seed}, core::Purpose("tests/quantiser"), 0);
  std::vector<float> list(count);
  for (float& x : list) x = static_cast<float>(static_cast<double>(stream()) / 4294967296.0 - 0.3);
  return list;
}

}  // namespace

// Inside the levels a number is within scale/2 of one. The rounding of zero and scale moves the outer levels inwards by
// at most u |zero| + u range (u = unit roundoff of the format); 1e-6 is room for float arithmetic and fp16 denormals.
TEST_CASE("a quantised number is within half a scale step", "[quantiser]") {
  const struct {
    FloatFormat format;
    double roundoff;
  } formats[] = {{FloatFormat::fp32, std::ldexp(1, -24)},
                 {FloatFormat::fp16, std::ldexp(1, -11)},
                 {FloatFormat::bf16, std::ldexp(1, -8)}};
  for (const auto& [format, roundoff] : formats) {
    for (int bits = 1; bits <= 8; ++bits) {
      for (const std::size_t count : {1, 2, 3, 32, 57}) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
          const auto x = uniforms(count, seed);
          const Group group = quantise(x, bits, format);
          const double levels = (1 << bits) - 1;
          const auto [least, most] = std::minmax_element(x.begin(), x.end());
          REQUIRE(group.scale.zero == core::stored(format, *least));
          REQUIRE(group.scale.scale == core::stored(format, (*most - *least) / static_cast<float>(levels)));
          const double bound = group.scale.scale / 2 + roundoff * (std::abs(*least) + (*most - *least)) + 1e-6;
          for (std::size_t i = 0; i < count; ++i) {
            REQUIRE(group.codes[i] <= levels);
            REQUIRE(std::abs(static_cast<double>(group.back[i]) - x[i]) <= bound);
          }
        }
      }
    }
  }
}

TEST_CASE("groups that a quantiser must reproduce", "[quantiser]") {
  for (const FloatFormat format : {FloatFormat::fp32, FloatFormat::fp16, FloatFormat::bf16}) {
    for (int bits = 1; bits <= 8; ++bits) {
      // Constant: scale 0, every code 0.
      const Group constant = quantise(std::vector<float>(9, -0.375f), bits, format);
      CHECK(constant.scale.scale == 0);
      CHECK(constant.back == std::vector<float>(9, -0.375f));
      CHECK(std::all_of(constant.codes.begin(), constant.codes.end(), [](int code) { return code == 0; }));
      // Ramp 0 .. 2^bits - 1: scale 1, the codes are the numbers.
      std::vector<float> ramp;
      for (int i = 0; i < 1 << bits; ++i) ramp.push_back(static_cast<float>((i * 7) % (1 << bits)));
      CHECK(quantise(ramp, bits, format).back == ramp);
    }
    // Two levels at one bit: both are the group's ends.
    const std::vector<float> two{0.25f, -1.5f, -1.5f, 0.25f, 0.25f};
    CHECK(quantise(two, 1, format).back == two);
    CHECK(quantise({0.5f, -2.0f}, 1, format).back == std::vector<float>{0.5f, -2.0f});
  }
  // With more bits the step is range/(2^bits - 1), rounded to the format, and the upper level is off by that.
  for (int bits = 2; bits <= 8; ++bits) {
    const Group group = quantise({0, 1, 1, 0}, bits, FloatFormat::fp16);
    CHECK(group.back[0] == 0);
    CHECK(group.back[1] == Approx(1).epsilon(std::ldexp(1, -11)));
  }
}

TEST_CASE("tiny and huge groups stay within the contract", "[quantiser]") {
  // A range of a few denormals: dividing by the scale must not overflow.
  const float tiny = std::numeric_limits<float>::denorm_min();
  const std::vector<float> denormal{0, 200 * tiny, 15 * tiny, 100 * tiny};
  const Group group = quantise(denormal, 8, FloatFormat::fp32);
  for (std::size_t i = 0; i < denormal.size(); ++i) CHECK(std::abs(group.back[i] - denormal[i]) <= 60 * tiny);
  CHECK(group.codes[1] > group.codes[3]);
  CHECK(group.codes[3] > group.codes[2]);
  // In fp16 the same range has scale 0.
  CHECK(quantise(denormal, 8, FloatFormat::fp16).scale.scale == 0);
  const Group wide = quantise({-60000, 60000, 0}, 8, FloatFormat::fp16);
  CHECK(std::isfinite(wide.scale.scale));
  CHECK(std::abs(wide.back[2]) <= wide.scale.scale);
}

// Errors of smooth data are uniform on half a step to either side: mean square scale^2/12 and variance of the square
// scale^4/180. Five standard errors of the mean over 100,000 numbers; the density bends by less than 1e-3 over a step.
TEST_CASE("the mean squared error of smooth data is scale^2/12", "[quantiser]") {
  const auto x = uniforms(100'000, 99);
  for (const int bits : {2, 3, 4, 6, 8}) {
    const Group group = quantise(x, bits, FloatFormat::fp32);
    const double scale = group.scale.scale;
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(static_cast<double>(group.back[i]) - x[i], 2);
    const double mean = sum / static_cast<double>(x.size());
    const double standard_error = scale * scale / std::sqrt(180.0 * static_cast<double>(x.size()));
    CAPTURE(bits, mean / (scale * scale / 12));
    CHECK(std::abs(mean - scale * scale / 12) < 5 * standard_error + 1e-3 * scale * scale / 12);
  }
}

TEST_CASE("strided groups are the same groups", "[quantiser]") {
  const auto x = uniforms(60, 7);
  std::vector<std::uint8_t> codes(60, 255);
  for (int channel = 0; channel < 4; ++channel) {
    std::vector<float> column;
    for (int i = 0; i < 15; ++i) column.push_back(x[static_cast<std::size_t>(4 * i + channel)]);
    const Group alone = quantise(column, 3, FloatFormat::fp16);
    const GroupScale scale =
        schemes::quantise_group(x.data() + channel, 15, 4, 7, FloatFormat::fp16, codes.data() + channel, 4);
    CHECK(scale.zero == alone.scale.zero);
    CHECK(scale.scale == alone.scale.scale);
    for (std::size_t i = 0; i < 15; ++i) CHECK(codes[4 * i + static_cast<std::size_t>(channel)] == alone.codes[i]);
  }
}

TEST_CASE("scales cross a message, and one that is not finite is no message", "[quantiser]") {
  for (const FloatFormat format : {FloatFormat::fp32, FloatFormat::fp16, FloatFormat::bf16}) {
    const std::vector<GroupScale> sent{{-0.25f, 0.125f}, {3, 0}, {0.5f, 2}};
    core::BitWriter writer;
    schemes::put_scales(writer, format, sent.data(), sent.size());
    CHECK(writer.bits().size == 6 * core::bits_of(format));
    core::BitReader reader(writer.bits());
    for (const GroupScale& scale : sent) {
      const GroupScale got = schemes::get_scale(reader, format);
      CHECK(got.zero == scale.zero);
      CHECK(got.scale == scale.scale);
    }
    for (const GroupScale& bad :
         {GroupScale{std::numeric_limits<float>::infinity(), 1}, GroupScale{0, std::nanf("")}}) {
      core::BitWriter damaged;
      schemes::put_scales(damaged, format, &bad, 1);
      core::BitReader again(damaged.bits());
      CHECK_THROWS_AS(schemes::get_scale(again, format), core::DataError);
    }
  }
}

TEST_CASE("public rotations are orthogonal, public and differ by purpose", "[rotation]") {
  constexpr core::Purpose purpose("tests/rotation"), other("tests/other rotation");
  for (const Index d : {1, 2, 7, 16, 33, 64, 128}) {
    CAPTURE(d);
    const core::RowMatrixF rotation = schemes::public_rotation({5}, purpose, d);
    const core::RowMatrixD product = rotation.cast<double>() * rotation.cast<double>().transpose();
    CHECK((product - core::RowMatrixD::Identity(d, d)).cwiseAbs().maxCoeff() < 1e-5);
    CHECK(schemes::public_rotation({5}, purpose, d) == rotation);
    if (d < 2) continue;
    CHECK(schemes::public_rotation({5}, other, d) != rotation);
    CHECK(schemes::public_rotation({6}, purpose, d) != rotation);
  }
}

// Q of G = Q R is Haar exactly when R's diagonal is positive (Mezzadri 2007): R is rebuilt from the same Gaussians.
TEST_CASE("public rotations have the signs of the Haar law", "[rotation]") {
  constexpr core::Purpose purpose("tests/rotation");
  for (const Index d : {1, 2, 7, 33}) {
    for (std::uint64_t key = 0; key < 5; ++key) {
      core::RowMatrixD gaussian(d, d);
      for (Index i = 0; i < d; ++i) {
        core::Stream stream({key}, purpose, static_cast<std::uint64_t>(i));
        boost::random::normal_distribution<double> normal;
        for (Index j = 0; j < d; ++j) gaussian(i, j) = normal(stream);
      }
      const core::RowMatrixD r = schemes::public_rotation({key}, purpose, d).cast<double>().transpose() * gaussian;
      for (Index i = 0; i < d; ++i) {
        REQUIRE(r(i, i) > 0);
        for (Index j = 0; j < i; ++j) REQUIRE(std::abs(r(i, j)) < 1e-5);
      }
    }
  }
  // Entries of a Haar matrix have mean 0 and variance 1/d, and both determinants are equally likely.
  double sum = 0, squares = 0;
  int positive = 0;
  for (std::uint64_t key = 100; key < 500; ++key) {
    const core::RowMatrixD rotation = schemes::public_rotation({key}, purpose, 4).cast<double>();
    sum += rotation(0, 0);
    squares += rotation(0, 0) * rotation(0, 0);
    positive += rotation.determinant() > 0;
  }
  CHECK(std::abs(sum / 400) < 5 * std::sqrt(0.25 / 400));
  // x^2 is Beta(1/2, 3/2): variance 1/16.
  CHECK(std::abs(squares / 400 - 0.25) < 5 * std::sqrt(1.0 / 16 / 400));
  CHECK(std::abs(positive - 200) < 5 * std::sqrt(100.0));
}

TEST_CASE("kept rows are written in token order, keys first, whatever slot they are in", "[kept rows]") {
  const core::RowMatrixF keys = gaussian_rows(6, 3, 1), values = gaussian_rows(6, 3, 2);
  for (const bool stored_keys : {false, true}) {
    const schemes::RowFormat format{3, stored_keys, FloatFormat::fp32};
    schemes::KeptRows rows(format, 3);
    const auto row = [&](Index token, auto&& put) { put(token, keys.row(token).data(), values.row(token).data()); };
    for (const Index token : {0, 1, 2}) row(token, [&](auto... x) { rows.add(x...); });
    row(3, [&](auto... x) { rows.replace(1, x...); });
    row(5, [&](auto... x) { rows.replace(0, x...); });
    CHECK(rows.count() == 3);
    CHECK(rows.bits() == 3 * format.bits_per_row());
    CHECK(format.bits_per_row() == (stored_keys ? 192 : 96));
    core::BitWriter writer;
    rows.write(writer);
    CHECK(writer.bits().size == rows.bits());
    CHECK(writer.ledger().back() == std::pair<std::string, core::Bits>{"values", 9 * 32});
    core::BitReader reader(writer.bits());
    const auto expect = [&](const core::RowMatrixF& source) {
      for (const Index token : {2, 3, 5}) {
        float back[3];
        core::get_floats(reader, FloatFormat::fp32, back, 3);
        for (Index c = 0; c < 3; ++c) CHECK(back[c] == source(token, c));
      }
    };
    if (stored_keys) expect(keys);
    expect(values);
  }
}

TEST_CASE("public keys of scattered tokens are rows of the embedding", "[kept rows]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), 16, "srht"), 0);
  const auto params = params_of(*instance, "uniform", {{"kept", 7}, {"keys", "public"}}, 1);
  const core::RowMatrixF all = all_keys(*instance);
  const std::vector<Index> tokens{0, 1, 2, 7, 9, 10, 20};
  const core::RowMatrixF some = schemes::public_keys(params, tokens);
  for (std::size_t i = 0; i < tokens.size(); ++i) CHECK(some.row(static_cast<Index>(i)) == all.row(tokens[i]));
  CHECK(schemes::public_keys(params, {}).rows() == 0);
  CHECK(schemes::all_tokens(3) == std::vector<Index>{0, 1, 2});
}

TEST_CASE("a budget holds whole rows only", "[kept rows]") {
  const schemes::RowFormat format{5, true, FloatFormat::fp16};  // 160 bits
  CHECK(schemes::rows_in(format, 0, 10) == 0);
  CHECK(schemes::rows_in(format, 159, 10) == 0);
  CHECK(schemes::rows_in(format, 160, 10) == 1);
  CHECK(schemes::rows_in(format, 1599, 10) == 9);
  CHECK(schemes::rows_in(format, 1600, 10) == 10);
  CHECK(schemes::rows_in(format, std::numeric_limits<core::Bits>::max(), 10) == 10);
}

}  // namespace kvfrontier::tests::codec
