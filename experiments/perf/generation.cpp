// Keys and rotations: how near their making comes to the bare random streams, to memory and to the transforms that
// others use.

#include <dlfcn.h>

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <cstring>

#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "schemes/codec/hadamard.hpp"
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
  const double entries = rows.size();
  const auto sphere = best_seconds({[&] { make_rows("sphere", rows); },
                                    [&] {
                                      for (Index i = 0; i < bare.rows(); ++i) {
                                        core::Stream stream({1}, core::Purpose("perf/bare"), i);
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
    const double bytes = sizeof(float) * wide.size();
    report.add({"", std::string(name) + ", d 256", bytes / seconds / 1e9, "GB/s", bytes / seconds / copying, 0.5,
                "memory copy"});
  }
  core::RowMatrixF some(4096, 256);
  const double seconds = best_of_short([&] { make_rows("srht", some); }) / some.rows();
  report.add(
      {"", "one srht key, d 256", 1e9 * seconds, "ns", sizeof(float) * 256 / seconds / copying, 0.5, "memory copy"});
}

const Registration keys_benchmark({"keys",
                                   "sphere keys at 90 % of bare Philox and ziggurat; sign keys at half of memory copy",
                                   check_keys, time_keys});

// A Walsh-Hadamard transform by FFTW: a Fourier transform of length 2 along every binary digit of the index. Loaded and
// not linked: a rival is no dependency of the build.
class FftwHadamard {
 public:
  // In place on `x`, which planning overwrites.
  FftwHadamard(float* x, Index length) {
    if (!library()) return;
    const auto plan = reinterpret_cast<Plan>(dlsym(library(), "fftwf_plan_r2r"));
    int digits = 0;
    int sizes[32], kinds[32];
    for (Index n = length; n > 1; n /= 2) {
      sizes[digits] = 2;
      kinds[digits++] = halfcomplex;
    }
    constexpr unsigned measure = 0;
    plan_ = plan(digits, sizes, x, x, kinds, measure);
    execute_ = reinterpret_cast<Execute>(dlsym(library(), "fftwf_execute"));
  }
  bool there() const { return plan_ != nullptr; }
  void operator()() const { execute_(plan_); }

 private:
  using Plan = void* (*)(int, const int*, float*, float*, const int*, unsigned);
  using Execute = void (*)(void*);
  static constexpr int halfcomplex = 0;  // FFTW_R2HC, which at length 2 is a sum and a difference
  static void* library() {
    static void* const opened = dlopen("libfftw3f.so.3", RTLD_NOW | RTLD_LOCAL);
    return opened;
  }
  void* plan_ = nullptr;
  Execute execute_ = nullptr;
};

void check_hadamard(const Settings&) {
  for (const Index length : {8, 1024, 4096}) {
    core::RowMatrixF x = gaussian(1, length, 3), other = x;
    const core::RowMatrixF before = x;
    schemes::walsh_hadamard(x.data(), length);
    FftwHadamard fftw(other.data(), length);
    if (fftw.there()) {
      other = before;
      fftw();
      require((x - other).cwiseAbs().maxCoeff() < 1e-3f, "the Walsh-Hadamard transform and FFTW's differ");
    }
    schemes::walsh_hadamard(x.data(), length);
    const float squared_norm = length;  // of a row of signs
    require((x / squared_norm - before).cwiseAbs().maxCoeff() < 1e-4f,
            "twice the Walsh-Hadamard transform is no multiple of the identity");
  }
}

void time_hadamard(const Settings&, Report& report) {
  bool fftw_there = true;
  for (const int digits : {6, 8, 10, 12, 14}) {
    const Index length = Index{1} << digits;
    constexpr int turns = 64;
    core::RowMatrixF x = gaussian(1, length, 3), copied = x;
    core::RowMatrixF planned = x;
    const FftwHadamard fftw(planned.data(), length);
    // Numbers neither vanish nor grow beyond what a float holds: n^4 in eight turns.
    int turn = 0;
    const float growth = length;
    const auto scaled = [&turn, growth](core::RowMatrixF& numbers) {
      if (turn++ % 8 == 0) numbers *= 1 / std::pow(growth, 4.0f);
    };
    const auto ours = [&] {
      scaled(x);
      schemes::walsh_hadamard(x.data(), length);
    };
    const auto theirs = [&] {
      scaled(planned);
      fftw();
    };
    const auto copy = [&] {
      std::memcpy(copied.data(), x.data(), sizeof(float) * length);
      asm volatile("" ::"r"(copied.data()) : "memory");
    };
    const auto repeated = [](const auto& work) -> std::function<void()> {
      return [&work] {
        for (int i = 0; i < turns; ++i) work();
      };
    };
    planned = x;
    const auto seconds = best_seconds(
        {repeated(ours), repeated(copy), fftw.there() ? repeated(theirs) : std::function<void()>([] {})}, 200);
    const double ns = 1e9 * seconds[0] / turns;
    const std::string label = "length 2^" + std::to_string(digits);
    fftw_there = fftw_there && fftw.there();
    if (fftw.there()) report.add({"", label, ns, "ns", seconds[2] / seconds[0], 0.5, "FFTW's Hadamard transform"});
    if (digits == 10) report.add({"", label, ns, "ns", seconds[0] / seconds[1], 10, "a copy in cache", Goal::at_most});
  }
  if (!fftw_there) report.note("FFTW is not installed (libfftw3-single3): left out");
}

const Registration hadamard_benchmark({"hadamard",
                                       "Walsh-Hadamard transform: half of FFTW's speed, ten copies in cache at 2^10",
                                       check_hadamard, time_hadamard});

}  // namespace
}  // namespace kvfrontier::perf
