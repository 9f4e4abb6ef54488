#pragma once
// A store as the files of a directory. records*.jsonl hold one trial a line, stops*.jsonl why points stopped,
// sessions*.jsonl who measured; any of them may be packed as .jsonl.zst, which is only read. A run only
// appends, and a merge writes whole files. Every line is sealed (sweep/record_line.hpp). A line that was cut off by a
// crash is dropped with a warning, a line that cannot be read is an error.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/files.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::sweep {

using Warn = std::function<void(const std::string&)>;

// Reads every records*.jsonl, stops*.jsonl and sessions*.jsonl of a directory. Throws UserError when there is no such
// directory, MachineError when the disk fails, and StoreError (file and line) for a line that was changed or is damaged,
// for a foreign schema, a conflict or a stop without records, or for a directory that holds rows*.jsonl of kvfrontier
// 0.1 instead.
Store read_store(const std::filesystem::path& directory, const Warn& warn);

// Adds the records, stops and sessions of `directory` to `store`, and the files' names to `store.files`.
void read_into(Store& store, const std::filesystem::path& directory, const Warn& warn);

// Longest line that is read, in bytes.
inline constexpr std::size_t longest_line = std::size_t{64} << 20;

// Held by every writer of a directory that exists, together with other writers, and by a merge into it alone.
class StoreLock {
 public:
  enum class Kind { writer, merge };
  // Throws UserError when another process holds it in a way that excludes this one.
  StoreLock(const std::filesystem::path& directory, Kind kind);

 private:
  core::File file_;
};

// Writes a store as records.jsonl, stops.jsonl and sessions.jsonl, sorted, each replaced in one step once it is on the
// disk and was read back. Then the other ones of `superseded` go: files of the directory that were read into `store` while
// the caller held the directory's lock as a merge, as it still does.
void write_store(const Store& store, const std::filesystem::path& directory,
                 const std::vector<std::filesystem::path>& superseded = {});

// The one writer of a shard's files.
class StoreWriter {
 public:
  // Creates the directory, locks the files and cuts torn tails. Throws UserError when that cannot be done or another
  // writer holds the lock, and StoreError for a directory of kvfrontier 0.1. `suffix` is "" or ".I-of-N".
  StoreWriter(const std::filesystem::path& directory, const std::string& suffix, const Warn& warn);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // Each appends one whole line, or throws UserError or MachineError with nothing half-written. What was appended
  // survives the end of this process; commit() makes it survive the end of the machine. Stops wait for a commit, which
  // every append makes when the last one is a second ago: a stop is never on the disk before the records that it is
  // about. Not thread-safe.
  void append(const Record& record);
  void append(const Stop& stop);
  void append_session(const core::Json& session);
  void commit();

 private:
  struct Lines;
  void commit_when_due();

  StoreLock lock_;
  std::unique_ptr<Lines> records_, stops_, sessions_;
  std::vector<Stop> waiting_;
  std::chrono::steady_clock::time_point last_commit_;
  double commit_seconds_ = 1;  // least time between two
};

// ".I-of-N", or "" for an unsharded run.
std::string shard_suffix(int index, int count);

}  // namespace kvfrontier::sweep
