#include "runtime/cpu_limit.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ndl::runtime {
namespace {

// A file tree that stands for "/".
class CpuLimit : public testing::Test {
 protected:
  CpuLimit()
      : root_(testing::TempDir() + "/" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(root_);
  }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void mount_version_2(const std::string& group) {
    write("/proc/self/mountinfo",
          "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "30 22 0:26 " +
              group + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  }

  const std::string root_;
};

TEST_F(CpuLimit, NoFilesNoLimit) { EXPECT_EQ(control_group_cpus(root_), std::nullopt); }

TEST_F(CpuLimit, Version2OwnGroup) {
  mount_version_2("/");
  write("/proc/self/cgroup", "0::/user.slice/job\n");
  write("/sys/fs/cgroup/user.slice/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(control_group_cpus(root_), 2);
}

TEST_F(CpuLimit, Version2GroupsAboveHoldToo) {
  mount_version_2("/");
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(control_group_cpus(root_), std::nullopt);
  write("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(control_group_cpus(root_), 3);
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(control_group_cpus(root_), 1);
}

TEST_F(CpuLimit, Version2InAContainer) {
  // The mount shows the container's group, which the process's path names from outside.
  mount_version_2("/docker/1");
  write("/proc/self/cgroup", "0::/docker/1/inner\n");
  write("/sys/fs/cgroup/inner/cpu.max", "400000 100000\n");
  EXPECT_EQ(control_group_cpus(root_), 4);
  // A path that is not below the mount, though its text begins so.
  write("/proc/self/cgroup", "0::/docker/12\n");
  write("/sys/fs/cgroup/cpu.max", "700000 100000\n");
  EXPECT_EQ(control_group_cpus(root_), 7);
}

TEST_F(CpuLimit, Version1) {
  write("/proc/self/mountinfo",
        "31 22 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "32 22 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  write("/proc/self/cgroup", "5:cpuset:/elsewhere\n4:cpu,cpuacct:/job\n");
  write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(control_group_cpus(root_), std::nullopt);
  write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(control_group_cpus(root_), 3);
}

TEST_F(CpuLimit, NonsenseIsNoLimit) {
  mount_version_2("/");
  write("/proc/self/cgroup", "0::/\nnonsense\n:\n");
  for (const char* text :
       {"", "max", "1", "x y", "-5 100", "100 0", "1 2 3", "99999999999999999999999 1"}) {
    write("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(control_group_cpus(root_), std::nullopt) << text;
  }
}

TEST(AvailableCpus, FollowsTheAffinityMask) {
  EXPECT_GE(available_cpus(), 1);
  cpu_set_t own;
  ASSERT_EQ(sched_getaffinity(0, sizeof(own), &own), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &own)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(available_cpus(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(own), &own), 0);
}

}  // namespace
}  // namespace ndl::runtime
