#pragma once
// Runs the real binary, as a user would, and looks at what it left behind.

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/json.hpp"

namespace kvfrontier::end_to_end {

using core::Json;
namespace fs = std::filesystem;

// An empty directory of this test's own, gone with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  // Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& text) const;
  std::string write(const std::string& name, const Json& json) const { return write(name, json.dump(1)); }

 private:
  fs::path path_;
};

struct Finished {
  int code = 0;  // exit code; -signal when a signal ended it
  std::string out, err;
};

struct Surroundings {
  fs::path directory;            // to run in; empty: this one
  fs::path stdout_to;            // a file or device instead of the captured pipe
  std::uint64_t file_bytes = 0;  // no file may grow beyond (RLIMIT_FSIZE); 0: no limit
  bool terminal = false;         // stderr is a terminal
  unsigned short columns = 0;    // of that terminal; 0: it does not know
};

// A process under way.
class Running {
 public:
  explicit Running(const std::vector<std::string>& words, const Surroundings& surroundings = {});
  ~Running();  // killed, should it still be there
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void signal(int number) const;
  // Reads stdout and stderr to their end and waits.
  Finished wait();
  // True once it has ended; nothing is read.
  bool ended() const;

 private:
  pid_t pid_ = 0;
  int out_ = -1, err_ = -1;
};

// kvfrontier with these words.
Finished kvfrontier(const std::vector<std::string>& words, const Surroundings& surroundings = {});
// The words for a Running one.
std::vector<std::string> kvfrontier_words(const std::vector<std::string>& words);

// Waits until `holds()`, looking every millisecond; false after a minute, which no test should need.
bool eventually(const std::function<bool()>& holds);

// Living processes (no zombies) with `marker` in their command line, this one excepted: kvfrontier's zygote and Bobs
// keep the command line of the process they were forked from.
std::size_t processes_of(const std::string& marker);

std::string read_text(const fs::path& file);
std::vector<std::string> lines_of(const std::string& text);

// The records of records*.jsonl in a directory, without their lines' checksums, and their number; 0 while there is no
// directory.
std::vector<Json> records_of(const fs::path& directory);
std::int64_t record_count(const fs::path& directory);
// Of stops*.jsonl: the last stop of each point, by point id.
std::map<std::string, Json> last_stops(const fs::path& directory);
// What a game recorded of a metric: its mean, null where there is none.
Json mean_of(const Json& record, const std::string& metric);
// Records sorted by point and trial without `seconds` and `session`, then stops sorted by point: what must not depend
// on threads, shards, order or interruptions.
std::string canonical(const fs::path& directory);

// A csv table as one map a line.
std::vector<std::map<std::string, std::string>> parse_csv(const std::string& text);
std::vector<std::map<std::string, std::string>> table_of(const fs::path& directory);

}  // namespace kvfrontier::end_to_end
