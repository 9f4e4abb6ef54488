#pragma once
// A program from outside under way: its stdin and stdout are a conversation, its stderr is kept for the complaint, and
// nothing of it is left when the object is gone.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace kvfrontier::core {

// The program died, hung, wrote too little or too much. The sentence ends with the last lines of its stderr.
struct ProgramError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The last lines of what a program wrote, which may be any bytes: at most about 500 bytes of valid UTF-8 on one line.
std::string last_lines(const std::string& bytes);

// The executable file that a shell would run for `word`: the file itself when there is a slash in it, otherwise the
// first of that name on PATH. Empty when there is none that may be executed.
std::filesystem::path find_program(const std::string& word);

// Not thread-safe; as many as one likes may run side by side. The program is in a process group of its own, which is
// killed as a whole when the object goes or the thread that made it dies, however hard. Its environment is ours with
// OMP_NUM_THREADS=1, since a trial has one thread.
class Program {
 public:
  // Starts `words` (program and arguments, at least one). `seconds` from now it must have ended. Throws ProgramError
  // when there is no such program, and MachineError when no process or descriptor is to be had for it, as all others do
  // when the guard can start none.
  Program(const std::vector<std::string>& words, double seconds);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Writes to its stdin, in full.
  void send(const void* data, std::size_t size, const std::string& what);
  // Reads exactly `size` bytes of its stdout, which are `what` in complaints ("its message").
  void receive(void* data, std::size_t size, const std::string& what);
  // The same for a size that the program itself has named: takes no more memory than bytes come.
  std::vector<std::uint8_t> receive(std::uint64_t size, const std::string& what);
  // Closes its stdin and waits for its end, which must be by exit status 0 and with nothing more on stdout.
  void finish();

  // Throws ProgramError: the program, `what` it did, the last lines of its stderr.
  [[noreturn]] void complain(const std::string& what);

 private:
  // Waits for one of: room in stdin (if `sending`), bytes or the end of stdout, the program's end. Reads stderr on the
  // way. False at the deadline.
  bool wait(bool sending);
  // Reads `size` bytes; room(moved) is where those after the first `moved` go, at least one of them.
  template <class Room>
  void receive_into(const Room& room, std::uint64_t size, const std::string& what);
  void read_errors();
  void await_end();
  std::string ending() const;  // "exited with status 3"

  std::string name_;  // the words
  double seconds_;
  std::chrono::steady_clock::time_point deadline_;
  pid_t group_ = 0;
  int in_ = -1, out_ = -1, err_ = -1, end_ = -1;  // our ends; end_ tells the exit status
  bool ended_ = false;
  int status_ = 0;
  std::string errors_;  // the end of stderr
};

}  // namespace kvfrontier::core
