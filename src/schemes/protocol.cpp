#include "schemes/protocol.hpp"

#include <algorithm>
#include <bit>

#include "core/json.hpp"

namespace kvfrontier::schemes::process {

static_assert(std::endian::native == std::endian::little, "the protocol is little-endian, and so is what we read");

namespace {

// The length of a frame, which must be `size`. Text in its place is a program that prints.
void receive_announcement(Speaker& speaker, std::uint64_t size, const std::string& what) {
  std::uint64_t announced;
  speaker.receive(&announced, sizeof(announced), what);
  if (announced == size) return;
  const char* const bytes = reinterpret_cast<const char*>(&announced);
  const bool text = std::all_of(bytes, bytes + sizeof(announced),
                                [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r'; });
  speaker.complain(text ? "wrote the text " + core::Json(std::string(bytes, sizeof(announced))).dump() + "... where " +
                              what + " should begin: stdout is for the protocol, print to stderr"
                        : "announced " + std::to_string(announced) + " bytes of " + what + " where " +
                              std::to_string(size) + " are due");
}

}  // namespace

Bits receive_length(Speaker& speaker) {
  const std::string what = "the length of its message";
  std::uint64_t said;
  receive_announcement(speaker, sizeof(said), what);
  speaker.receive(&said, sizeof(said), what);
  if (said > most_bits)
    speaker.complain("says that its message has " + std::to_string(said) + " bits, which no message has");
  return static_cast<Bits>(said);
}

std::vector<std::uint8_t> receive_message(Speaker& speaker, Bits bits) {
  const std::string what = "its message";
  const auto bytes = static_cast<std::uint64_t>((bits + 7) / 8);
  receive_announcement(speaker, bytes, what);
  std::vector<std::uint8_t> message = speaker.receive(bytes, what);
  if (bits % 8 != 0 && message.back() >> bits % 8 != 0)
    speaker.complain("wrote ones behind the last bit of its message: the padding of the last byte is 0");
  return message;
}

core::RowMatrixD receive_answers(Speaker& speaker, Index queries, Index d) {
  const std::string what = "its answers";
  core::RowMatrixD answers(queries, d);
  receive_announcement(speaker, answers.size() * sizeof(double), what);
  speaker.receive(answers.data(), answers.size() * sizeof(double), what);
  return answers;
}

void require_finite(Speaker& speaker, const core::RowMatrixD& answers) {
  if (!answers.allFinite()) speaker.complain("answered with a number that is not finite");
}

}  // namespace kvfrontier::schemes::process
