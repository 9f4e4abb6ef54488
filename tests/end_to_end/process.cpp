#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "../support/catch.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end {
namespace {

constexpr std::chrono::seconds patience(60);

std::vector<fs::path> lines_files(const fs::path& directory, const std::string& stem) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (name.rfind(stem, 0) == 0 && entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Json> json_lines(const fs::path& directory, const std::string& stem) {
  std::vector<Json> list;
  for (const auto& file : lines_files(directory, stem)) {
    for (const auto& line : lines_of(read_text(file))) {
      list.push_back(Json::parse(line));
      list.back().erase(sweep::checksum_name);
    }
  }
  return list;
}

}  // namespace

Folder::Folder() {
  std::string pattern = (fs::temp_directory_path() / "kvfrontier-test-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& name, const std::string& text) const {
  fs::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary) << text;
  return (path_ / name).string();
}

Running::Running(const std::vector<std::string>& words, const Surroundings& surroundings) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int out[2], err[2];
  REQUIRE(pipe2(out, O_CLOEXEC) == 0);
  if (surroundings.terminal) {
    err[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE((err[0] >= 0 && grantpt(err[0]) == 0 && unlockpt(err[0]) == 0));
    err[1] = open(ptsname(err[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(err[1] >= 0);
    const winsize size{24, surroundings.columns, 0, 0};
    REQUIRE(ioctl(err[0], TIOCSWINSZ, &size) == 0);
  } else {
    REQUIRE(pipe2(err, O_CLOEXEC) == 0);
  }
  const int target = surroundings.stdout_to.empty()
                         ? out[1]
                         : open(surroundings.stdout_to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  REQUIRE(target >= 0);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {  // async-signal-safe calls only
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(target, 1);
    dup2(err[1], 2);
    if (!surroundings.directory.empty() && chdir(surroundings.directory.c_str()) != 0) _exit(126);
    if (surroundings.file_bytes > 0) {
      const rlimit limit{surroundings.file_bytes, surroundings.file_bytes};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(126);
    }
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  if (target != out[1]) close(target);
  out_ = out[0];
  err_ = err[0];
}

Running::~Running() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) close(out_);
  if (err_ >= 0) close(err_);
}

void Running::signal(int number) const {
  REQUIRE(kill(pid_, number) == 0);
}

bool Running::ended() const {
  siginfo_t info{};
  return waitid(P_PID, pid_, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
}

Finished Running::wait() {
  Finished finished;
  struct Source {
    int descriptor;
    std::string* text;
    bool open = true;
  };
  Source sources[]{{out_, &finished.out}, {err_, &finished.err}};
  const auto start = std::chrono::steady_clock::now();
  while (sources[0].open || sources[1].open) {
    if (std::chrono::steady_clock::now() - start > std::chrono::minutes(5)) FAIL("the process does not end");
    pollfd entries[2];
    for (int i : {0, 1}) entries[i] = {sources[i].open ? sources[i].descriptor : -1, POLLIN, 0};
    poll(entries, 2, 1000);
    for (int i : {0, 1}) {
      if (entries[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t count = read(sources[i].descriptor, buffer, sizeof(buffer));
      if (count > 0)
        sources[i].text->append(buffer, count);
      else
        sources[i].open = false;  // the end of a pipe, or EIO of a terminal nobody holds
    }
  }
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  pid_ = 0;
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return finished;
}

std::vector<std::string> kvfrontier_words(const std::vector<std::string>& words) {
  std::vector<std::string> all{KVFRONTIER_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Finished kvfrontier(const std::vector<std::string>& words, const Surroundings& surroundings) {
  return Running(kvfrontier_words(words), surroundings).wait();
}

bool eventually(const std::function<bool()>& holds) {
  const auto start = std::chrono::steady_clock::now();
  while (!holds()) {
    if (std::chrono::steady_clock::now() - start > patience) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::size_t processes_of(const std::string& marker) {
  std::size_t count = 0;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }) ||
        name == std::to_string(getpid()))
      continue;
    std::ifstream stream(entry->path() / "cmdline", std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    count += text.str().find(marker) != std::string::npos;
  }
  return count;
}

std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<Json> records_of(const fs::path& directory) {
  return json_lines(directory, "records");
}

std::int64_t record_count(const fs::path& directory) {
  std::int64_t count = 0;
  if (!fs::is_directory(directory)) return 0;
  for (const auto& file : lines_files(directory, "records")) {
    const std::string text = read_text(file);
    count += std::count(text.begin(), text.end(), '\n');
  }
  return count;
}

std::map<std::string, Json> last_stops(const fs::path& directory) {
  std::map<std::string, Json> stops;
  for (const Json& stop : json_lines(directory, "stops")) stops[stop.at("point")] = stop;
  return stops;
}

Json mean_of(const Json& record, const std::string& metric) {
  const Json& metrics = record.at("data").at("metrics");
  return metrics.contains(metric) ? metrics.at(metric).value("mean", Json()) : Json();
}

std::string canonical(const fs::path& directory) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::string>> records;
  for (Json record : records_of(directory)) {
    record.erase("seconds");
    record.erase("session");
    records[{record.at("point"), record.at("trial")}].push_back(record.dump());
  }
  std::multimap<std::string, std::string> stops;
  for (const Json& stop : json_lines(directory, "stops")) stops.emplace(stop.at("point"), stop.dump());
  std::string text;
  for (const auto& [key, list] : records) {
    for (const auto& record : list) text += record + '\n';
  }
  for (const auto& [key, stop] : stops) text += stop + '\n';
  return text;
}

std::vector<std::map<std::string, std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> cells(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      cells.back().back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      cells.back().emplace_back();
    } else if (!quoted && c == '\n') {
      cells.emplace_back(1);
    } else {
      cells.back().back() += c;
    }
  }
  cells.pop_back();  // after the last newline
  std::vector<std::map<std::string, std::string>> lines;
  for (std::size_t line = 1; line < cells.size(); ++line) {
    REQUIRE(cells[line].size() == cells[0].size());
    auto& entry = lines.emplace_back();
    for (std::size_t c = 0; c < cells[0].size(); ++c) entry[cells[0][c]] = cells[line][c];
  }
  return lines;
}

std::vector<std::map<std::string, std::string>> table_of(const fs::path& directory) {
  const Finished table = kvfrontier({"table", directory.string(), "--format", "csv"});
  INFO(table.err);
  REQUIRE(table.code == 0);
  return parse_csv(table.out);
}

}  // namespace kvfrontier::end_to_end
