#include "cli/cli.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include "build_info.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "simulator/zygote.hpp"

namespace kvfrontier::cli {
namespace {

void print_help() {
  std::cout << "kvfrontier " KVFRONTIER_VERSION
               ": memory lower bounds for KV-cache compression, by experiment\n\nusage:\n";
  for (const Verb& verb : verbs()) std::cout << "  kvfrontier " << verb.usage << "\n      " << verb.summary << "\n";
  std::cout << "\nstdout is data, stderr is progress. Exit codes: 0 ok; 1 a trial failed or a claim is refuted; 2 user "
               "error; 3 bad data;\n"
               "4 the machine failed (a disk, no memory, process or descriptor), and the same command measures what is "
               "missing;\n"
               "5 --max-seconds reached; 130, 143 interrupted; in all of these every finished trial is saved.\n";
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    print_help();
    return exit_user;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return exit_ok;
  }
  if (words[0] == "--version") {
    std::cout << "kvfrontier " KVFRONTIER_VERSION " (" KVFRONTIER_COMMIT << (KVFRONTIER_DIRTY ? ", dirty" : "")
              << ", " KVFRONTIER_COMPILER ", kernel " KVFRONTIER_KERNEL ")\n";
    return exit_ok;
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
  if (verb->plays) simulator::Zygote::start();
  return verb->run({words.begin() + 1, words.end()});
}

// A file that is opened later must not become stdin, stdout or stderr because the caller has closed one of them. What
// is written to a closed stdout must fail, so its place is taken by something that cannot be written to.
void occupy_standard_descriptors() {
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(standard, F_GETFD) >= 0) continue;
    if (open("/dev/null", standard == STDERR_FILENO ? O_WRONLY : O_RDONLY) != standard) _exit(exit_machine);
  }
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
  occupy_standard_descriptors();
  // A program that was started to be a zygote is one from here on.
  simulator::Zygote::serve_if_asked();
  // A reader that went away (kvfrontier ... | head) ends the program quietly; a Bob that died must not.
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is a full disk: a sentence and a saved store, not a core dump.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto complain = [](const std::string& sentence, int code) {
    std::fprintf(stderr, "kvfrontier: %s\n", core::printable(sentence).c_str());
    return code;
  };
  int code = exit_user;
  try {
    code = dispatch({argv + 1, argv + argc});
  } catch (const core::UserError& error) {
    code = complain(error.what(), exit_user);
  } catch (const core::StoreError& error) {
    code = complain(error.what(), exit_data);
  } catch (const core::DataError& error) {
    code = complain(error.what(), exit_data);
  } catch (const core::MachineError& error) {
    code = complain(error.what(), exit_machine);
  } catch (const std::bad_alloc&) {
    code = complain("out of memory", exit_machine);
  } catch (const std::filesystem::filesystem_error& error) {
    code = complain(error.path1().string() + ": " + error.code().message(),
                    core::is_users_reason(error.code().value()) ? exit_user : exit_machine);
  } catch (const core::Json::exception& error) {
    code = complain("what is stored has not the shape it should have: " + core::json_complaint(error), exit_data);
  } catch (const std::exception& error) {
    code = complain(error.what(), exit_user);
  }
  simulator::Zygote::stop();
  return flushed_output() || code != exit_ok ? code : exit_machine;
}

}  // namespace kvfrontier::cli
