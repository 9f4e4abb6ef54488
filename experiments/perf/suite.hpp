#pragma once
// The frame of the performance suite. A benchmark is a table entry: it checks its output against an oracle first, then
// times, and every result is printed with a goal that is a ratio to something measured in the same run.

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::perf {

using core::Index;

// An output differs from its oracle: nothing of this benchmark is timed.
struct WrongOutput : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void require(bool holds, const std::string& what);

struct Settings {
  int threads = 2;
  std::filesystem::path program;  // kvfrontier, for benchmarks of whole runs
  std::filesystem::path dump;     // where inputs and outputs are left for rivals; empty: nowhere
};

enum class Goal { at_least, at_most };

// What a benchmark prints and the JSON holds.
struct Result {
  std::string benchmark, label;
  double value = 0;  // as measured
  std::string unit;
  double ratio = 0, goal = 0;  // ratio: of the value to what `against` names
  std::string against;
  Goal kind = Goal::at_least;

  bool met() const { return kind == Goal::at_least ? ratio >= goal : ratio <= goal; }
};

class Report {
 public:
  explicit Report(std::string benchmark) : benchmark_(std::move(benchmark)) {}
  void add(Result result);  // prints it
  // A line without a goal: what other lines are ratios to, or why one is missing.
  void note(const std::string& text);
  const std::vector<Result>& results() const { return results_; }

 private:
  std::string benchmark_;
  std::vector<Result> results_;
};

struct Benchmark {
  const char *name, *goal;
  void (*check)(const Settings&);          // throws WrongOutput; a few seconds at most, for --smoke
  void (*time)(const Settings&, Report&);  // nullptr: nothing to time
  // These come first: the system counts what this process has held at most as held by every program it starts.
  bool runs_programs = false;
};

std::vector<Benchmark>& benchmarks();
struct Registration {
  explicit Registration(const Benchmark& benchmark) { benchmarks().push_back(benchmark); }
};

// What seconds are: of the wall, or, on a machine that others use too, CPU seconds of this process over the threads at
// work, as if each had a core of its own. Whole runs of kvfrontier are always timed by the wall.
enum class Clock { wall, cpu };
void choose_clock(Clock clock);

// Least seconds of each task over `rounds` rounds. They run in turns, so that a busy moment of the machine hits all
// alike: ratios within one call are what can be trusted. `threads`: how many each task keeps at work.
std::vector<double> best_seconds(const std::vector<std::function<void()>>& tasks, int rounds = 3, int threads = 1);

// Repeats `work` until `seconds` of the wall have gone by, at least three times, and returns the least seconds of one.
double best_of_short(const std::function<void()>& work, double seconds = 0.2, int threads = 1);

// Fastest rate, in flops a second, at which this machine multiplies 2048 x 2048 float matrices with `threads` threads:
// Eigen (rows dealt to threads) or OpenBLAS, where that library is installed. Measured once a run and number of
// threads.
struct ProductRate {
  double flops = 0;
  std::string by;
  double eigen = 0;  // of Eigen alone, with this build's instruction set
};
const ProductRate& best_product_rate(int threads);
// C = A B^T by OpenBLAS; false where it is not installed. Row-major, contiguous.
bool openblas_product(const core::RowMatrixF& a, const core::RowMatrixF& b, core::RowMatrixF& c, int threads);
// Bytes a second that memcpy moves, counted once, from and to buffers far beyond the caches. One thread.
double copy_bandwidth();

// Runs kvfrontier with these words and no output. Throws WrongOutput unless it exits with `code`.
struct ProgramRun {
  double seconds = 0, cpu_seconds = 0;  // cpu: of it and its children
  double peak_bytes = 0;                // largest resident memory of any of its processes
};
ProgramRun run_program(const Settings& settings, const std::vector<std::string>& words, int code = 0);

// Standard normal entries times `scale`, a function of the seed.
core::RowMatrixF gaussian(Index rows, Index columns, std::uint64_t seed, float scale = 1);

// An empty directory, gone with this object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

}  // namespace kvfrontier::perf
