// Runs the inputs of a corpus through a target, where there is no libFuzzer. Usage: PROGRAM DIRECTORY|FILE...
// Whatever escapes from the target ends the program with the name of the input. Fails where there is no input at all.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fs = std::filesystem;

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (const std::string& place : std::vector<std::string>(argv + 1, argv + argc)) {
    if (!fs::is_directory(place)) {
      files.emplace_back(place);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(place)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "%s: no input to replay\n", argv[0]);
    return 1;
  }
  for (const fs::path& file : files) {
    // Before it is read, for what ends the process says no name.
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    const std::string bytes = kvfrontier::core::read_file(file);
    // As libFuzzer has it: a buffer of exactly this size, so that a sanitizer sees who reads past its end.
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    try {
      LLVMFuzzerTestOneInput(input.data(), input.size());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", file.c_str(), error.what());
      return 1;
    }
  }
  std::printf("%zu inputs\n", files.size());
}
