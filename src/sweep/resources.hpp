#pragma once
// What this process may take of the machine: CPUs and memory, as the environment, Slurm, cgroups and the kernel grant
// them.

#include <filesystem>
#include <optional>
#include <string>

namespace kvfrontier::sweep {

// A number of threads, and the limit that it follows from: "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK", "cgroup",
// "affinity", or "--threads" where the user set it.
struct GrantedThreads {
  int count = 1;
  std::string from;
};

// The least of OMP_NUM_THREADS, SLURM_CPUS_PER_TASK, the cgroup's CPU limit (rounded up) and the CPUs of the affinity
// mask, where given; of equal ones the first. At least 1. A variable that is no positive integer counts as not given.
// OMP_NUM_THREADS may be a list, one number a nesting level; the first counts.
GrantedThreads granted_threads();

// Where the kernel tells of cgroups: the mounted hierarchies, and which cgroup of each this process is in.
struct CgroupFiles {
  std::filesystem::path mount = "/sys/fs/cgroup";
  std::filesystem::path membership = "/proc/self/cgroup";
};

// CPUs that cgroups grant, quota over period: the least over this process's cgroup and those above it, in version 2
// (cpu.max) and version 1 (cpu.cfs_quota_us and cpu.cfs_period_us). nullopt without a limit.
std::optional<double> cgroup_cpus(const CgroupFiles& files = {});

// Bytes that cgroups leave, limit less use (caches that can be dropped are no use), again the least on the way up:
// memory.max or memory.limit_in_bytes. nullopt without a limit.
std::optional<double> cgroup_memory(const CgroupFiles& files = {});

// Bytes of memory this process may still take: what is available on the machine, what its cgroups leave or what Slurm
// has allotted to the job on this node (SLURM_MEM_PER_NODE), whichever is least.
double available_memory();

}  // namespace kvfrontier::sweep
