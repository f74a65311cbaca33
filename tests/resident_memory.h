// How much memory this process holds.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace ndl::test {

// Bytes of this process that are in memory. A sanitizer quarantines what is freed.
inline std::int64_t resident_bytes() {
  std::int64_t size = 0;
  std::int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace ndl::test
