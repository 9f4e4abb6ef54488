// A library to be preloaded into kvfrontier. It sees what kvfrontier asks of the system: the n-th call of one kind on
// anything below one directory fails, or the process or the whole machine dies there.
//
//   KVFRONTIER_FAULT_BELOW   the directory
//   KVFRONTIER_FAULT_CALL    open, read, write, stat, rename, remove, fsync, flock, list: the kind of call; or fork, which
//                            counts in every process that one is forked from, and fails for lack of processes
//   KVFRONTIER_FAULT_AT      which of them, from 1
//   KVFRONTIER_FAULT_DO      error: it fails with EIO; kill: SIGKILL; power: the power fails, and what was not synced is
//                            lost: bytes, names of new files, and renames, but no removal
//   KVFRONTIER_FAULT_MARK    a file that is made when it happens
//
// A power failure at call 0 comes when the process ends by itself.

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace {

// The system's own function of a name.
template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

std::string setting(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct State {
  std::string below = setting("KVFRONTIER_FAULT_BELOW"), call = setting("KVFRONTIER_FAULT_CALL"),
              act = setting("KVFRONTIER_FAULT_DO"), mark = setting("KVFRONTIER_FAULT_MARK");
  long at = std::atol(setting("KVFRONTIER_FAULT_AT").c_str()), count = 0;
  pid_t process = getpid();
  std::recursive_mutex mutex;

  // For power failures: how much of a file would be left, which names are new, which renames may be undone.
  std::map<std::string, off_t> durable_size;
  std::set<std::string> new_names;
  struct Rename {
    std::string from, to, kept;  // kept: the file that was replaced, or empty
  };
  std::vector<Rename> renames;
};

State& state() {
  static State* const state = new State;  // never destroyed: calls come until the very end
  return *state;
}

bool watched(const std::string& path) {
  const State& s = state();
  return !s.below.empty() && getpid() == s.process && path.rfind(s.below, 0) == 0;
}

std::string absolute(const char* path) {
  if (path == nullptr) return "";
  if (path[0] == '/') return path;
  char here[PATH_MAX];
  return getcwd(here, sizeof(here)) == nullptr ? path : std::string(here) + "/" + path;
}

std::string path_of(int descriptor) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = readlink(link.c_str(), path, sizeof(path));
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

void mark() {
  if (state().mark.empty()) return;
  const int file = real<int(const char*, int, ...)>("open")(state().mark.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (file >= 0) close(file);
}

void lose_power() {
  State& s = state();
  for (const auto& [path, size] : s.durable_size) {
    struct stat now {};
    if (real<int(const char*, struct stat*)>("stat")(path.c_str(), &now) != 0 || now.st_size <= size) continue;
    if (truncate(path.c_str(), size) != 0) std::perror("truncate");
  }
  const auto rename = real<int(const char*, const char*)>("rename");
  for (auto undone = s.renames.rbegin(); undone != s.renames.rend(); ++undone) {
    rename(undone->to.c_str(), undone->from.c_str());
    if (!undone->kept.empty()) rename(undone->kept.c_str(), undone->to.c_str());
  }
  for (const auto& name : s.new_names) real<int(const char*)>("unlink")(name.c_str());
  mark();
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Counts a call; true when it is to fail.
bool faulty(const char* call, const std::string& path) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!watched(path) || s.call != call || ++s.count != s.at) return false;
  if (s.act == "power") lose_power();
  mark();
  if (s.act == "kill") {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  errno = EIO;
  return true;
}

bool follows_power() {
  return state().act == "power";
}

// A file under this name may be written from now on.
void opened(const std::string& path, bool existed) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!follows_power() || !watched(path)) return;
  struct stat now {};
  if (real<int(const char*, struct stat*)>("stat")(path.c_str(), &now) != 0 || !S_ISREG(now.st_mode)) return;
  s.durable_size.emplace(path, now.st_size);
  if (!existed) s.new_names.insert(path);
}

void synced(int descriptor, const std::string& path) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!follows_power() || !watched(path)) return;
  struct stat now {};
  if (real<int(int, struct stat*)>("fstat")(descriptor, &now) != 0) return;
  if (S_ISREG(now.st_mode)) {
    s.durable_size[path] = now.st_size;
    return;
  }
  for (auto& one : s.renames) {
    if (folder_of(one.to) != path) continue;
    if (!one.kept.empty()) real<int(const char*)>("unlink")(one.kept.c_str());
    one.to.clear();
  }
  std::erase_if(s.renames, [](const auto& one) { return one.to.empty(); });
  std::erase_if(s.new_names, [&](const auto& name) { return folder_of(name) == path; });
}

struct AtExit {
  ~AtExit() {
    if (follows_power() && state().at == 0 && getpid() == state().process) lose_power();
  }
} at_exit;

