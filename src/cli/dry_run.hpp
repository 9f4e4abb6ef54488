#pragma once
// What a sweep would take, from declared operation counts and the speed of this machine at this moment.

#include <span>

#include "core/json.hpp"
#include "sweep/config.hpp"
#include "sweep/resources.hpp"

namespace kvfrontier::cli {

struct DryRun {
  std::int64_t points = 0, searches = 0;  // a planner's plan holds searches, which choose their points as they learn
  std::int64_t least_trials = 0, most_trials = 0;
  double least_seconds = 0, most_seconds = 0;  // until every point has looked once, until every point has all trials
  double memory_bytes = 0;                     // of the largest trial
};

// Of `points`, all or some of those of `plan`, with `threads` at work. `speed` in operations a second of one thread.
DryRun dry_run(const sweep::Plan& plan, std::span<const sweep::Point> points, int threads, double speed);
// Sums; memory is the larger one.
DryRun operator+(const DryRun& a, const DryRun& b);

void print(const DryRun& estimate, const sweep::GrantedThreads& threads);
core::Json to_json(const DryRun& estimate);

// Declared operations a second of one thread, measured in a moment on this machine. For estimates only.
double measured_speed();

}  // namespace kvfrontier::cli
