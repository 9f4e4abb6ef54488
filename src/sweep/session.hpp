#pragma once
// Provenance: who measured a row, with what.

#include <string>

#include "core/json.hpp"
#include "simulator/bob.hpp"

namespace kvfrontier::sweep {

// A record of this process: id, start time, host, version, git commit and dirtiness, compiler, flags, kernel name, CPU,
// threads, isolation, library versions and the config as run.
core::Json make_session(const core::Json& config, int threads, simulator::Isolation isolation);

// Threads a run may use: the least of OMP_NUM_THREADS, SLURM_CPUS_PER_TASK, the cgroup's CPU limit and the CPUs of the
// affinity mask, where given.
int available_threads();

// Bytes of memory this process may still take: what is available on the machine, or what the cgroup leaves, if less.
double available_memory();

}  // namespace kvfrontier::sweep
