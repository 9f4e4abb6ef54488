#include "sweep/store_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/errors.hpp"

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
    if (entry.is_regular_file() && is_lines_file(entry.path(), stem)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The bytes of a file piece by piece, unpacked where it is packed. Throws UserError when it cannot be read and
// StoreError when it is no whole zstd file.
class Bytes {
 public:
  explicit Bytes(const fs::path& file) : file_(file), stream_(file, std::ios::binary) {
    if (!stream_) throw UserError("cannot read " + file.string() + ": " + std::strerror(errno));
    if (is_compressed(file)) context_.reset(ZSTD_createDCtx());
  }

  // The next piece, until the call after this one; empty at the end.
  std::string_view next() {
    if (!context_) return read();
    for (;;) {
      if (in_.pos == in_.size && out_.pos < out_.size) {
        const std::string_view packed = read();
        if (packed.empty() && more_ != 0)
          throw StoreError(file_.string() + ": the zstd file is cut off; the file is damaged");
        if (packed.empty()) return {};
        in_ = {packed.data(), packed.size(), 0};
      }
      unpacked_.resize(ZSTD_DStreamOutSize());
      out_ = {unpacked_.data(), unpacked_.size(), 0};
      more_ = ZSTD_decompressStream(context_.get(), &out_, &in_);
      if (ZSTD_isError(more_) != 0) throw StoreError(file_.string() + ": not a zstd file; the file is damaged");
      if (out_.pos > 0) return {unpacked_.data(), out_.pos};
    }
  }

 private:
  std::string_view read() {
    stream_.read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
    return {piece_.data(), static_cast<std::size_t>(stream_.gcount())};
  }

  const fs::path& file_;
  std::ifstream stream_;
  std::string piece_ = std::string(std::size_t{1} << 20, '\0'), unpacked_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_{nullptr, ZSTD_freeDCtx};
  ZSTD_inBuffer in_{nullptr, 0, 0};
  ZSTD_outBuffer out_{nullptr, 1, 0};  // a full piece may leave more inside
  std::size_t more_ = 1;               // an empty file is not a whole one
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
  }
  if (!begun.empty())  // cut off while it was written
    warn(place() + ": the last line is cut off and is not counted");
}

template <class Place>
Json parsed(std::string_view line, const Place& place) {
  Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) throw StoreError(place() + ": this line is not JSON; the file is damaged");
  return json;
}

// Opens for appending and locks; -1 with errno EWOULDBLOCK when another process holds the lock, or with open's errno.
int open_locked(const fs::path& file, int flags) {
  for (;;) {
    const int descriptor = open(file.c_str(), flags | O_CLOEXEC, 0644);
    if (descriptor < 0) return -1;
    struct stat opened {
    }, named{};
    const bool locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0;
    const int reason = errno;
    if (locked && fstat(descriptor, &opened) == 0 && stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
        opened.st_dev == named.st_dev) {
      return descriptor;
    }
    close(descriptor);
    errno = reason;
    if (!locked) return -1;
    // A merge has put another file in its place meanwhile: what we hold is no longer in the directory.
    if ((flags & O_CREAT) == 0 && !fs::exists(file)) return -1;
  }
}

[[noreturn]] void refuse_second_writer(const fs::path& file) {
  throw UserError(file.string() +
                  " is being written by another kvfrontier; wait for it, or choose another --out or --shard");
}

Record checked_record(const Json& json, const std::string& place) {
  const Json schema = json.is_object() ? json.value("schema", Json()) : Json();
  if (schema != record_schema) {
    throw StoreError(place + ": a record of schema " + core::describe(schema) + "; this program reads schema " +
                     std::to_string(record_schema));
  }
  Record record;
  try {
    record = Record::from_json(json);
  } catch (const core::ConfigError& error) {
    throw StoreError(place + ": " + error.what() + "; the file is damaged");
  }
  if (point_id(*record.parameters) != record.point)
    throw StoreError(place + ": the point id is not the hash of the parameters; the record was edited");
  return record;
}

// Replaces `file` by what write(stream) writes, in one step.
template <class Write>
void replace_file(const fs::path& file, const Write& write) {
  const fs::path temporary = file.string() + ".tmp";
  {
    std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
    write(stream);
    stream.flush();
    if (!stream) {
      std::error_code ignored;
      fs::remove(temporary, ignored);
      throw UserError("cannot write " + temporary.string() + ": " + std::strerror(errno));
    }
  }
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) throw UserError("cannot write " + file.string() + ": " + error.message());
}

void make_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error || !fs::is_directory(directory)) {
    throw UserError("cannot create the directory " + directory.string() + ": " +
                    (error ? error.message() : "a file of that name is in the way"));
  }
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
  for (const auto& file : files_of(directory, "records")) {
    for_each_line(file, warn, [&](std::string_view line, const auto& place) {
      const auto record = read_record_line(line);
      const bool sound = record && record->trial >= 0;
      if (!sound || !store.add(*record)) store.add(checked_record(parsed(line, place), place()));
    });
  }
  for (const auto& file : files_of(directory, "stops")) {
    for_each_line(file, warn, [&](std::string_view line, const auto& place) {
      try {
        store.add(Stop::from_json(parsed(line, place)));
      } catch (const core::ConfigError& error) {
        throw StoreError(place() + ": " + error.what() + "; the file is damaged");
      }
    });
  }
  for (const auto& file : files_of(directory, "sessions")) {
    for_each_line(file, warn, [&](std::string_view line, const auto& place) {
      const Json json = parsed(line, place);
      store.sessions.emplace(json.at("session").get<std::string>(), json);
    });
  }
}

