#include "base/memory.h"

#include <unistd.h>

#include <fstream>
#include <limits>
#include <string>

namespace ndl {

std::int64_t physical_memory() {
  const std::int64_t pages = ::sysconf(_SC_PHYS_PAGES);
  const std::int64_t page_size = ::sysconf(_SC_PAGE_SIZE);
  std::int64_t bytes = 0;
  const bool is_known =
      pages > 0 && page_size > 0 && !__builtin_mul_overflow(pages, page_size, &bytes);
  return is_known ? bytes : std::numeric_limits<std::int64_t>::max();
}

std::int64_t available_memory() {
  std::ifstream meminfo("/proc/meminfo");  // lines of "MemAvailable:   24008636 kB"
  for (std::string key; meminfo >> key;) {
    if (key == "MemAvailable:") {
      std::int64_t kibibytes = 0;
      if (meminfo >> kibibytes && kibibytes > 0) return kibibytes * 1024;
      break;
    }
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return physical_memory();
}

}  // namespace ndl
