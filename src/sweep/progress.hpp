#pragma once
// One line on stderr about a running sweep: rewritten in place on a terminal, a plain line now and then elsewhere.

#include <chrono>
#include <cstddef>

namespace kvfrontier::sweep {

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();

  // Shows the state if the last line is old enough. `done` and `total` are declared operations.
  void show(double done, double total, std::size_t trials, std::size_t points_done, std::size_t points, std::size_t failed);
  // Ends the line on a terminal, so that other output starts on a fresh one.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_, terminal_, open_ = false;
  Clock::time_point start_ = Clock::now(), last_{};
};

// "3.2 s", "4 min", "2.5 h".
const char* duration_text(double seconds, char (&buffer)[32]);

}  // namespace kvfrontier::sweep
