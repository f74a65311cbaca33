// How many CPUs this process may keep busy.
#pragma once

#include <optional>
#include <string>

namespace ndl::runtime {

// The CPUs in the calling thread's affinity mask, but not more than its control group's share of
// time allows. At least 1.
int available_cpus();

// The smallest limit on CPU time in the process's control group and those above it, as CPUs,
// rounded up: cpu.max of version 2, cpu.cfs_quota_us of version 1. Nothing where there is no limit.
// Files are read below `root`; tests have one of their own.
std::optional<int> control_group_cpus(const std::string& root = "");

}  // namespace ndl::runtime
