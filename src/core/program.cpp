#include "core/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "core/files.hpp"
#include "core/json.hpp"

extern char** environ;

namespace kvfrontier::core {
namespace {

constexpr std::size_t kept_errors = 4096, told_lines = 5, told_bytes = 500;

// A descriptor that closes itself unless it is taken.
struct Descriptor {
  int value = -1;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
  int take() {
    const int taken = value;
    value = -1;
    return taken;
  }
};

extern "C" void end_group(int) {
  kill(0, SIGKILL);
}

struct Child {
  const char* file;
  char* const* arguments;
  char* const* environment;
  int in, out, err, end;
};

// The program's guard: leads its group, tells its exit status and ends the group when our thread dies, which may be by
// SIGKILL. Only async-signal-safe calls: other threads may have held locks at the fork.
[[noreturn]] void guard(const Child& child, pid_t parent) {
  setpgid(0, 0);
  struct sigaction action {};
  action.sa_handler = end_group;
  sigaction(SIGTERM, &action, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) end_group(0);
  prctl(PR_SET_NAME, "kvf-guard");
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGCHLD, SIGPIPE, SIGXFSZ, SIGINT, SIGHUP, SIGQUIT}) sigaction(signal, &action, nullptr);
  const pid_t program = _Fork();
  if (program == 0) {
    sigaction(SIGTERM, &action, nullptr);
    // Out of the way of 0, 1 and 2 first: any of them may be one of ours. One that is closed at each step makes room
    // where no descriptor is left.
    close(child.end);
    int ends[] = {child.in, child.out, child.err};
    for (int& end : ends) {
      const int moved = fcntl(end, F_DUPFD, 3);
      close(end);
      end = moved;
    }
    for (int standard = 0; standard < 3; ++standard) dup2(ends[standard], standard);
    close_range(3, ~0u, 0);
    execve(child.file, child.arguments, child.environment);
    const char* const reason = strerrordesc_np(errno);
    [[maybe_unused]] const auto written = write(2, reason, std::strlen(reason));
    _exit(127);
  }
  // What we hold of the program's ends would hide its end.
  int status = program < 0 ? -errno : 127 << 8;
  const int end = 3;
  dup2(child.end, end);
  close_range(0, end - 1, 0);
  close_range(end + 1, ~0u, 0);
  if (program > 0) {
    while (waitpid(program, &status, 0) < 0 && errno == EINTR) {
    }
  }
  [[maybe_unused]] const auto written = write(end, &status, sizeof(status));
  close(end);
  for (;;) pause();  // as long as we are here the number of the group is not another's
}

bool make_pipe(Descriptor& ours, Descriptor& theirs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  ours.value = ends[0];
  theirs.value = ends[1];
  return true;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g s", seconds);
  return text;
}

std::string shell_text(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return describe(text);
}

}  // namespace

std::string last_lines(const std::string& bytes) {
  std::string text = Json::parse(Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace));
  std::vector<std::string> lines{""};
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else if (c != '\r') {
      lines.back() += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  lines.erase(std::remove_if(lines.begin(), lines.end(),
                             [](const std::string& line) { return line.find_first_not_of(' ') == std::string::npos; }),
              lines.end());
  std::string told;
  for (std::size_t i = lines.size() - std::min(lines.size(), told_lines); i < lines.size(); ++i)
    told += (told.empty() ? "" : " | ") + lines[i].substr(lines[i].find_first_not_of(' '));
  if (told.size() <= told_bytes) return told;
  std::size_t start = told.size() - told_bytes;
  while (start < told.size() && (static_cast<unsigned char>(told[start]) & 0xC0) == 0x80) ++start;
  return "..." + told.substr(start);
}

std::filesystem::path find_program(const std::string& word) {
  const auto runs = [](const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(file, ignored) && access(file.c_str(), X_OK) == 0;
  };
  if (word.find('/') != std::string::npos) return runs(word) ? std::filesystem::path(word) : std::filesystem::path();
  const char* const variable = std::getenv("PATH");
  const std::string path = variable ? variable : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t start = 0; start <= path.size() && !word.empty();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    std::filesystem::path file = std::filesystem::path(path.substr(start, end - start)) / word;
    if (runs(file)) return file;
    start = end + 1;
  }
  return {};
}

Program::Program(const std::vector<std::string>& words, double seconds)
    : name_(shell_text(words)),
      seconds_(seconds),
      deadline_(std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                       std::chrono::duration<double>(seconds))) {
  const std::string file = words.empty() ? "" : find_program(words[0]).string();
  if (file.empty()) throw ProgramError(name_ + ": no such program");
  std::vector<char*> arguments, environment;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "OMP_NUM_THREADS=", 16) != 0) environment.push_back(*entry);
  }
  std::string one_thread = "OMP_NUM_THREADS=1";
  environment.push_back(one_thread.data());
  environment.push_back(nullptr);

  // stdin is a socket: a program that is gone is then an error of send() and no signal.
  int sockets[2];
  Descriptor in, out, err, end, their_in, their_out, their_err, their_end;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    throw_system_error(name_ + " cannot be started", errno);
  in.value = sockets[0];
  their_in.value = sockets[1];
  if (!make_pipe(out, their_out) || !make_pipe(err, their_err) || !make_pipe(end, their_end))
    throw_system_error(name_ + " cannot be started", errno);
  for (const int ours : {out.value, err.value}) fcntl(ours, F_SETFL, O_NONBLOCK);
  const Child child{file.c_str(),    arguments.data(), environment.data(), their_in.value,
                    their_out.value, their_err.value,  their_end.value};
  const pid_t parent = getpid();
  group_ = fork();
  if (group_ < 0) throw_system_error(name_ + " cannot be started", errno);
  if (group_ == 0) guard(child, parent);
  setpgid(group_, group_);  // as the guard does, whoever is first
  in_ = in.take();
  out_ = out.take();
  err_ = err.take();
  end_ = end.take();
}

