#include "simulator/zygote.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "simulator/bob.hpp"
#include "simulator/message.hpp"

namespace kvfrontier::simulator {
namespace {

int control = -1;  // our end of the socket to the zygote
std::mutex control_mutex;

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
  // The one descriptor he keeps becomes 3; the standard three lead nowhere.
  const int nowhere = open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) dup2(nowhere, standard);
  const int kept = fcntl(socket, F_DUPFD, 1000);
  close_range(3, 999, 0);
  dup2(kept, 3);
  close_range(4, ~0u, 0);
  serve_one_game(3);
  _exit(0);
}

[[noreturn]] void become_zygote(int socket) {
  // An interrupt is for the sweep to handle: it lets running games finish.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);
  prctl(PR_SET_NAME, "kvf-zygote");
  for (;;) {
    const int descriptor = receive_descriptor(socket);
    if (descriptor < 0) _exit(0);
    const pid_t child = fork();
    if (child == 0) become_bob(descriptor);
    close(descriptor);
  }
}

}  // namespace

void Zygote::start() {
  if (started()) return;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    throw GameError("cannot create a socket for the zygote");
  const pid_t child = fork();
  if (child < 0) throw GameError("cannot fork the zygote");
  if (child == 0) {
    close(pair[0]);
    become_zygote(pair[1]);
  }
  close(pair[1]);
  control = pair[0];
}

bool Zygote::started() {
  return control >= 0;
}

int Zygote::fresh_bob() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) throw GameError("cannot create a socket for Bob");
  bool sent;
  {
    const std::lock_guard lock(control_mutex);
    sent = started() && send_descriptor(control, pair[1]);
  }
  close(pair[1]);
  if (!sent) {
    close(pair[0]);
    throw GameError("the zygote is gone, no Bob can be had");
  }
  return pair[0];
}

}  // namespace kvfrontier::simulator
