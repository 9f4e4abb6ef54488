#pragma once
// One function a verb, each in its own file.

#include "cli/cli.hpp"

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
Verb report_verb();

// Warnings about a store go to stderr.
void warn(const std::string& text);

// Declared operations a second of one thread, measured in a moment on this machine. For estimates only.
double measured_speed();

}  // namespace kvfrontier::cli
