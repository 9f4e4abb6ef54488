#pragma once
// Whole-buffer reads and writes on a stream socket, with a deadline.

#include <chrono>
#include <cstddef>
#include <optional>

namespace kvfrontier::simulator {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

enum class Transfer { done, closed, timed_out };

Transfer send_all(int socket, const void* data, std::size_t size, Deadline deadline = {});
Transfer receive_all(int socket, void* data, std::size_t size, Deadline deadline = {});

}  // namespace kvfrontier::simulator
