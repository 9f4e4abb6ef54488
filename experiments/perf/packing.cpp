// Codecs: quantising and packing groups against a copy of their input, and the polar encoder.

#include <cmath>

#include "core/bits.hpp"
#include "core/rng.hpp"
#include "schemes/codec/group_quantiser.hpp"
#include "schemes/codec/polar_code.hpp"
#include "schemes/codec/polar_encoder.hpp"
#include "suite.hpp"

namespace kvfrontier::perf {
namespace {

constexpr Index d = 64;

schemes::Grouping grouping_of(int bits) {
  return {d, 32, bits, core::FloatFormat::fp16};
}

core::BitWriter packed(const core::RowMatrixF& rows, int bits) {
  const auto grouping = grouping_of(bits);
  schemes::QuantisedRows quantised;
  schemes::quantise_rows(grouping, rows.data(), rows.rows(), quantised);
  core::BitWriter writer;
  schemes::put_quantised(writer, grouping, quantised, "values");
  return writer;
}

core::RowMatrixF unpacked(const std::shared_ptr<const core::BitString>& bits, Index count, int width) {
  const auto grouping = grouping_of(width);
  core::BitReader reader(bits);
  return schemes::rows_value(grouping, schemes::get_rows(reader, grouping, count), count);
}

void check_packing(const Settings&) {
  const auto rows = gaussian(300, d, 6);
  for (int bits = 1; bits <= 8; ++bits) {
    const auto message = std::make_shared<const core::BitString>(packed(rows, bits).bits());
    require(message->size == grouping_of(bits).row_bits(rows.rows()), "a packed message has the wrong length");
    const auto back = unpacked(message, rows.rows(), bits);
    for (Index i = 0; i < rows.rows(); ++i) {
      for (Index first = 0; first < d; first += 32) {
        const auto group = rows.row(i).segment(first, 32);
        const float step = (group.maxCoeff() - group.minCoeff()) / ((1 << bits) - 1);
        const float error = (group - back.row(i).segment(first, 32)).cwiseAbs().maxCoeff();
        require(error <= 0.51f * step + 0.005f, "a value comes back further off than half a step");
      }
    }
  }
}

void time_packing(const Settings&, Report& report) {
  const auto rows = gaussian(2048, d, 7);  // 512 KiB: a run of blocks, as schemes hand them over
  const double bytes = sizeof(float) * rows.size(), copying = copy_bandwidth();
  for (const int bits : {1, 2, 3, 4, 8}) {
    const auto message = std::make_shared<const core::BitString>(packed(rows, bits).bits());
    const double pack = best_of_short([&] { packed(rows, bits); }),
                 unpack = best_of_short([&] { unpacked(message, rows.rows(), bits); });
    const std::string label = std::to_string(bits) + " bits";
    report.add(
        {"", "quantise and pack, " + label, bytes / pack / 1e9, "GB/s", bytes / pack / copying, 0.5, "memory copy"});
    report.add({"", "unpack, " + label, bytes / unpack / 1e9, "GB/s", bytes / unpack / copying, 0.5, "memory copy"});
  }
}

const Registration packing_benchmark({"packing",
                                      "groups of 32, 1 to 8 bits: half of memory copy, in bytes of the input",
                                      check_packing, time_packing});

std::vector<std::uint8_t> fair_bits(Index count) {
  core::Stream stream({8}, core::Purpose("perf/fair bits"), 0);
  std::vector<std::uint8_t> bits(count);
  for (auto& bit : bits) bit = stream() & 1;
  return bits;
}

void check_polar(const Settings&) {
  const auto code = schemes::polar_code(4096, 2048);
  const auto source = fair_bits(4096);
  schemes::PolarEncoder encoder;
  const auto word = encoder.encode(*code, source);
  require(code->codeword(code->information_bits(word)) == word, "the polar encoder found no codeword");
  int wrong = 0;
  for (std::size_t i = 0; i < word.size(); ++i) wrong += word[i] != source[i];
  require(wrong < 4096 * 0.14, "the polar encoder is far from its distortion of 0.11");
}

void time_polar(const Settings&, Report& report) {
  constexpr Index length = 1 << 16;
  const auto code = schemes::polar_code(length, length / 2);
  const auto source = fair_bits(length);
  schemes::PolarEncoder encoder;
  const double rate = length / best_of_short([&] { encoder.encode(*code, source); }, 1) / 1e6;
  report.add({"", "encode, length 2^16, rate 1/2", rate, "Mbit/s", rate, 20, "Mbit/s"});
}

const Registration polar_benchmark({"polar", "20 Mbit/s on one core at length 2^16", check_polar, time_polar});

}  // namespace
}  // namespace kvfrontier::perf