int open_file(const char* path, int flags, mode_t mode) {
  const std::string whole = absolute(path);
  if (faulty("open", whole)) return -1;
  const bool existed = access(path, F_OK) == 0;
  const int file = real<int(const char*, int, ...)>("open")(path, flags, mode);
  if (file >= 0 && (flags & O_ACCMODE) != O_RDONLY) opened(whole, existed);
  return file;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

// Whether this fork is the one that fails.
bool no_process() {
  State& s = state();
  if (s.call != "fork" || ++s.count != s.at) return false;
  mark();
  errno = EAGAIN;
  return true;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(path, flags | O_LARGEFILE, mode);
}
FILE* fopen(const char* path, const char* mode) {
  return faulty("open", absolute(path)) ? nullptr : real<FILE*(const char*, const char*)>("fopen")(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return faulty("open", absolute(path)) ? nullptr : real<FILE*(const char*, const char*)>("fopen64")(path, mode);
}
DIR* opendir(const char* path) {
  return faulty("list", absolute(path)) ? nullptr : real<DIR*(const char*)>("opendir")(path);
}
struct dirent* readdir(DIR* directory) {
  return faulty("list", path_of(dirfd(directory))) ? nullptr : real<struct dirent*(DIR*)>("readdir")(directory);
}
struct dirent64* readdir64(DIR* directory) {
  return faulty("list", path_of(dirfd(directory))) ? nullptr : real<struct dirent64*(DIR*)>("readdir64")(directory);
}

ssize_t read(int file, void* data, size_t size) {
  return faulty("read", path_of(file)) ? -1 : real<ssize_t(int, void*, size_t)>("read")(file, data, size);
}
ssize_t pread(int file, void* data, size_t size, off_t offset) {
  return faulty("read", path_of(file)) ? -1
                                       : real<ssize_t(int, void*, size_t, off_t)>("pread")(file, data, size, offset);
}
ssize_t pread64(int file, void* data, size_t size, off64_t offset) {
  return faulty("read", path_of(file))
             ? -1
             : real<ssize_t(int, void*, size_t, off64_t)>("pread64")(file, data, size, offset);
}
ssize_t write(int file, const void* data, size_t size) {
  const std::string path = path_of(file);
  // Half of it arrives, as on a disk that is full.
  if (faulty("write", path)) {
    const ssize_t half = real<ssize_t(int, const void*, size_t)>("write")(file, data, size / 2);
    errno = EIO;
    return half > 0 ? -1 : half;
  }
  return real<ssize_t(int, const void*, size_t)>("write")(file, data, size);
}
int fsync(int file) {
  const std::string path = path_of(file);
  if (faulty("fsync", path)) return -1;
  const int result = real<int(int)>("fsync")(file);
  if (result == 0) synced(file, path);
  return result;
}
int fdatasync(int file) {
  const std::string path = path_of(file);
  if (faulty("fsync", path)) return -1;
  const int result = real<int(int)>("fdatasync")(file);
  if (result == 0) synced(file, path);
  return result;
}
int flock(int file, int operation) {
  return faulty("flock", path_of(file)) ? -1 : real<int(int, int)>("flock")(file, operation);
}

int stat(const char* path, struct stat* status) {
  return faulty("stat", absolute(path)) ? -1 : real<int(const char*, struct stat*)>("stat")(path, status);
}
int stat64(const char* path, struct stat64* status) {
  return faulty("stat", absolute(path)) ? -1 : real<int(const char*, struct stat64*)>("stat64")(path, status);
}
int lstat(const char* path, struct stat* status) {
  return faulty("stat", absolute(path)) ? -1 : real<int(const char*, struct stat*)>("lstat")(path, status);
}
int lstat64(const char* path, struct stat64* status) {
  return faulty("stat", absolute(path)) ? -1 : real<int(const char*, struct stat64*)>("lstat64")(path, status);
}
int fstat(int file, struct stat* status) {
  return faulty("stat", path_of(file)) ? -1 : real<int(int, struct stat*)>("fstat")(file, status);
}
int fstat64(int file, struct stat64* status) {
  return faulty("stat", path_of(file)) ? -1 : real<int(int, struct stat64*)>("fstat64")(file, status);
}

pid_t fork(void) {
  return no_process() ? -1 : real<pid_t()>("fork")();
}

// A Bob is forked by clone.
long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long argument[6];
  for (long& one : argument) one = va_arg(list, long);
  va_end(list);
  if (number == SYS_clone && no_process()) return -1;
  return real<long(long, ...)>("syscall")(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                                          argument[5]);
}

int rename(const char* from, const char* to) {
  const std::string source = absolute(from), target = absolute(to);
  if (faulty("rename", target)) return -1;
  State& s = state();
  const std::lock_guard lock(s.mutex);
  std::string kept;
  if (follows_power() && watched(target)) {
    kept = target + ".kept" + std::to_string(s.renames.size());
    if (link(to, kept.c_str()) != 0) kept.clear();
  }
  const int result = real<int(const char*, const char*)>("rename")(from, to);
  if (result == 0 && follows_power() && watched(target)) {
    s.renames.push_back({source, target, kept});
    if (const auto size = s.durable_size.find(source); size != s.durable_size.end()) {
      s.durable_size[target] = size->second;
      s.durable_size.erase(source);
    }
  }
  return result;
}
int unlink(const char* path) {
  return faulty("remove", absolute(path)) ? -1 : real<int(const char*)>("unlink")(path);
}
int remove(const char* path) {
  return faulty("remove", absolute(path)) ? -1 : real<int(const char*)>("remove")(path);
}

}  // extern "C"
