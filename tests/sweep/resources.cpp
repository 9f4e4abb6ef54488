// CPUs and memory that cgroups grant, from texts as the kernel writes them.

#include "sweep/resources.hpp"

#include <fstream>

#include "../end_to_end/process.hpp"
#include "../support/catch.hpp"

namespace kvfrontier::sweep::resources_test {
namespace {

// A made-up /sys/fs/cgroup and /proc/self/cgroup.
struct Hierarchy {
  end_to_end::Folder folder;

  CgroupFiles files(const std::string& membership) const {
    return {folder.path() / "cgroup", folder.write("membership", membership)};
  }
  void write(const std::string& file, const std::string& text) const {
    const auto path = folder.path() / "cgroup" / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
};

}  // namespace

TEST_CASE("version 2 grants quota over period, the least on the way up") {
  const Hierarchy made;
  const CgroupFiles files = made.files("0::/slurm/job_7/step_0\n");
  CHECK(cgroup_cpus(files) == std::nullopt);
  made.write("slurm/job_7/cpu.max", "max 100000\n");
  CHECK(cgroup_cpus(files) == std::nullopt);
  made.write("slurm/job_7/cpu.max", "350000 100000\n");
  made.write("slurm/job_7/step_0/cpu.max", "max 100000\n");
  CHECK(cgroup_cpus(files) == 3.5);
  made.write("slurm/cpu.max", "60000 40000\n");
  CHECK(cgroup_cpus(files) == 1.5);
  made.write("slurm/job_8/cpu.max", "1000 100000\n");  // another's
  CHECK(cgroup_cpus(files) == 1.5);
  made.write("slurm/cpu.max", "nonsense\n");
  CHECK(cgroup_cpus(files) == 3.5);
}

TEST_CASE("a container that sees its own cgroup as the root of the mount is granted that root's quota") {
  const Hierarchy made;
  made.write("cpu.max", "200000 100000\n");
  CHECK(cgroup_cpus(made.files("0::/\n")) == 2);
  CHECK(cgroup_cpus(made.files("0::/docker/of_the_host\n")) == 2);
}

TEST_CASE("version 1 has quota and period in two files of the cpu hierarchy, and -1 for no limit") {
  const Hierarchy made;
  const CgroupFiles files =
      made.files("12:memory:/jobs/7\n4:cpu,cpuacct:/jobs/7\n3:cpuset:/elsewhere\n1:name=systemd:/jobs/7\n");
  made.write("cpu/jobs/cpu.cfs_quota_us", "-1\n");
  made.write("cpu/jobs/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpus(files) == std::nullopt);
  made.write("cpu/jobs/7/cpu.cfs_quota_us", "400000\n");
  CHECK(cgroup_cpus(files) == std::nullopt);  // no period beside it
  made.write("cpu/jobs/7/cpu.cfs_period_us", "50000\n");
  CHECK(cgroup_cpus(files) == 8);
  made.write("cpuset/elsewhere/cpu.cfs_quota_us", "1\n");
  made.write("cpuset/elsewhere/cpu.cfs_period_us", "1\n");
  CHECK(cgroup_cpus(files) == 8);
}

TEST_CASE("memory is the limit less what cannot be dropped, for both versions") {
  const Hierarchy made;
  const CgroupFiles both = made.files("5:memory:/jobs/7\n0::/jobs/7\n");
  CHECK(cgroup_memory(both) == std::nullopt);
  made.write("memory/jobs/7/memory.limit_in_bytes", "9223372036854771712\n");
  made.write("memory/jobs/7/memory.usage_in_bytes", "1000\n");
  CHECK(cgroup_memory(both) == std::nullopt);
  made.write("memory/jobs/7/memory.limit_in_bytes", "5000\n");
  made.write("memory/jobs/7/memory.stat", "cache 10\ntotal_inactive_file 300\n");
  CHECK(cgroup_memory(both) == 4300);
  made.write("jobs/7/memory.max", "4000\n");
  made.write("jobs/7/memory.current", "3500\n");
  CHECK(cgroup_memory(both) == 500);
  made.write("jobs/7/memory.stat", "inactive_file 100\n");
  CHECK(cgroup_memory(both) == 600);
  made.write("jobs/7/memory.max", "max\n");
  CHECK(cgroup_memory(both) == 4300);
}

}  // namespace kvfrontier::sweep::resources_test
