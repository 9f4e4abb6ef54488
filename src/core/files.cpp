#include "core/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/errors.hpp"

namespace kvfrontier::core {
namespace {

namespace fs = std::filesystem;

// Calls again what a signal has interrupted.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

bool is_users_reason(int reason) {
  constexpr std::array reasons{EACCES, EEXIST, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, EROFS, EXDEV};
  return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
}

void throw_system_error(const std::string& what, int reason) {
  const std::string sentence = what + ": " + std::strerror(reason);
  if (is_users_reason(reason)) throw UserError(sentence);
  throw MachineError(sentence);
}

File::File(fs::path path, int flags) : path_(std::move(path)) {
  descriptor_ = retried([&] { return open(path_.c_str(), flags | O_CLOEXEC, 0644); });
  if (descriptor_ < 0) fail((flags & O_ACCMODE) == O_RDONLY ? "read" : "write");
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

File::File(File&& other) noexcept : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

void File::fail(const char* verb) const {
  const int reason = errno;
  throw_system_error(std::string("cannot ") + verb + " " + path_.string(), reason);
}

std::size_t File::read(char* data, std::size_t size) {
  const ssize_t count = retried([&] { return ::read(descriptor_, data, size); });
  if (count < 0) fail("read");
  return static_cast<std::size_t>(count);
}

std::size_t File::read_at(char* data, std::size_t size, std::size_t offset) const {
  const ssize_t count = retried([&] { return pread(descriptor_, data, size, static_cast<off_t>(offset)); });
  if (count < 0) fail("read");
  return static_cast<std::size_t>(count);
}

void File::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = retried([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
    if (count < 0) fail("write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void File::sync() {
  if (retried([&] { return fsync(descriptor_); }) != 0) fail("write");
}

std::size_t File::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail("read");
  return static_cast<std::size_t>(status.st_size);
}

void File::truncate(std::size_t size) {
  if (retried([&] { return ftruncate(descriptor_, static_cast<off_t>(size)); }) != 0) fail("truncate");
}

bool File::has_name() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail("read");
  return status.st_nlink > 0;
}

bool File::lock(int operation) {
  if (retried([&] { return flock(descriptor_, operation | LOCK_NB); }) == 0) return true;
  if (errno != EWOULDBLOCK) fail("lock");
  return false;
}
bool File::lock_shared() {
  return lock(LOCK_SH);
}
bool File::lock_exclusive() {
  return lock(LOCK_EX);
}

void sync_directory(const fs::path& directory) {
  const std::string name = directory.empty() ? "." : directory.string();
  const int descriptor = retried([&] { return open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  // Who may write to a directory need not be allowed to list it, and some file systems sync none.
  if (descriptor < 0 && errno == EACCES) return;
  const bool synced = descriptor >= 0 && (retried([&] { return fsync(descriptor); }) == 0 || errno == EINVAL);
  const int reason = errno;
  if (descriptor >= 0) close(descriptor);
  if (!synced) throw_system_error("cannot write the directory " + name, reason);
}

void make_directory(const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (fs::is_directory(status)) return;
  if (!fs::status_known(status)) throw_system_error("cannot read the directory " + directory.string(), error.value());
  if (fs::exists(status))
    throw UserError("cannot create the directory " + directory.string() + ": a file of that name is in the way");
  const fs::path parent = directory.has_parent_path() ? directory.parent_path() : fs::path(".");
  // "a/" is the directory a, whose parent is not a.
  if (!directory.has_filename()) return make_directory(parent);
  make_directory(parent);
  fs::create_directory(directory, error);
  if (error) throw_system_error("cannot create the directory " + directory.string(), error.value());
  sync_directory(parent);
}

void replace_file(const fs::path& file, const std::function<void(const Sink&)>& write,
                  const std::function<void(const fs::path&)>& check) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  const fs::path temporary = file.string() + ".tmp";
  try {
    {
      File stream(temporary, O_WRONLY | O_CREAT | O_TRUNC);
      std::string waiting;
      write([&](std::string_view bytes) {
        waiting += bytes;
        if (waiting.size() < piece) return;
        stream.write(waiting);
        waiting.clear();
      });
      stream.write(waiting);
      stream.sync();
    }
    if (check) check(temporary);
    std::error_code error;
    fs::rename(temporary, file, error);
    if (error) throw_system_error("cannot write " + file.string(), error.value());
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  sync_directory(file.parent_path());
}

std::string read_file(const fs::path& file) {
  File stream(file, O_RDONLY);
  std::string text;
  std::array<char, 1 << 16> piece{};
  while (const std::size_t count = stream.read(piece.data(), piece.size())) text.append(piece.data(), count);
  return text;
}

void write_file(const fs::path& file, std::string_view bytes) {
  const fs::file_status status = fs::symlink_status(file);
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    replace_file(file, [&](const Sink& sink) { sink(bytes); });
  } else {
    File(file, O_WRONLY | O_TRUNC).write(bytes);
  }
}

void remove_file(const fs::path& file) {
  std::error_code error;
  fs::remove(file, error);
  if (error) throw_system_error("cannot remove " + file.string(), error.value());
}

}  // namespace kvfrontier::core
