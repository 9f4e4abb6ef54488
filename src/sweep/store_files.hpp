#pragma once
// A store as the files of a directory. records*.jsonl hold one trial a line, stops*.jsonl why points stopped,
// sessions*.jsonl who measured; any of them may be packed as .jsonl.zst, which is only read. A run only
// appends, and a merge writes whole files. A line that was cut off by a crash is dropped with a warning, a line that
// cannot be read is an error.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sweep/store.hpp"

namespace kvfrontier::sweep {

using Warn = std::function<void(const std::string&)>;

// Reads every records*.jsonl, stops*.jsonl and sessions*.jsonl of a directory. Throws UserError when there is no such
// directory and StoreError (file and line) for a corrupt record, a foreign schema or a conflict, or for a directory
// that holds rows*.jsonl of kvfrontier 0.1 instead.
Store read_store(const std::filesystem::path& directory, const Warn& warn);

// Adds the records, stops and sessions of `directory` to `store`.
void read_into(Store& store, const std::filesystem::path& directory, const Warn& warn);

// Keeps writers out of the files of a directory, which may not exist, for as long as it lives. Throws UserError when
// one is at work.
class StoreLock {
 public:
  explicit StoreLock(const std::filesystem::path& directory);
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  std::vector<int> descriptors_;
};

// Writes a store as records.jsonl, stops.jsonl and sessions.jsonl, sorted, each replaced in one step. Files of shards
// in the directory go afterwards: `store` must hold what they held. The caller holds the directory's StoreLock.
void write_store(const Store& store, const std::filesystem::path& directory);

// The one writer of a shard's files.
class StoreWriter {
 public:
  // Creates the directory, locks the files and cuts torn tails. Throws UserError when that cannot be done or another
  // writer holds the lock, and StoreError for a directory of kvfrontier 0.1. `suffix` is "" or ".I-of-N".
  StoreWriter(const std::filesystem::path& directory, const std::string& suffix, const Warn& warn);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // Each appends one whole line or throws UserError with nothing half-written. Not thread-safe.
  void append(const Record& record);
  void append(const Stop& stop);
  void append_session(const core::Json& session);

 private:
  struct File;
  std::unique_ptr<File> records_, stops_, sessions_;
};

// ".I-of-N", or "" for an unsharded run.
std::string shard_suffix(int index, int count);

}  // namespace kvfrontier::sweep
