#include "cli/cli.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>

#include "build_info.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "core/json.hpp"
#include "simulator/zygote.hpp"

namespace kvfrontier::cli {
namespace {

void print_help() {
  std::cout << "kvfrontier " KVFRONTIER_VERSION
               ": memory lower bounds for KV-cache compression, by experiment\n\nusage:\n";
  for (const Verb& verb : verbs()) std::cout << "  kvfrontier " << verb.usage << "\n      " << verb.summary << "\n";
  std::cout << "\nstdout is data, stderr is progress. Exit codes: 0 ok; 1 a trial failed or a claim is refuted; 2 user "
               "error; 3 bad data;\n"
               "130, 143 interrupted, all finished trials saved.\n";
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    print_help();
    return 2;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return 0;
  }
  if (words[0] == "--version") {
    std::cout << "kvfrontier " KVFRONTIER_VERSION " (" KVFRONTIER_COMMIT << (KVFRONTIER_DIRTY ? ", dirty" : "")
              << ", " KVFRONTIER_COMPILER ", kernel " KVFRONTIER_KERNEL ")\n";
    return 0;
  }
  const auto verb = std::find_if(verbs().begin(), verbs().end(), [&](const Verb& v) { return v.name == words[0]; });
  if (verb == verbs().end()) {
    std::vector<std::string> names;
    for (const Verb& known : verbs()) names.push_back(known.name);
    const std::string nearest = core::nearest_name(words[0], names);
    throw core::UserError("unknown verb \"" + words[0] + "\"" +
                          (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?") +
                          "; kvfrontier --help lists them");
  }
  return verb->run({words.begin() + 1, words.end()});
}

// False, and a complaint, when not all of stdout could be written. A pipe whose reader has seen enough is no error.
bool flushed_output() {
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (written) return true;
  const std::string reason = std::strerror(errno);
  struct stat output {};
  if (fstat(STDOUT_FILENO, &output) == 0 && (S_ISFIFO(output.st_mode) || S_ISSOCK(output.st_mode))) return true;
  std::fprintf(stderr, "kvfrontier: cannot write to stdout: %s\n", reason.c_str());
  return false;
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> list{run_verb(),      table_verb(),  frontier_verb(),  fit_verb(),    gap_verb(),
                                      audit_verb(),    merge_verb(),  replay_verb(),    decode_verb(), list_verb(),
                                      describe_verb(), check_verb(),  certify_verb(),   floor_verb(),  verify_verb(),
                                      schema_verb(),   report_verb(), completion_verb()};
  return list;
}

int run(int argc, char** argv) {
  // A reader that went away (kvfrontier ... | head) ends the program quietly; a Bob that died must not.
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is a full disk: a sentence and a saved store, not a core dump.
  std::signal(SIGXFSZ, SIG_IGN);
  int code = 2;
  try {
    simulator::Zygote::start();
    code = dispatch({argv + 1, argv + argc});
  } catch (const core::UserError& error) {
    std::fprintf(stderr, "kvfrontier: %s\n", error.what());
    code = 2;
  } catch (const core::StoreError& error) {
    std::fprintf(stderr, "kvfrontier: %s\n", error.what());
    code = 3;
  } catch (const core::DataError& error) {
    std::fprintf(stderr, "kvfrontier: %s\n", error.what());
    code = 3;
  } catch (const core::Json::exception& error) {
    std::fprintf(stderr, "kvfrontier: what is stored has not the shape it should have: %s\n",
                 core::json_complaint(error).c_str());
    code = 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kvfrontier: %s\n", error.what());
    code = 2;
  }
  return flushed_output() || code != 0 ? code : 2;
}

}  // namespace kvfrontier::cli
