#pragma once
// Runs a plan: trials on OpenMP threads, records to a store as they finish, stopping at checkpoints.

#include <filesystem>
#include <optional>
#include <string>

#include "sweep/config.hpp"
#include "sweep/resources.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::sweep {

struct RunOptions {
  std::filesystem::path out;
  GrantedThreads threads{1, "caller"};
  int shard_index = 1, shard_count = 1;
  double max_seconds = 0;     // start no trial after this long; 0: no limit
  bool retry_failed = false;  // measure failed trials again
  simulator::BobPolicy bob;
  double memory_bytes = 0;  // most that running trials may be estimated to take; 0: 90 % of what is available
  bool quiet = false;       // no progress lines
};

struct RunOutcome {
  std::int64_t points = 0, points_done = 0;
  std::int64_t goals = 0, goals_done = 0;                    // the points themselves, or searches
  std::string noun;                                          // what goals are called
  std::int64_t trials_measured = 0, trials_found = 0;        // found: already in the store
  std::int64_t failed = 0, uncertified = 0, infeasible = 0;  // records of these points, measured or found
  std::string a_failure;                                     // the reason of one of the failed, of the first point
  std::int64_t too_large = 0;                                // points for which this machine has too little memory
  double largest_bytes = 0, usable_bytes = 0;                // what the largest of these needs, and what there is
  int signal = 0;                                            // SIGINT or SIGTERM, when one ended the run early
  bool out_of_time = false;
  double seconds = 0;
};

// Everything that was finished is in the directory when this returns or throws. `held`, where given, keeps what the
// directory holds from one run to the next: an empty one is read, under the lock of the directory, and what is measured
// is added. SIGINT and SIGTERM let running trials finish; a second one ends the process. Throws UserError and StoreError,
// and MachineError when the machine fails: then the trial under way has no record.
RunOutcome run(const Plan& plan, const RunOptions& options, std::optional<Store>* held = nullptr);

}  // namespace kvfrontier::sweep
