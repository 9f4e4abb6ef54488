// Times softmax attention on seeded inputs and leaves inputs and output behind, so that a rival can be timed and
// checked on the same numbers in the same run: attention DIR [THREADS]. See experiments/rivals/attention.py.

#include <Eigen/Core>
#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "attention/attention.hpp"
#include "core/rng.hpp"

namespace {

using kvfrontier::core::Index;
using kvfrontier::core::RowMatrixF;

constexpr Index queries = 4096, tokens = 16384, width = 64;
constexpr int repeats = 5;

RowMatrixF gaussian(Index rows, float scale, std::uint64_t seed) {
  kvfrontier::core::Stream stream({seed}, kvfrontier::core::Purpose("perf/attention"), 0);
  boost::random::normal_distribution<float> normal;
  RowMatrixF matrix(rows, width);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = scale * normal(stream);
  return matrix;
}

// Raw row-major float32, the machine's byte order.
void write(const std::filesystem::path& path, const RowMatrixF& matrix) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(matrix.data()),
             static_cast<std::streamsize>(sizeof(float)) * static_cast<std::streamsize>(matrix.size()));
  if (!file.flush()) {
    std::fprintf(stderr, "cannot write %s\n", path.c_str());
    std::exit(2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  if (argc < 2 || argc > 3 || threads < 1) {
    std::fprintf(stderr, "usage: %s DIR [THREADS]\n", argv[0]);
    return 2;
  }
  // Logits have standard deviation 0.6 sqrt(64) = 4.8; the largest of 6.7e7 is about 27.
  const RowMatrixF q = gaussian(queries, 0.6f, 1), k = gaussian(tokens, 1, 2), v = gaussian(tokens, 1, 3);
  RowMatrixF output;
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    output = kvfrontier::attention::softmax_attention<float>(q, k, v, threads);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const std::filesystem::path directory = argv[1];
  write(directory / "queries.f32", q);
  write(directory / "keys.f32", k);
  write(directory / "values.f32", v);
  write(directory / "output.f32", output);
  std::printf("{\"queries\": %ld, \"tokens\": %ld, \"width\": %ld, \"threads\": %d, \"seconds\": %.9g}\n",
              static_cast<long>(queries), static_cast<long>(tokens), static_cast<long>(width), threads, best);
  return 0;
}
