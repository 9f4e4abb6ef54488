// Keys: how near their making comes to the bare random streams, to memory and to the transforms that others use.

#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "suite.hpp"

namespace kvfrontier::perf {
namespace {

const geometry::Embedding& family(const char* name) {
  return geometry::Embeddings::find(name, "embedding");
}

void make_rows(const char* name, core::RowMatrixF& rows) {
  family(name).rows({1}, rows.rows(), 0, rows);
}

void check_keys(const Settings&) {
  for (const char* name : {"sphere", "rademacher", "srht"}) {
    core::RowMatrixF together(257, 48), alone(1, 48);
    make_rows(name, together);
    for (Index i = 0; i < together.rows(); ++i) {
      family(name).rows({1}, together.rows(), i, alone);
      require(alone == together.row(i), std::string(name) + ": a row depends on the block it is made in");
      require(std::abs(alone.norm() - 1) < 1e-5f, std::string(name) + ": a key is no unit vector");
    }
  }
}

void time_keys(const Settings&, Report& report) {
  core::RowMatrixF rows(16384, 64), bare(16384, 64);
  const double entries = static_cast<double>(rows.size());
  const auto sphere =
      best_seconds({[&] { make_rows("sphere", rows); },
                    [&] {
                      for (Index i = 0; i < bare.rows(); ++i) {
                        core::Stream stream({1}, core::Purpose("perf/bare"), static_cast<std::uint64_t>(i));
                        boost::random::normal_distribution<float> normal;
                        for (Index c = 0; c < bare.cols(); ++c) bare(i, c) = normal(stream);
                      }
                    }},
                   9);
  report.add({"", "sphere, d 64", entries / sphere[0] / 1e6, "M/s", sphere[1] / sphere[0], 0.9, "Philox + ziggurat"});

  const double copying = copy_bandwidth();
  for (const char* name : {"rademacher", "srht"}) {
    core::RowMatrixF wide(1 << 16, 256);  // 64 MiB: beyond the second-level cache
    const double seconds = best_of_short([&] { make_rows(name, wide); }, 1);
    const double bytes = sizeof(float) * static_cast<double>(wide.size());
    report.add({"", std::string(name) + ", d 256", bytes / seconds / 1e9, "GB/s", bytes / seconds / copying, 0.5,
                "memory copy"});
  }
  core::RowMatrixF some(4096, 256);
  const double seconds = best_of_short([&] { make_rows("srht", some); }) / static_cast<double>(some.rows());
  report.add(
      {"", "one srht key, d 256", 1e9 * seconds, "ns", sizeof(float) * 256 / seconds / copying, 0.5, "memory copy"});
}

const Registration keys_benchmark({"keys",
                                   "sphere keys at 90 % of bare Philox and ziggurat; sign keys at half of memory copy",
                                   check_keys, time_keys});

}  // namespace
}  // namespace kvfrontier::perf
