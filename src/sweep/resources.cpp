#include "sweep/resources.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>

namespace kvfrontier::sweep {
namespace {

namespace fs = std::filesystem;

// The positive integer that an environment variable begins with; nullopt for anything else.
std::optional<int> from_environment(const char* name) {
  const char* text = std::getenv(name);
  const long value = text ? std::strtol(text, nullptr, 10) : 0;
  if (value < 1 || value > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(value);
}

std::optional<double> number_in(const fs::path& file) {
  std::ifstream stream(file);
  double value;
  return stream >> value ? std::optional(value) : std::nullopt;
}

// The number behind a word in a file of "word number" lines, 0 where there is none.
double number_behind(const fs::path& file, const std::string& word) {
  std::ifstream stream(file);
  std::string name;
  for (double value; stream >> name >> value;) {
    if (name == word) return value;
  }
  return 0;
}

using Limit = std::function<std::optional<double>(const fs::path& directory)>;

void take_least(std::optional<double>& least, std::optional<double> value) {
  if (value && (!least || *value < *least)) least = value;
}

// The least limit of a cgroup and of those above it. A container sees its own cgroup as the root of the mount, while
// the path may be the host's: directories that are not there have no say.
std::optional<double> least_upwards(const fs::path& root, const fs::path& cgroup, const Limit& limit) {
  std::optional<double> least = limit(root);
  fs::path directory = root;
  for (const fs::path& part : cgroup.relative_path()) {
    directory /= part;
    take_least(least, limit(directory));
  }
  return least;
}

// Lines of the membership file are ID:CONTROLLERS:PATH; version 2 is the one without controllers.
std::optional<double> least_limit(const CgroupFiles& files, const std::string& controller, const Limit& version_1,
                                  const Limit& version_2) {
  std::optional<double> least;
  std::ifstream stream(files.membership);
  for (std::string line; std::getline(stream, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), cgroup = line.substr(second + 1);
    if (controllers.empty()) {
      take_least(least, least_upwards(files.mount, cgroup, version_2));
      continue;
    }
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      if (name == controller) take_least(least, least_upwards(files.mount / controller, cgroup, version_1));
    }
  }
  return least;
}

std::optional<double> quota(std::optional<double> microseconds, std::optional<double> period) {
  if (!microseconds || !period || *microseconds <= 0 || *period <= 0) return std::nullopt;  // -1: no limit
  return *microseconds / *period;
}

}  // namespace

std::optional<double> cgroup_cpus(const CgroupFiles& files) {
  const Limit version_1 = [](const fs::path& directory) {
    return quota(number_in(directory / "cpu.cfs_quota_us"), number_in(directory / "cpu.cfs_period_us"));
  };
  const Limit version_2 = [](const fs::path& directory) -> std::optional<double> {  // "max 100000" or "quota period"
    std::ifstream stream(directory / "cpu.max");
    double microseconds = 0, period = 0;
    if (!(stream >> microseconds >> period)) return std::nullopt;
    return quota(microseconds, period);
  };
  return least_limit(files, "cpu", version_1, version_2);
}

std::optional<double> cgroup_memory(const CgroupFiles& files) {
  const auto left = [](std::optional<double> limit, std::optional<double> used,
                       double droppable) -> std::optional<double> {
    constexpr double unlimited = 1e18;  // version 1 writes almost 2^63
    if (!limit || !used || *limit > unlimited) return std::nullopt;
    return std::max(0.0, *limit - std::max(0.0, *used - droppable));
  };
  const Limit version_1 = [&](const fs::path& directory) {
    return left(number_in(directory / "memory.limit_in_bytes"), number_in(directory / "memory.usage_in_bytes"),
                number_behind(directory / "memory.stat", "total_inactive_file"));
  };
  const Limit version_2 = [&](const fs::path& directory) {
    return left(number_in(directory / "memory.max"), number_in(directory / "memory.current"),
                number_behind(directory / "memory.stat", "inactive_file"));
  };
  return least_limit(files, "memory", version_1, version_2);
}

GrantedThreads granted_threads() {
  GrantedThreads granted{std::numeric_limits<int>::max(), ""};
  const auto limit = [&](std::optional<double> cpus, const char* from) {
    const double count = cpus ? std::ceil(*cpus) : granted.count;
    if (count < granted.count) granted = {std::max(1, static_cast<int>(count)), from};
  };
  limit(from_environment("OMP_NUM_THREADS"), "OMP_NUM_THREADS");
  limit(from_environment("OMP_THREAD_LIMIT"), "OMP_THREAD_LIMIT");
  limit(from_environment("SLURM_CPUS_PER_TASK"), "SLURM_CPUS_PER_TASK");
  limit(cgroup_cpus(), "cgroup");
  cpu_set_t set;
  CPU_ZERO(&set);
  limit(sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1, "affinity");
  return granted;
}

double available_memory() {
  std::optional<double> least;
  std::ifstream stream("/proc/meminfo");
  for (std::string name; stream >> name;) {
    double kibibytes = 0;
    if (name == "MemAvailable:" && stream >> kibibytes) take_least(least, kibibytes * 1024);
    stream.ignore(256, '\n');
  }
  take_least(least, cgroup_memory());
  if (const auto mebibytes = from_environment("SLURM_MEM_PER_NODE")) take_least(least, *mebibytes * 1024.0 * 1024.0);
  return least.value_or(std::numeric_limits<double>::infinity());
}

}  // namespace kvfrontier::sweep
