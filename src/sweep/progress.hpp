#pragma once
// One line on stderr about a running sweep: rewritten in place on a terminal, a plain line now and then elsewhere.

#include <chrono>
#include <cstdint>
#include <string>

namespace kvfrontier::sweep {

// Work in declared operations: done by this run, left at most, and of the whole sweep at most.
struct SweepState {
  double measured = 0, left = 0, total = 0;
  std::int64_t trials = 0, done = 0, goals = 0, failed = 0;
  std::string noun = "points";  // what goals are called
};

// "3/8 points, 41 trials, 0 failed, 40 %, 12 s elapsed, at most 18 s left". The time left follows from what this run
// has measured; work that was found in the store or saved by stopping early does not make it look fast.
std::string progress_text(const SweepState& state, double elapsed_seconds);

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();

  // Shows the state if the last line is old enough: 0.2 s on a terminal; elsewhere a minute, after a first one at a
  // second. A terminal that is too narrow has the end cut off, and one that cannot take a line now is passed over.
  void show(const SweepState& state);
  // Ends the line on a terminal, so that other output starts on a fresh one.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_, terminal_, open_ = false;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

// "3.2 s", "4 min", "2.5 h".
const char* duration_text(double seconds, char (&buffer)[32]);

}  // namespace kvfrontier::sweep
