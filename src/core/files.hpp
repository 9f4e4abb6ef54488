#pragma once
// Files through calls of the system that are all checked. What fails is a UserError where the user can mend it (no such
// file, no permission, a directory in the way) and a MachineError where only the machine can (a bad or full disk, no
// descriptor left).

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace kvfrontier::core {

// Whether an errno says something that the user can mend.
bool is_users_reason(int reason);
// Throws "`what`: the sentence of `reason`", which is an errno, as the error that it is.
[[noreturn]] void throw_system_error(const std::string& what, int reason);

// An open file, which closes itself. Not thread-safe.
class File {
 public:
  // Opens with open(2)'s flags; a file that is created is readable by all. Throws as above.
  File(std::filesystem::path path, int flags);
  ~File();
  File(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }

  // Up to `size` bytes from here on; 0 only at the end of the file.
  std::size_t read(char* data, std::size_t size);
  // Up to `size` bytes from byte `offset` on.
  std::size_t read_at(char* data, std::size_t size, std::size_t offset) const;
  // Writes all of it, or throws with part of it written.
  void write(std::string_view bytes);
  // All bytes are on the disk, and the file's length.
  void sync();
  std::size_t size() const;
  void truncate(std::size_t size);
  // False once the file has no name any more: somebody has deleted it.
  bool has_name() const;
  // Waits for nobody: false while another process holds it in a way that excludes ours. Released with the file.
  bool lock_shared();
  bool lock_exclusive();

 private:
  bool lock(int operation);
  [[noreturn]] void fail(const char* verb) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

// What entries of a directory are called is on the disk: created, renamed and removed ones.
void sync_directory(const std::filesystem::path& directory);

// Creates a directory and those above it, on the disk. Throws UserError where a file of that name is in the way.
void make_directory(const std::filesystem::path& directory);

// Replaces `file` in one step by what `write` hands to its argument piece by piece, and returns once that is on the
// disk. `check`, if any, looks at the new file under its temporary name before it takes the place of the old one.
// Whatever is thrown on the way, the old file stays as it was and nothing else is left.
using Sink = std::function<void(std::string_view)>;
void replace_file(const std::filesystem::path& file, const std::function<void(const Sink&)>& write,
                  const std::function<void(const std::filesystem::path&)>& check = {});

// All of a file.
std::string read_file(const std::filesystem::path& file);

// Makes `bytes` the contents of a file: in one step where there is none or a regular one, and in place of what it is
// where it is a device, a pipe or a link.
void write_file(const std::filesystem::path& file, std::string_view bytes);

// Removes a file that may be gone already.
void remove_file(const std::filesystem::path& file);

}  // namespace kvfrontier::core
