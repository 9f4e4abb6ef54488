#include "sweep/progress.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace kvfrontier::sweep {
namespace {

// A pipe that nobody reads must not stop a sweep, nor keep it from ending on a signal.
bool writable() {
  pollfd entry{STDERR_FILENO, POLLOUT, 0};
  return poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
}

}  // namespace

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

std::string progress_text(const SweepState& state, double elapsed_seconds) {
  const bool done = state.done == state.goals;
  const double share = state.total > 0 ? 1 - state.left / state.total : 1;
  const double seconds = state.measured > 0 ? elapsed_seconds * state.left / state.measured : 0;
  // A search may take more than it was thought to; then nobody knows how much.
  const bool known = done || seconds >= 0.05;
  char text[256], elapsed[32], left[32];
  std::snprintf(text, sizeof(text), "%ld/%ld %s, %ld trials, %ld failed, %.0f %%, %s elapsed, at most %s left",
                state.done, state.goals, state.noun.c_str(), state.trials, state.failed,
                100 * (done ? share : std::min(share, 0.99)), duration_text(elapsed_seconds, elapsed),
                known ? duration_text(std::max(seconds, 0.0), left) : "?");
  return text;
}

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::clear() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

void ProgressLine::show(const SweepState& state) {
  const auto now = Clock::now();
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double interval = terminal_ ? 0.2 : last_ == start_ ? 1.0 : 60.0;
  if (quiet_ || std::chrono::duration<double>(now - last_).count() < interval || !writable()) return;
  last_ = now;
  std::string text = progress_text(state, elapsed);
  if (winsize window{}; terminal_ && ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
    text = text.substr(0, window.ws_col - 1);
  std::fprintf(stderr, "%s%s%s", terminal_ ? "\r\033[K" : "", text.c_str(), terminal_ ? "" : "\n");
  std::fflush(stderr);
  open_ = terminal_;
}

}  // namespace kvfrontier::sweep
