#include "simulator/zygote.hpp"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/errors.hpp"
#include "core/files.hpp"
#include "simulator/bob.hpp"
#include "simulator/wire.hpp"

namespace kvfrontier::simulator {
namespace {

using core::MachineError;

// The zygote as this process sees it.
struct Connection {
  int control = -1;  // our end of the socket to it
  pid_t pid = 0;
  int starts = 0;
};
Connection connection;
std::mutex connection_mutex;

constexpr int most_starts = 2;
constexpr auto patience = std::chrono::seconds(30);  // for a fork

// Tells a process that it is to be a zygote, and where its socket is.
constexpr const char* zygote_variable = "KVFRONTIER_ZYGOTE";
constexpr int zygote_socket = 3;

bool send_descriptor(int socket, int descriptor) {
  char byte = 'b';
  iovec data{&byte, 1};
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof(buffer);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == 1;
}

// The next descriptor, or -1 when the other side is gone.
int receive_descriptor(int socket) {
  char byte;
  iovec data{&byte, 1};
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof(buffer);
  ssize_t received;
  do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (received != 1 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
  return descriptor;
}

[[noreturn]] void become_bob(int socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "kvf-bob");
  // The one descriptor he keeps becomes 3; the standard three lead nowhere.
  const int nowhere = open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) dup2(nowhere, standard);
  dup2(socket, 3);
  close_range(4, ~0u, 0);
  serve_one_game(3);
  _exit(0);
}

// Bob's pid, or an errno, negated, where there is none.
void announce(int socket, std::int64_t pid) {
  send_all(socket, &pid, sizeof(pid));
}

[[noreturn]] void become_zygote(int socket) {
  // An interrupt is for the sweep to handle: it lets running games finish.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  prctl(PR_SET_NAME, "kvf-zygote");
  for (;;) {
    const int descriptor = receive_descriptor(socket);
    if (descriptor < 0) _exit(0);
    // A child of whoever started this zygote, who can then tell how it ended, and whom no death of ours takes it from.
    const auto child = static_cast<pid_t>(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (child == 0) {
      announce(descriptor, getpid());
      become_bob(descriptor);
    }
    if (child < 0) announce(descriptor, -errno);
    close(descriptor);
  }
}

std::array<int, 2> socket_pair(int type, const char* whose) {
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair.data()) != 0)
    core::throw_system_error(std::string("cannot create a socket for ") + whose, errno);
  return pair;
}

// Runs this program again as a zygote: forking it here, beside threads and instances, would hand them to every Bob.
void start_again() {
  const auto pair = socket_pair(SOCK_SEQPACKET, "the zygote");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pair[1], zygote_socket);
  const std::string variable = std::string(zygote_variable) + "=1";
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  std::string name = "kvf-zygote";
  std::array<char*, 2> arguments{name.data(), nullptr};
  pid_t pid = 0;
  const int reason = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  close(pair[1]);
  if (reason != 0) {
    close(pair[0]);
    core::throw_system_error("cannot start the zygote again", reason);
  }
  connection = {pair[0], pid, connection.starts + 1};
}

// The status of a child that has ended; nothing while it lives.
std::optional<int> ended(pid_t pid) {
  int status = 0;
  pid_t found;
  do found = waitpid(pid, &status, WNOHANG);
  while (found < 0 && errno == EINTR);
  return found == pid ? std::optional(status) : std::nullopt;
}

// Bobs that have answered and may still be on their way out. Guarded by connection_mutex.
std::vector<pid_t> parting;
void reap_parting() {
  std::erase_if(parting, [](pid_t pid) { return ended(pid).has_value(); });
}

void reap() {
  close(connection.control);
  kill(connection.pid, SIGKILL);
  while (waitpid(connection.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  connection.control = -1;
}

// A Bob of the zygote that was started as the `starts`-th, or nothing when it is dead.
std::optional<FreshBob> ask_zygote(int& starts) {
  const auto pair = socket_pair(SOCK_STREAM, "Bob");
  bool sent;
  {
    const std::lock_guard lock(connection_mutex);
    reap_parting();
    starts = connection.starts;
    sent = connection.control >= 0 && send_descriptor(connection.control, pair[1]);
  }
  close(pair[1]);
  std::int64_t pid = 0;
  const Transfer met =
      sent ? receive_all(pair[0], &pid, sizeof(pid), std::chrono::steady_clock::now() + patience) : Transfer::closed;
  if (met == Transfer::done && pid > 0) return FreshBob{pair[0], static_cast<pid_t>(pid)};
  close(pair[0]);
  if (met == Transfer::done) core::throw_system_error("cannot start a process for Bob", static_cast<int>(-pid));
  if (met == Transfer::timed_out) throw MachineError("no process for Bob was started within 30 s");
  return std::nullopt;
}

}  // namespace

void Zygote::serve_if_asked() {
  if (std::getenv(zygote_variable) == nullptr) return;
  unsetenv(zygote_variable);
  become_zygote(zygote_socket);
}

void Zygote::start() {
  serve_if_asked();
  if (started()) return;
  const auto pair = socket_pair(SOCK_SEQPACKET, "the zygote");
  const pid_t child = fork();
  if (child < 0) core::throw_system_error("cannot fork the zygote", errno);
  if (child == 0) {
    close(pair[0]);
    become_zygote(pair[1]);
  }
  close(pair[1]);
  connection = {pair[0], child, 1};
}

bool Zygote::started() {
  return connection.control >= 0;
}

void Zygote::stop() {
  const std::lock_guard lock(connection_mutex);
  if (started()) reap();
  for (const pid_t pid : parting) {
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  parting.clear();
}

void Zygote::part_from(const FreshBob& bob) {
  close(bob.socket);
  const std::lock_guard lock(connection_mutex);
  parting.push_back(bob.pid);
}

bool Zygote::was_killed(const FreshBob& bob) {
  close(bob.socket);
  std::optional<int> status;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!(status = ended(bob.pid)) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (status) return WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL;
  end(bob);
  return false;
}

void Zygote::end(const FreshBob& bob) {
  close(bob.socket);
  kill(bob.pid, SIGKILL);
  while (waitpid(bob.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

FreshBob Zygote::fresh_bob() {
  if (!started()) throw MachineError("no Bob can be had: the zygote was not started");
  for (;;) {
    int asked = 0;
    if (const auto bob = ask_zygote(asked)) return *bob;
    const std::lock_guard lock(connection_mutex);
    if (connection.starts != asked) continue;  // another game has started it again
    if (asked == most_starts) throw MachineError("the zygote, which every Bob is forked from, has died again");
    reap();
    start_again();
  }
}

}  // namespace kvfrontier::simulator
