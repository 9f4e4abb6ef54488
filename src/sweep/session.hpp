#pragma once
// Provenance: who measured a record, with what.

#include <string>

#include "core/json.hpp"
#include "simulator/bob.hpp"
#include "sweep/resources.hpp"

namespace kvfrontier::sweep {

// A record of this process: id, start time, host, version, git commit and dirtiness, compiler, flags, kernel name, CPU,
// threads and where their number comes from, isolation, library versions and the config as run.
core::Json make_session(const core::Json& config, const GrantedThreads& threads, simulator::Isolation isolation);

}  // namespace kvfrontier::sweep
