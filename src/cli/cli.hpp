#pragma once
// The command line. A program outside this tree calls run() from its own main to get every verb with its own schemes.

#include <iosfwd>
#include <string>
#include <vector>

namespace kvfrontier::cli {

// Starts the zygote, then runs the verb. Call first thing in main. Returns the exit code: 0 ok; 1 a trial failed; 2 user
// error; 3 bad data; 130 or 143 interrupted with all finished trials saved.
int run(int argc, char** argv);

// A verb: one file of this folder each.
struct Verb {
  std::string name, usage, summary;
  int (*run)(const std::vector<std::string>& arguments);
};

const std::vector<Verb>& verbs();

}  // namespace kvfrontier::cli
