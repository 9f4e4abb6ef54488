#pragma once
// What the targets share: taking an input apart, and the check of a property that must hold for every input.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace kvfrontier::fuzz {

// Takes choices off the front of an input; at its end every choice is 0.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  // One of 0 .. count - 1.
  std::size_t choice(std::size_t count) { return byte() % count; }
  void skip(std::size_t bytes) { rest_.remove_prefix(bytes < rest_.size() ? bytes : rest_.size()); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// Ends the process, which libFuzzer and the replay both take for a finding.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "this does not hold: %s\n", property);
  std::abort();
}

}  // namespace kvfrontier::fuzz
