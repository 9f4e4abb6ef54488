// What an outside program writes: the length of a message, the message and answers on its stdout, one after the other as
// one game asks for them, or what is told of anything else that it printed. The first byte chooses what comes first. A
// program may be complained about, and takes no more memory than it wrote.

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "../input.hpp"
#include "core/json.hpp"
#include "core/program.hpp"
#include "schemes/protocol.hpp"

using namespace kvfrontier;
using fuzz::require;
namespace process = schemes::process;

namespace {

// A program whose stdout is in memory and ends with the input.
class Written : public process::Speaker {
 public:
  explicit Written(std::string_view bytes) : rest_(bytes) {}
  void receive(void* data, std::size_t size, const std::string& what) override {
    if (size > rest_.size()) complain("exited before it had written " + what);
    std::copy_n(rest_.begin(), size, static_cast<char*>(data));
    rest_.remove_prefix(size);
  }
  std::vector<std::uint8_t> receive(std::uint64_t size, const std::string& what) override {
    if (size > rest_.size()) complain("exited before it had written " + what);
    std::vector<std::uint8_t> bytes(size);
    receive(bytes.data(), bytes.size(), what);
    return bytes;
  }
  [[noreturn]] void complain(const std::string& what) override {
    require(std::all_of(what.begin(), what.end(), [](char c) { return c >= ' ' && c <= '~'; }),
            "a complaint is plain text, whatever the program wrote");
    throw core::ProgramError(what);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

void check_told(std::string_view printed) {
  const std::string told = core::last_lines(std::string(printed));
  core::Json(told).dump();  // throws for what is not UTF-8
  require(told.size() <= 503, "what is told of a program's output is short");
  require(std::none_of(told.begin(), told.end(), [](unsigned char c) { return c < 0x20; }), "it has no control bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t first = input.choice(4);
  const std::size_t queries = input.choice(4), d = input.choice(4);
  if (first == 3) {
    check_told(input.rest());
    return 0;
  }
  Written program(input.rest());
  try {
    core::Bits bits = 8 * queries + d;
    if (first == 0) bits = process::receive_length(program);
    if (first <= 1) {
      const auto message = process::receive_message(program, bits);
      require(std::ssize(message) == (bits + 7) / 8, "a message has the length that was named");
    }
    const core::RowMatrixD answers = process::receive_answers(program, queries, d);
    require(answers.rows() == static_cast<core::Index>(queries), "a row of answers for every query");
    process::require_finite(program, answers);
    require(answers.allFinite(), "answers that pass are finite");
    check_told(program.rest());
  } catch (const core::ProgramError&) {
  }
  return 0;
}
