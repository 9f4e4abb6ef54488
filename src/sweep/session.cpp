#include "sweep/session.hpp"

#include <unistd.h>

#include <zstd.h>

#include <boost/version.hpp>
#include <chrono>
#include <ctime>
#include <fstream>
#include <random>

#include "build_info.hpp"
#include "core/ids.hpp"
#include "sweep/record.hpp"

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

}  // namespace

core::Json make_session(const core::Json& config, const GrantedThreads& threads, simulator::Isolation isolation) {
  const std::string started = utc_now();
  std::random_device entropy;  // names a session; never reaches a record's data
  const std::string id =
      core::hash128_hex(started + host_name() + std::to_string(getpid()) + std::to_string(entropy())).substr(0, 16);
  return {{"session", id},
          {"schema", record_schema},
          {"started", started},
          {"host", host_name()},
          {"version", KVFRONTIER_VERSION},
          {"commit", KVFRONTIER_COMMIT},
          {"dirty", KVFRONTIER_DIRTY},
          {"compiler", KVFRONTIER_COMPILER},
          {"flags", KVFRONTIER_FLAGS},
          {"kernel", KVFRONTIER_KERNEL},
          {"cpu", cpu_model()},
          {"threads", threads.count},
          {"threads_from", threads.from},
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

}  // namespace kvfrontier::sweep