Program::~Program() {
  kill(-group_, SIGKILL);
  while (waitpid(group_, nullptr, 0) < 0 && errno == EINTR) {
  }
  for (const int descriptor : {in_, out_, err_, end_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

void Program::read_errors() {
  char buffer[4096];
  while (err_ >= 0) {
    const ssize_t count = read(err_, buffer, sizeof(buffer));
    if (count > 0) {
      errors_.append(buffer, static_cast<std::size_t>(count));
      if (errors_.size() > 2 * kept_errors) errors_.erase(0, errors_.size() - kept_errors);
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      close(err_);
      err_ = -1;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

bool Program::wait(bool sending) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd entries[]{{sending ? in_ : out_, static_cast<short>(sending ? POLLOUT : POLLIN), 0},
                     {err_, POLLIN, 0},
                     {end_, POLLIN, 0}};
    const int ready = poll(entries, 3, static_cast<int>(std::min<long long>(left, 1'000'000)));
    if (ready <= 0) continue;
    if (entries[1].revents != 0) read_errors();
    if (entries[2].revents != 0) {
      if (read(end_, &status_, sizeof(status_)) != sizeof(status_)) status_ = 127 << 8;
      close(end_);
      end_ = -1;
      ended_ = true;
      // What the guard tells in place of an exit status: why it could not fork.
      if (status_ < 0) throw_system_error(name_ + " cannot be started", -status_);
      return true;
    }
    if (entries[0].revents != 0) return true;
  }
}

void Program::await_end() {
  close(out_);
  out_ = -1;
  while (!ended_ && wait(false)) {
  }
  read_errors();
}

std::string Program::ending() const {
  if (!ended_) return "closed the line and did not end";
  if (WIFSIGNALED(status_))
    return "was killed by signal " + std::to_string(WTERMSIG(status_)) + " (" + strsignal(WTERMSIG(status_)) + ")";
  return "exited with status " + std::to_string(WEXITSTATUS(status_));
}

void Program::complain(const std::string& what) {
  read_errors();
  const std::string lines = last_lines(errors_);
  throw ProgramError(name_ + " " + what + (lines.empty() ? "; its stderr is empty" : "; its stderr ends: " + lines));
}

void Program::send(const void* data, std::size_t size, const std::string& what) {
  std::size_t moved = 0;
  while (moved < size) {
    const ssize_t count =
        ::send(in_, static_cast<const char*>(data) + moved, size - moved, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      moved += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      if (!wait(true)) complain("did not read " + what + " within " + seconds_text(seconds_));
    } else if (errno != EINTR) {
      await_end();
      complain(ending() + " before it had read " + what);
    }
  }
}

void Program::receive(void* data, std::size_t size, const std::string& what) {
  receive_into([&](std::uint64_t moved) { return std::span(static_cast<std::uint8_t*>(data) + moved, size - moved); },
               size, what);
}

std::vector<std::uint8_t> Program::receive(std::uint64_t size, const std::string& what) {
  constexpr std::uint64_t piece = 1 << 20;
  std::vector<std::uint8_t> bytes;
  const auto room = [&](std::uint64_t moved) {
    if (moved == bytes.size()) bytes.resize(moved + std::min(piece, size - moved));
    return std::span(bytes).subspan(moved);
  };
  receive_into(room, size, what);
  return bytes;
}

template <class Room>
void Program::receive_into(const Room& room, std::uint64_t size, const std::string& what) {
  std::uint64_t moved = 0;
  const auto progress = [&] {
    return moved == 0 ? what
                      : std::to_string(size) + " bytes of " + what + ", of which there are " + std::to_string(moved);
  };
  while (moved < size) {
    const bool last_look = ended_;  // what it wrote is in the pipe by now
    const auto place = room(moved);
    const ssize_t count = read(out_, place.data(), place.size());
    if (count > 0) {
      moved += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno == EAGAIN && last_look)) {
      await_end();
      complain(ending() + " before it had written " + progress());
    } else if (errno == EAGAIN) {
      if (!wait(false)) complain("did not write " + what + " within " + seconds_text(seconds_));
    } else if (errno != EINTR) {
      complain("cannot be read: " + std::string(std::strerror(errno)));
    }
  }
}

void Program::finish() {
  shutdown(in_, SHUT_WR);
  for (;;) {
    const bool last_look = ended_;
    char surplus[64];
    const ssize_t count = read(out_, surplus, sizeof(surplus));
    if (count > 0) {
      complain("wrote more to stdout than the protocol asks for, beginning with " +
               describe(Json(last_lines(std::string(surplus, static_cast<std::size_t>(count))))));
    }
    if (count == 0 || (errno == EAGAIN && last_look)) break;
    if (errno == EAGAIN && !wait(false))
      complain("did not end within " + seconds_text(seconds_) + ", though all had been said");
  }
  await_end();
  if (!ended_) complain("did not end within " + seconds_text(seconds_) + ", though all had been said");
  if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) complain(ending() + " after all had been said");
}

}  // namespace kvfrontier::core
