#pragma once
// One function a verb, each in its own file.

#include "cli/cli.hpp"
#include "sweep/runner.hpp"

namespace kvfrontier::cli {

Verb run_verb();
Verb table_verb();
Verb frontier_verb();
Verb fit_verb();
Verb gap_verb();
Verb audit_verb();
Verb merge_verb();
Verb replay_verb();
Verb decode_verb();
Verb list_verb();
Verb describe_verb();
Verb check_verb();
Verb certify_verb();
Verb floor_verb();
Verb verify_verb();
Verb schema_verb();
Verb completion_verb();
Verb report_verb();

// Says on stderr that points were left out because this machine has too little memory, if any were.
void report_too_large(const sweep::RunOutcome& outcome);

// Warnings about a store go to stderr.
void warn(const std::string& text);

}  // namespace kvfrontier::cli
