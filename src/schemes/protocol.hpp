#pragma once
// What an outside program says to us: the frames of docs/process_scheme.md, each eight bytes of length, little-endian, and
// then so many bytes. Nothing here knows where the bytes come from.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/bits.hpp"
#include "core/matrix.hpp"

namespace kvfrontier::schemes::process {

using core::Bits;
using core::Index;

inline constexpr int protocol = 2;
// The largest length that a message may have.
inline constexpr double most_bits = 9e15;

// Whoever speaks: a core::Program under way, or the bytes that a test has made up.
class Speaker {
 public:
  virtual ~Speaker() = default;
  // The next `size` bytes, which are `what` in complaints ("its message"). Throws where there are fewer.
  virtual void receive(void* data, std::size_t size, const std::string& what) = 0;
  // The same for a size that the speaker itself has named: takes no more memory than bytes come.
  virtual std::vector<std::uint8_t> receive(std::uint64_t size, const std::string& what) = 0;
  // Throws: the speaker, and `what` it did.
  [[noreturn]] virtual void complain(const std::string& what) = 0;
};

// What the encoder answers to the shape: the length of its message, at most most_bits.
Bits receive_length(Speaker& speaker);
// Its message of so many bits, the padding of the last byte being 0.
std::vector<std::uint8_t> receive_message(Speaker& speaker, Bits bits);
// What the decoder answers to so many queries: queries x d numbers. They may be anything.
core::RowMatrixD receive_answers(Speaker& speaker, Index queries, Index d);
// Complains about answers that are not finite.
void require_finite(Speaker& speaker, const core::RowMatrixD& answers);

}  // namespace kvfrontier::schemes::process
