#include "sweep/store_files.hpp"

#include <fcntl.h>
#include <zstd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/errors.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::sweep {
namespace fs = std::filesystem;
namespace {

using core::Json;
using core::StoreError;
using core::UserError;

bool is_compressed(const fs::path& file) {
  return file.extension() == ".zst";
}

// STEM.jsonl, STEM.I-of-N.jsonl, or either with .zst behind it.
bool is_lines_file(const fs::path& file, const std::string& stem) {
  const fs::path lines = is_compressed(file) ? file.filename().stem() : file.filename();
  const std::string name = lines.string();
  return name.rfind(stem, 0) == 0 && lines.extension() == ".jsonl" &&
         (name.size() == stem.size() + 6 || name[stem.size()] == '.');
}

std::vector<fs::path> files_of(const fs::path& directory, const std::string& stem) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!is_lines_file(entry.path(), stem)) continue;
    if (!entry.is_regular_file())
      throw UserError(entry.path().string() + ": no file, where a file of a store is wanted");
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The bytes of a file piece by piece, unpacked where it is packed. Throws UserError and MachineError when it cannot be
// read and StoreError when it is no whole zstd file.
class Bytes {
 public:
  explicit Bytes(const fs::path& file) : file_(file, O_RDONLY) {
    if (is_compressed(file)) context_.reset(ZSTD_createDCtx());
  }

  // The next piece, until the call after this one; empty at the end.
  std::string_view next() {
    if (!context_) return read();
    for (;;) {
      // A full piece may leave more inside, but not behind the end of a frame.
      const bool drained = out_.pos < out_.size || frame_ended_;
      if (in_.pos == in_.size && drained) {
        const std::string_view packed = read();
        if (packed.empty() && !frame_ended_)
          throw StoreError(file_.path().string() + ": the zstd file is cut off; the file is damaged");
        if (packed.empty()) return {};
        in_ = {packed.data(), packed.size(), 0};
      }
      unpacked_.resize(ZSTD_DStreamOutSize());
      out_ = {unpacked_.data(), unpacked_.size(), 0};
      const std::size_t more = ZSTD_decompressStream(context_.get(), &out_, &in_);
      if (ZSTD_isError(more) != 0) throw StoreError(file_.path().string() + ": not a zstd file; the file is damaged");
      frame_ended_ = more == 0;
      if (out_.pos > 0) return {unpacked_.data(), out_.pos};
    }
  }

 private:
  std::string_view read() { return {piece_.data(), file_.read(piece_.data(), piece_.size())}; }

  core::File file_;
  // A megabyte, or room for a smaller file: stores may be many small ones.
  std::string piece_ = std::string(std::clamp(file_.size(), std::size_t{1}, std::size_t{1} << 20), '\0'), unpacked_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_{nullptr, ZSTD_freeDCtx};
  ZSTD_inBuffer in_{nullptr, 0, 0};
  ZSTD_outBuffer out_{nullptr, 1, 0};
  bool frame_ended_ = false;  // an empty file is not a whole one
};

// visit(line, place) for every whole line, place() being "file:line".
template <class Visit>
void for_each_line(const fs::path& file, const Warn& warn, const Visit& visit) {
  Bytes bytes(file);
  std::int64_t number = 1;
  const auto place = [&] { return file.string() + ":" + std::to_string(number); };
  std::string begun;  // of a line that goes on in the next piece
  for (std::string_view piece = bytes.next(); !piece.empty(); piece = bytes.next()) {
    for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
      std::string_view line = piece.substr(0, end);
      if (!begun.empty()) line = begun.append(line);
      try {
        visit(line, place);
      } catch (const Json::exception& error) {
        throw StoreError(place() + ": " + core::json_complaint(error) + "; the file is damaged");
      }
      begun.clear();
      piece.remove_prefix(end + 1);
      ++number;
    }
    begun.append(piece);
    if (begun.size() > longest_line)
      throw StoreError(place() + ": a line of more than " + std::to_string(longest_line) +
                       " bytes; the file is damaged");
  }
  if (!begun.empty())  // cut off while it was written
    warn(place() + ": the last line is cut off and is not counted");
}

template <class Place>
Json parsed(std::string_view line, const Place& place) {
  try {
    return core::parse_json_line(line, place());
  } catch (const UserError& error) {
    throw StoreError(std::string(error.what()) + "; the file is damaged");
  }
}

// A line that is JSON and was not changed since it was written.
template <class Place>
Json sealed_json(std::string_view line, const Place& place) {
  Json json = parsed(line, place);
  const Seal seal = seal_of(line);
  if (seal == Seal::none) throw StoreError(place() + ": the line has no checksum; the file is damaged");
  if (seal == Seal::broken)
    throw StoreError(place() + ": the checksum is not that of the line, which was edited or is damaged");
  return json;
}

