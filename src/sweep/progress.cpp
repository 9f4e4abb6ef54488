#include "sweep/progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace kvfrontier::sweep {

const char* duration_text(double seconds, char (&buffer)[32]) {
  if (seconds < 90) {
    std::snprintf(buffer, sizeof(buffer), seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  } else if (seconds < 5400) {
    std::snprintf(buffer, sizeof(buffer), "%.0f min", seconds / 60);
  } else {
    std::snprintf(buffer, sizeof(buffer), "%.1f h", seconds / 3600);
  }
  return buffer;
}

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::clear() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

void ProgressLine::show(double done, double total, std::size_t trials, std::size_t points_done, std::size_t points, std::size_t failed) {
  const auto now = Clock::now();
  const double interval = terminal_ ? 0.2 : 10;
  if (quiet_ || std::chrono::duration<double>(now - (last_ == Clock::time_point{} ? start_ : last_)).count() < interval) return;
  last_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  char elapsed_text[32], left_text[32];
  std::fprintf(stderr, "%s%zu/%zu points, %zu trials, %zu failed, %.0f %%, %s elapsed, at most %s left%s", terminal_ ? "\r\033[K" : "",
               points_done, points, trials, failed, total > 0 ? 100 * done / total : 100.0, duration_text(elapsed, elapsed_text),
               done > 0 ? duration_text(elapsed * (total - done) / done, left_text) : "?", terminal_ ? "" : "\n");
  std::fflush(stderr);
  open_ = terminal_;
}

}  // namespace kvfrontier::sweep
