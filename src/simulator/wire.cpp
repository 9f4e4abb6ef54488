#include "simulator/wire.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace kvfrontier::simulator {
namespace {

// Waits until `socket` is ready for `events`.
Transfer wait(int socket, short events, const Deadline& deadline) {
  for (;;) {
    int milliseconds = -1;
    if (deadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
      if (left <= 0) return Transfer::timed_out;
      milliseconds = static_cast<int>(std::min<long long>(left, 1'000'000));
    }
    pollfd entry{socket, events, 0};
    const int ready = poll(&entry, 1, milliseconds);
    if (ready > 0) return Transfer::done;
    if (ready < 0 && errno != EINTR) return Transfer::closed;
  }
}

template <class Step>
Transfer transfer_all(int socket, std::size_t size, short events, const Deadline& deadline, Step step) {
  std::size_t moved = 0;
  while (moved < size) {
    if (const Transfer ready = wait(socket, events, deadline); ready != Transfer::done) return ready;
    const ssize_t count = step(moved);
    if (count > 0) {
      moved += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      return Transfer::closed;
    }
  }
  return Transfer::done;
}

}  // namespace

Transfer send_all(int socket, const void* data, std::size_t size, Deadline deadline) {
  return transfer_all(socket, size, POLLOUT, deadline, [&](std::size_t moved) {
    return send(socket, static_cast<const char*>(data) + moved, size - moved, MSG_NOSIGNAL | MSG_DONTWAIT);
  });
}

Transfer receive_all(int socket, void* data, std::size_t size, Deadline deadline) {
  return transfer_all(socket, size, POLLIN, deadline, [&](std::size_t moved) {
    return recv(socket, static_cast<char*>(data) + moved, size - moved, MSG_DONTWAIT);
  });
}

}  // namespace kvfrontier::simulator