[[noreturn]] void refuse_second_writer(const fs::path& file) {
  throw UserError(file.string() +
                  " is being written by another kvfrontier; wait for it, or choose another --out or --shard");
}

template <class Place>
Record checked_record(std::string_view line, const Place& place) {
  if (const Json json = parsed(line, place); !json.is_object() || json.value("schema", Json()) != record_schema) {
    const Json schema = json.is_object() ? json.value("schema", Json()) : Json();
    throw StoreError(place() + ": a record of schema " + core::describe(schema) + "; this program reads schema " +
                     std::to_string(record_schema));
  }
  Record record;
  try {
    record = Record::from_json(sealed_json(line, place));
  } catch (const core::ConfigError& error) {
    throw StoreError(place() + ": " + error.what() + "; the file is damaged");
  }
  if (point_id(*record.parameters) != record.point)
    throw StoreError(place() + ": the point id is not the hash of the parameters; the record was edited");
  return record;
}

// Where the record that `conflict` met is, among the files that were read before.
std::string first_place(const std::vector<fs::path>& files, const Conflict& conflict) {
  std::string found;
  const auto look = [&](std::string_view line, const auto& place) {
    const auto record = read_record_line(line);
    if (found.empty() && record && record->point == conflict.point && record->trial == conflict.trial) found = place();
  };
  for (const auto& file : files) {
    if (found.empty())
      for_each_line(
          file, [](const std::string&) {}, look);
  }
  return found;
}

// The files of kvfrontier 0.1 have another name and another form.
void refuse_old_records(const fs::path& directory) {
  const auto old = files_of(directory, "rows");
  if (old.empty() || !files_of(directory, "records").empty()) return;
  throw StoreError(old.front().string() +
                   ": records of kvfrontier 0.1 must be measured again, into another directory: this version does not "
                   "read them");
}

}  // namespace

void read_into(Store& store, const fs::path& directory, const Warn& warn) {
  if (fs::is_regular_file(directory))
    throw UserError(directory.string() + ": a file, where a directory of records is wanted");
  if (!fs::is_directory(directory))
    throw UserError(directory.string() + ": no such directory" + core::nearest_path(directory));
  refuse_old_records(directory);
  // Stops first: a run that goes on meanwhile writes records before the stops that count them.
  std::map<std::string, std::string> stop_places;  // by point
  for (const auto& file : files_of(directory, "stops")) {
    store.files.push_back(file);
    for_each_line(file, warn, [&](std::string_view line, const auto& place) {
      try {
        Stop stop = Stop::from_json(sealed_json(line, place));
        stop_places.emplace(stop.point, place());
        store.add(std::move(stop));
      } catch (const core::ConfigError& error) {
        throw StoreError(place() + ": " + error.what() + "; the file is damaged");
      }
    });
  }
  for (const auto& file : files_of(directory, "records")) {
    store.files.push_back(file);
    for_each_line(file, warn, [&](std::string_view line, const auto& place) {
      try {
        const auto record = read_record_line(line);
        const bool sound = record && record->trial >= 0;
        if (!sound || !store.add(*record)) store.add(checked_record(line, place));
      } catch (const Conflict& conflict) {
        const std::string first = first_place(store.files, conflict);
        throw StoreError(place() + ": " + conflict.what() + (first.empty() ? "" : "; the other one is " + first));
      }
    });
  }
  for (const auto& [point, place] : stop_places) {
    if (!store.points.contains(point))
      throw StoreError(place + ": says when point " + point +
                       " stopped, of which there is no record; records are lost");
  }
  for (const auto& file : files_of(directory, "sessions")) {
    store.files.push_back(file);
    for_each_line(file, warn, [&](std::string_view line, const auto& place) {
      const Json json = sealed_json(line, place);
      store.sessions.emplace(json.at("session").get<std::string>(), json);
    });
  }
}

Store read_store(const fs::path& directory, const Warn& warn) {
  Store store;
  read_into(store, directory, warn);
  return store;
}

void write_store(const Store& store, const fs::path& directory, const std::vector<fs::path>& superseded) {
  // Replaces a file by `count` lines, which are read back from the disk before the old file goes.
  const auto replace = [&](const char* name, std::size_t count, const std::function<void(const core::Sink&)>& write) {
    core::replace_file(directory / name, write, [&](const fs::path& written) {
      std::size_t sound = 0;
      for_each_line(
          written, [](const std::string&) {},
          [&](std::string_view line, const auto&) { sound += seal_of(line) == Seal::sound; });
      if (sound == count) return;
      throw core::MachineError("cannot write " + (directory / name).string() + ": of " + std::to_string(count) +
                               " lines " + std::to_string(sound) + " were read back; nothing was replaced");
    });
  };
  replace("records.jsonl", store.record_count(), [&](const core::Sink& sink) { store.write_records(sink); });
  replace("stops.jsonl", store.stops.size(), [&](const core::Sink& sink) {
    for (const auto& [id, stop] : store.stops) sink(sealed_line(stop.to_json()));
  });
  replace("sessions.jsonl", store.sessions.size(), [&](const core::Sink& sink) {
    for (const auto& [id, session] : store.sessions) sink(sealed_line(session));
  });
  for (const auto& file : superseded) {
    const auto name = file.filename();
    if (name != "records.jsonl" && name != "stops.jsonl" && name != "sessions.jsonl") core::remove_file(file);
  }
}

