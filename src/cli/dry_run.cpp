#include "cli/dry_run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "attention/attention.hpp"
#include "cli/arguments.hpp"
#include "sweep/planner.hpp"
#include "sweep/progress.hpp"

namespace kvfrontier::cli {

DryRun dry_run(const sweep::Plan& plan, std::span<const sweep::Point> points, int threads, double speed) {
  const std::int64_t first_look = plan.stop.checkpoints().front(), last_look = plan.stop.max_trials;
  DryRun estimate;
  double operations = 0;
  for (const sweep::Point& point : points) {
    operations += point.operations;
    estimate.memory_bytes = std::max(estimate.memory_bytes, plan.experiment->memory_bytes(point.parameters));
  }
  estimate.least_seconds = operations * first_look / speed / threads;
  estimate.most_seconds = operations * last_look / speed / threads;
  if (plan.experiment->planner().counts_ahead()) {
    estimate.points = std::ssize(points);
    estimate.least_trials = estimate.points * first_look;
    estimate.most_trials = estimate.points * last_look;
  } else {
    estimate.searches = std::ssize(points);
  }
  return estimate;
}

DryRun operator+(const DryRun& a, const DryRun& b) {
  return {a.points + b.points,
          a.searches + b.searches,
          a.least_trials + b.least_trials,
          a.most_trials + b.most_trials,
          a.least_seconds + b.least_seconds,
          a.most_seconds + b.most_seconds,
          std::max(a.memory_bytes, b.memory_bytes)};
}

void print(const DryRun& estimate, const sweep::GrantedThreads& threads) {
  if (estimate.searches > 0) std::printf("searches        %ld\n", estimate.searches);
  if (estimate.points > 0)
    std::printf("points          %ld\ntrials          %ld to %ld\n", estimate.points, estimate.least_trials,
                estimate.most_trials);
  char least[32], most[32];
  std::printf("estimated time  %s to %s on %s of this machine\nmemory          up to %.2g GB a trial\n",
              sweep::duration_text(estimate.least_seconds, least), sweep::duration_text(estimate.most_seconds, most),
              threads_text(threads).c_str(), estimate.memory_bytes / 1e9);
}

core::Json to_json(const DryRun& estimate) {
  return {{"points", estimate.points},
          {"searches", estimate.searches},
          {"trials", {estimate.least_trials, estimate.most_trials}},
          {"seconds", {estimate.least_seconds, estimate.most_seconds}},
          {"memory_bytes", estimate.memory_bytes}};
}

double measured_speed() {
  const core::RowMatrixD rows = core::RowMatrixD::Constant(1024, 64, 0.125);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  int rounds = 0;
  do {
    attention::softmax_attention<double>(rows.topRows(256), rows, rows);
    ++rounds;
  } while (Clock::now() - start < std::chrono::milliseconds(50));
  return rounds * 4.0 * 256 * 1024 * 64 / std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace kvfrontier::cli
