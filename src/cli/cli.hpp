#pragma once
// The command line. A program outside this tree calls run() from its own main to get every verb with its own schemes.

#include <iosfwd>
#include <string>
#include <vector>

namespace kvfrontier::cli {

// What the program's exit status says.
enum ExitCode : int {
  exit_ok = 0,
  exit_result = 1,   // a trial failed, a claim is refuted, something expected is missing
  exit_user = 2,     // what the user wrote cannot be used
  exit_data = 3,     // what is stored cannot be read or cannot be right
  exit_machine = 4,  // the machine failed: a disk, no process, descriptor or memory to be had
  exit_time = 5,     // --max-seconds ended the run before the work did
  exit_signal = 128  // plus the signal that ended the run
};

// Starts the zygote where the verb plays games, then runs the verb. Call first thing in main. Returns an ExitCode.
int run(int argc, char** argv);

// A verb: one file of this folder each.
struct Verb {
  std::string name, usage, summary;
  int (*run)(const std::vector<std::string>& arguments);
  bool plays = false;  // games, for which it needs a zygote
};

const std::vector<Verb>& verbs();

}  // namespace kvfrontier::cli