Store read_store(const fs::path& directory, const Warn& warn) {
  Store store;
  read_into(store, directory, warn);
  return store;
}

void write_store(const Store& store, const fs::path& directory) {
  make_directory(directory);
  replace_file(directory / "records.jsonl", [&](std::ostream& stream) { store.write_records(stream); });
  replace_file(directory / "stops.jsonl", [&](std::ostream& stream) {
    for (const auto& [id, stop] : store.stops) stream << stop.to_json().dump() << '\n';
  });
  replace_file(directory / "sessions.jsonl", [&](std::ostream& stream) {
    for (const auto& [id, session] : store.sessions) stream << session.dump() << '\n';
  });
  // The shards are in the merged files now.
  for (const char* stem : {"records", "stops", "sessions"}) {
    for (const auto& file : files_of(directory, stem)) {
      if (file.filename() != std::string(stem) + ".jsonl") fs::remove(file);
    }
  }
}

StoreLock::StoreLock(const fs::path& directory) {
  if (!fs::is_directory(directory)) return;
  for (const auto& file : files_of(directory, "records")) {
    const int descriptor = open_locked(file, O_RDWR);
    if (descriptor >= 0) {
      descriptors_.push_back(descriptor);
    } else if (errno == EWOULDBLOCK) {
      for (const int held : descriptors_) close(held);
      refuse_second_writer(file);
    }
  }
}

StoreLock::~StoreLock() {
  for (const int descriptor : descriptors_) close(descriptor);
}

struct StoreWriter::File {
  fs::path path;
  int descriptor = -1;
  off_t size = 0;

  File(fs::path file, const Warn& warn) : path(std::move(file)) {
    descriptor = open_locked(path, O_RDWR | O_CREAT | O_APPEND);
    if (descriptor < 0 && errno == EWOULDBLOCK) refuse_second_writer(path);
    if (descriptor < 0) throw UserError("cannot write " + path.string() + ": " + std::strerror(errno));
    size = lseek(descriptor, 0, SEEK_END);
    const off_t whole = end_of_last_line();
    if (whole < size) {
      warn(path.string() + ": the last line was cut off (" + std::to_string(size - whole) + " bytes); dropped it");
      if (ftruncate(descriptor, whole) != 0)
        throw UserError("cannot truncate " + path.string() + ": " + std::strerror(errno));
      size = whole;
    }
  }
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  off_t end_of_last_line() const {
    std::vector<char> buffer(1 << 16);
    for (off_t end = size; end > 0;) {
      const off_t start = std::max<off_t>(0, end - static_cast<off_t>(buffer.size()));
      const ssize_t got = pread(descriptor, buffer.data(), static_cast<std::size_t>(end - start), start);
      if (got != end - start) throw UserError("cannot read " + path.string());
      for (ssize_t i = got; i-- > 0;) {
        if (buffer[static_cast<std::size_t>(i)] == '\n') return start + i + 1;
      }
      end = start;
    }
    return 0;
  }

  void append(const Json& json) {
    const std::string line = json.dump() + '\n';
    std::size_t written = 0;
    while (written < line.size()) {
      const ssize_t count = write(descriptor, line.data() + written, line.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        const std::string reason = std::strerror(errno);
        [[maybe_unused]] const int cut = ftruncate(descriptor, size);
        throw UserError("cannot write " + path.string() + ": " + reason +
                        "; everything before this record is saved, rerun to resume");
      }
      written += static_cast<std::size_t>(count);
    }
    size += static_cast<off_t>(line.size());
  }
};

StoreWriter::StoreWriter(const fs::path& directory, const std::string& suffix, const Warn& warn) {
  make_directory(directory);
  refuse_old_records(directory);
  records_ = std::make_unique<File>(directory / ("records" + suffix + ".jsonl"), warn);
  stops_ = std::make_unique<File>(directory / ("stops" + suffix + ".jsonl"), warn);
  sessions_ = std::make_unique<File>(directory / ("sessions" + suffix + ".jsonl"), warn);
}

StoreWriter::~StoreWriter() = default;

void StoreWriter::append(const Record& record) {
  records_->append(record.to_json());
}
void StoreWriter::append(const Stop& stop) {
  stops_->append(stop.to_json());
}
void StoreWriter::append_session(const core::Json& session) {
  sessions_->append(session);
}

std::string shard_suffix(int index, int count) {
  if (count <= 1) return {};
  return std::string(".").append(std::to_string(index)).append("-of-").append(std::to_string(count));
}

}  // namespace kvfrontier::sweep
