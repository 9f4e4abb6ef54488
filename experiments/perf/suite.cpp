#include "suite.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>

#include "core/errors.hpp"
#include "core/rng.hpp"

extern char** environ;

namespace kvfrontier::perf {
namespace {

using Wall = std::chrono::steady_clock;

double seconds_since(Wall::time_point start) {
  return std::chrono::duration<double>(Wall::now() - start).count();
}

Clock chosen_clock = Clock::wall;

// Seconds of one call by the chosen clock.
double seconds_of(const std::function<void()>& work, int threads) {
  const auto cpu_now = [] {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
  };
  const double cpu = cpu_now();
  const auto start = Wall::now();
  work();
  return chosen_clock == Clock::cpu ? (cpu_now() - cpu) / threads : seconds_since(start);
}

void eigen_product(const core::RowMatrixF& a, const core::RowMatrixF& b, core::RowMatrixF& c, int threads) {
#pragma omp parallel for num_threads(threads)
  for (int part = 0; part < threads; ++part) {
    const Index first = a.rows() * part / threads, count = a.rows() * (part + 1) / threads - first;
    c.middleRows(first, count).noalias() = a.middleRows(first, count) * b.transpose();
  }
}

}  // namespace

void require(bool holds, const std::string& what) {
  if (!holds) throw WrongOutput(what);
}

void Report::add(Result result) {
  result.benchmark = benchmark_;
  const bool at_least = result.kind == Goal::at_least;
  const double share = at_least ? result.ratio / result.goal : result.goal / std::max(result.ratio, 1e-12);
  const int length = std::clamp(20 * share, 0.0, 40.0);
  const std::string bar(length, '=');
  std::printf("  %-44s %10.4g %-10s %8.3g of %-26s goal %s %-6.3g %-6s |%s\n", result.label.c_str(), result.value,
              result.unit.c_str(), result.ratio, result.against.c_str(), at_least ? ">=" : "<=", result.goal,
              result.met() ? "met" : "MISSED", bar.c_str());
  std::fflush(stdout);
  results_.push_back(std::move(result));
}

void Report::note(const std::string& text) {
  std::printf("  %s\n", text.c_str());
  std::fflush(stdout);
}

std::vector<Benchmark>& benchmarks() {
  static std::vector<Benchmark> list;
  return list;
}

void choose_clock(Clock clock) {
  chosen_clock = clock;
}

std::vector<double> best_seconds(const std::vector<std::function<void()>>& tasks, int rounds, int threads) {
  std::vector<double> best(tasks.size(), std::numeric_limits<double>::infinity());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < tasks.size(); ++i) best[i] = std::min(best[i], seconds_of(tasks[i], threads));
  }
  return best;
}

double best_of_short(const std::function<void()>& work, double seconds, int threads) {
  double best = std::numeric_limits<double>::infinity();
  const auto begin = Wall::now();
  for (int round = 0; round < 3 || seconds_since(begin) < seconds; ++round)
    best = std::min(best, seconds_of(work, threads));
  return best;
}

bool openblas_product(const core::RowMatrixF& a, const core::RowMatrixF& b, core::RowMatrixF& c, int threads) {
  // Loaded and not linked: a rival is no dependency of the build.
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
  using SetThreads = void (*)(int);
  static void* const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  static const auto sgemm = library ? reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm")) : nullptr;
  static const auto set_threads =
      library ? reinterpret_cast<SetThreads>(dlsym(library, "openblas_set_num_threads")) : nullptr;
  if (sgemm == nullptr || set_threads == nullptr) return false;
  constexpr int row_major = 101, plain = 111, transposed = 112;
  set_threads(threads);
  const int m = a.rows(), n = b.rows(), k = a.cols();
  sgemm(row_major, plain, transposed, m, n, k, 1, a.data(), k, b.data(), k, 0, c.data(), n);
  return true;
}

const ProductRate& best_product_rate(int threads) {
  static std::map<int, ProductRate> measured;
  const auto measure = [&] {
    constexpr Index side = 2048;
    const core::RowMatrixF a = gaussian(side, side, 1), b = gaussian(side, side, 2);
    core::RowMatrixF c(side, side), other(side, side);
    eigen_product(a, b, c, threads);
    const bool openblas = openblas_product(a, b, other, threads);
    require(!openblas || (c - other).cwiseAbs().maxCoeff() < 1e-2f, "OpenBLAS and Eigen disagree about a product");
    const auto times = best_seconds(
        {[&] { eigen_product(a, b, c, threads); }, [&] { openblas_product(a, b, other, threads); }}, 5, threads);
    constexpr double flops = 2.0 * side * side * side;
    return openblas && times[1] < times[0] ? ProductRate{flops / times[1], "OpenBLAS", flops / times[0]}
                                           : ProductRate{flops / times[0], "Eigen", flops / times[0]};
  };
  if (measured.count(threads) == 0) measured[threads] = measure();
  return measured.at(threads);
}

double copy_bandwidth() {
  static const double best = [] {
    constexpr std::size_t bytes = std::size_t{64} << 20;
    const std::vector<char> from(bytes, 1);
    std::vector<char> to(bytes, 0);
    return bytes / best_of_short([&] { std::memcpy(to.data(), from.data(), bytes); });
  }();
  return best;
}

ProgramRun run_program(const Settings& settings, const std::vector<std::string>& words, int code) {
  std::vector<std::string> all{settings.program.string()};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&quiet, descriptor, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const auto start = Wall::now();
  const int failure = posix_spawn(&pid, all[0].c_str(), &quiet, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&quiet);
  if (failure != 0) throw core::UserError("cannot run " + all[0] + ": " + std::strerror(failure) + "; see --program");
  int status = 0;
  struct rusage usage {};
  wait4(pid, &status, 0, &usage);
  ProgramRun run;
  run.seconds = seconds_since(start);
  for (const timeval& time : {usage.ru_utime, usage.ru_stime}) run.cpu_seconds += time.tv_sec + 1e-6 * time.tv_usec;
  run.peak_bytes = 1024.0 * usage.ru_maxrss;
  const int got = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  require(got == code, "kvfrontier " + words[0] + " ended with " + std::to_string(got) + " where " +
                           std::to_string(code) + " was due");
  return run;
}

core::RowMatrixF gaussian(Index rows, Index columns, std::uint64_t seed, float scale) {
  core::Stream stream({seed}, core::Purpose("perf/gaussian"), 0);
  boost::random::normal_distribution<float> normal;
  core::RowMatrixF matrix(rows, columns);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = scale * normal(stream);
  return matrix;
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "kvfrontier-perf-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw core::UserError("cannot create " + name + ": " + std::strerror(errno));
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Folder::write(const std::string& name, const std::string& text) const {
  std::ofstream stream(path_ / name, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw core::UserError("cannot write " + (path_ / name).string());
}

}  // namespace kvfrontier::perf