StoreLock::StoreLock(const fs::path& directory, Kind kind) : file_(directory / ".lock", O_RDWR | O_CREAT) {
  if (kind == Kind::merge ? file_.lock_exclusive() : file_.lock_shared()) return;
  throw UserError(directory.string() + (kind == Kind::merge ? " is being written or merged" : " is being merged") +
                  " by another kvfrontier; wait for it, or choose another --out");
}

// A file to which whole lines are appended.
struct StoreWriter::Lines {
  core::File file;
  std::size_t size = 0;
  bool unsynced = false;

  Lines(const fs::path& path, const Warn& warn) : file(path, O_RDWR | O_CREAT | O_APPEND) {
    if (!fs::is_regular_file(path)) throw UserError("cannot write " + path.string() + ": it is no file");
    if (!file.lock_exclusive()) refuse_second_writer(path);
    size = file.size();
    const std::size_t whole = end_of_last_line();
    if (whole < size) {
      warn(path.string() + ": the last line was cut off (" + std::to_string(size - whole) + " bytes); dropped it");
      file.truncate(whole);
      size = whole;
    }
  }

  std::size_t end_of_last_line() const {
    std::vector<char> buffer(1 << 16);
    for (std::size_t end = size; end > 0;) {
      const std::size_t start = end - std::min(end, buffer.size());
      for (std::size_t got = start; got < end;) {
        const std::size_t count = file.read_at(buffer.data() + (got - start), end - got, got);
        if (count == 0) throw UserError("cannot read " + file.path().string() + ": another program has cut it off");
        got += count;
      }
      for (std::size_t i = end - start; i-- > 0;) {
        if (buffer[i] == '\n') return start + i + 1;
      }
      end = start;
    }
    return 0;
  }

  void append(const std::string& line) {
    if (!file.has_name()) throw core::MachineError(file.path().string() + " was deleted while it was written");
    try {
      file.write(line);
    } catch (...) {
      try {
        file.truncate(size);
      } catch (const std::exception&) {  // a torn line, which the next run drops
      }
      throw;
    }
    size += line.size();
    unsynced = true;
  }

  void sync() {
    if (unsynced) file.sync();
    unsynced = false;
  }
};

namespace {

fs::path made_directory(const fs::path& directory) {
  core::make_directory(directory);
  refuse_old_records(directory);
  return directory;
}

}  // namespace

StoreWriter::StoreWriter(const fs::path& directory, const std::string& suffix, const Warn& warn)
    : lock_(made_directory(directory), StoreLock::Kind::writer), last_commit_(std::chrono::steady_clock::now()) {
  records_ = std::make_unique<Lines>(directory / ("records" + suffix + ".jsonl"), warn);
  stops_ = std::make_unique<Lines>(directory / ("stops" + suffix + ".jsonl"), warn);
  sessions_ = std::make_unique<Lines>(directory / ("sessions" + suffix + ".jsonl"), warn);
  core::sync_directory(directory);
}

StoreWriter::~StoreWriter() {
  try {
    commit();
  } catch (const std::exception&) {  // who wants to know calls commit(); a lost stop is found again by the next run
  }
}

void StoreWriter::append(const Record& record) {
  records_->append(sealed_line(record.to_json()));
  commit_when_due();
}
void StoreWriter::append(const Stop& stop) {
  waiting_.push_back(stop);
  commit_when_due();
}
void StoreWriter::append_session(const core::Json& session) {
  sessions_->append(sealed_line(session));
}

void StoreWriter::commit_when_due() {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - last_commit_;
  if (since.count() >= commit_seconds_) commit();
}

void StoreWriter::commit() {
  const auto start = std::chrono::steady_clock::now();
  sessions_->sync();
  records_->sync();
  for (const Stop& stop : std::exchange(waiting_, {})) stops_->append(sealed_line(stop.to_json()));
  stops_->sync();
  last_commit_ = std::chrono::steady_clock::now();
  // On a slow disk less often, so that a run does not wait for it.
  commit_seconds_ = std::max(1.0, 20 * std::chrono::duration<double>(last_commit_ - start).count());
}

std::string shard_suffix(int index, int count) {
  if (count <= 1) return {};
  return std::string(".").append(std::to_string(index)).append("-of-").append(std::to_string(count));
}

}  // namespace kvfrontier::sweep
