#include "sweep/session.hpp"

#include <sched.h>
#include <unistd.h>

#include <zstd.h>
#include <algorithm>

#include <boost/version.hpp>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <random>

#include "build_info.hpp"
#include "core/ids.hpp"
#include "sweep/row.hpp"

namespace kvfrontier::sweep {
namespace {

std::string cpu_model() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    const auto colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

// A positive integer in an environment variable, or `otherwise`.
int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  const int value = text ? std::atoi(text) : 0;
  return value > 0 ? value : otherwise;
}

// CPUs that cgroup v2 grants ("max 100000" or "quota period"), rounded up.
int cgroup_cpus() {
  std::ifstream stream("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(stream >> quota >> period) || quota == "max" || period <= 0) return std::numeric_limits<int>::max();
  return std::max(1, static_cast<int>(std::ceil(std::atof(quota.c_str()) / period)));
}

double number_in(const char* file) {
  std::ifstream stream(file);
  double value;
  return stream >> value ? value : std::numeric_limits<double>::infinity();
}

}  // namespace

core::Json make_session(const core::Json& config, int threads, simulator::Isolation isolation) {
  const std::string started = utc_now();
  std::random_device entropy;  // names a session; never reaches a row's data
  const std::string id =
      core::hash128_hex(started + host_name() + std::to_string(getpid()) + std::to_string(entropy())).substr(0, 16);
  return {{"session", id},
          {"schema", row_schema},
          {"started", started},
          {"host", host_name()},
          {"version", KVFRONTIER_VERSION},
          {"commit", KVFRONTIER_COMMIT},
          {"dirty", KVFRONTIER_DIRTY},
          {"compiler", KVFRONTIER_COMPILER},
          {"flags", KVFRONTIER_FLAGS},
          {"kernel", KVFRONTIER_KERNEL},
          {"cpu", cpu_model()},
          {"threads", threads},
          {"isolation", isolation == simulator::Isolation::always ? "always" : "never"},
          {"libraries",
           {{"eigen", std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
                          std::to_string(EIGEN_MINOR_VERSION)},
            {"boost", BOOST_LIB_VERSION},
            {"nlohmann_json", std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." +
                                  std::to_string(NLOHMANN_JSON_VERSION_MINOR) + "." +
                                  std::to_string(NLOHMANN_JSON_VERSION_PATCH)},
            {"zstd", ZSTD_versionString()}}},
          {"config", config}};
}

int available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  cpus = std::min(cpus, cgroup_cpus());
  cpus = std::min(cpus, from_environment("SLURM_CPUS_PER_TASK", cpus));
  return std::max(1, std::min(cpus, from_environment("OMP_NUM_THREADS", cpus)));
}

double available_memory() {
  double available = std::numeric_limits<double>::infinity();
  std::ifstream stream("/proc/meminfo");
  for (std::string name; stream >> name;) {
    double kibibytes = 0;
    if (name == "MemAvailable:" && stream >> kibibytes) available = kibibytes * 1024;
    stream.ignore(256, '\n');
  }
  const double limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  return std::isfinite(limit) && std::isfinite(used) ? std::min(available, limit - used) : available;
}

}  // namespace kvfrontier::sweep
