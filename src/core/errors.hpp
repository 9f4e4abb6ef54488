#pragma once
// The errors a user can meet. Thrown at the edge, printed once in main, each with its own exit code. An assertion
// means a bug of ours; an exception means the input. Their sentences are printable (core/text.hpp), whatever names and
// values from outside were put into them.

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/text.hpp"

namespace kvfrontier::core {

// Something the user wrote (a config, a flag, a path) cannot be used. Exit code 2.
struct UserError : std::runtime_error {
  explicit UserError(const std::string& sentence) : std::runtime_error(printable(sentence)) {}
};

// A value of a config: `path` is dotted (grid.d[1]), `found` what is there, `allowed` what may. `nearest` is the
// closest permitted name, or empty.
struct ConfigError : UserError {
  ConfigError(std::string path, std::string found, std::string allowed, std::string nearest = {});
  std::string path, found, allowed, nearest;
};

// Records that cannot be read, that contradict each other, or that cannot be correct. Exit code 3.
struct StoreError : std::runtime_error {
  explicit StoreError(const std::string& sentence) : std::runtime_error(printable(sentence)) {}
};

// The machine failed, and no scheme and no user: a bad or full disk, no process, descriptor or memory to be had. Never
// stored as a result: the same command measures what is missing. Exit code 4.
struct MachineError : std::runtime_error {
  explicit MachineError(const std::string& sentence) : std::runtime_error(printable(sentence)) {}
};

// A message that a decoder cannot read: it asked for `need` bits where `have` were left, or met an impossible value.
struct DataError : std::runtime_error {
  DataError(std::int64_t need, std::int64_t have);
  explicit DataError(const std::string& sentence);
  std::int64_t need = 0, have = 0;
};

// The entry of `names` with the smallest edit distance to `name`, or empty when none is within a third of its length
// (at least 2).
std::string nearest_name(const std::string& name, const std::vector<std::string>& names);

// "; did you mean PATH?" for what is nearest to a missing file or directory beside it, "" when nothing is near.
std::string nearest_path(const std::filesystem::path& missing);

}  // namespace kvfrontier::core
