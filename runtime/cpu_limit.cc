// 1. /proc/self/cgroup names the process's group in each hierarchy.
// 2. /proc/self/mountinfo says where the hierarchies are mounted, and which group is at the mount.
// 3. The limits of the group and of every group above it, up to the mount, all hold.
#include "runtime/cpu_limit.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/checked.h"
#include "base/text.h"

namespace ndl::runtime {
namespace {

struct Mount {
  std::string group;  // the group that is seen at `folder`
  std::string folder;
  bool version_2;
};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string first_line(const std::string& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

bool has_cpu(std::string_view list) {
  const auto names = split(list, ',');
  return std::find(names.begin(), names.end(), "cpu") != names.end();
}

// Mounts of version 2, and of version 1 with the cpu controller. A line is
// "36 35 98:0 /group /folder options... - type source super_options".
std::vector<Mount> mounts(const std::string& root) {
  std::vector<Mount> result;
  std::ifstream stream(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto before = split(std::string_view(line).substr(0, dash), ' ');
    const auto after = split(std::string_view(line).substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3) continue;
    const bool version_2 = after[0] == "cgroup2";
    if (!version_2 && !(after[0] == "cgroup" && has_cpu(after[2]))) continue;
    result.push_back({std::string(before[3]), std::string(before[4]), version_2});
  }
  return result;
}

// The process's group in the hierarchy: a line "0::/group" or "4:cpu,cpuacct:/group".
std::optional<std::string> group_of_process(const std::string& root, bool version_2) {
  std::ifstream stream(root + "/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    if (version_2 ? controllers.empty() : has_cpu(controllers)) return line.substr(second + 1);
  }
  return std::nullopt;
}

std::optional<int> limit_of_folder(const std::string& folder, bool version_2) {
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  if (version_2) {
    const std::string line = first_line(folder + "/cpu.max");  // "max 100000" or "150000 100000"
    const auto words = split(line, ' ');
    if (words.size() != 2) return std::nullopt;
    quota = number(words[0]);
    period = number(words[1]);
  } else {
    quota = number(first_line(folder + "/cpu.cfs_quota_us"));  // -1 is none
    period = number(first_line(folder + "/cpu.cfs_period_us"));
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<int>(std::min<std::int64_t>(ceil_div(*quota, *period), 1 << 20));
}

int cpus_in_affinity_mask() {
  // The mask of the kernel may be larger than a cpu_set_t.
  for (int cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(cpus),
                                                               [](cpu_set_t* s) { CPU_FREE(s); });
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    if (sched_getaffinity(0, bytes, set.get()) == 0) return CPU_COUNT_S(bytes, set.get());
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

std::optional<int> control_group_cpus(const std::string& root) {
  std::optional<int> least;
  for (const Mount& mount : mounts(root)) {
    std::string group = group_of_process(root, mount.version_2).value_or("/");
    // The part of the path below the mount; a group outside of it, as a container may see, leaves
    // the mount itself.
    if (mount.group != "/") {
      const bool below = group.starts_with(mount.group) &&
                         (group.size() == mount.group.size() || group[mount.group.size()] == '/');
      group = below ? group.substr(mount.group.size()) : "";
    }
    while (true) {
      while (group.ends_with('/')) group.pop_back();
      const auto limit = limit_of_folder(root + mount.folder + group, mount.version_2);
      if (limit) least = std::min(*limit, least.value_or(*limit));
      if (group.empty()) break;
      group.erase(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
  return least;
}

int available_cpus() {
  const int cpus = std::max(cpus_in_affinity_mask(), 1);
  return std::max(std::min(cpus, control_group_cpus().value_or(cpus)), 1);
}

}  // namespace ndl::runtime
