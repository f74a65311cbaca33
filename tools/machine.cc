#include "tools/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

// The value of "key: value" in a file of such lines; "" if there is none.
std::string field_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos || trim(std::string_view(line).substr(0, colon)) != key) continue;
    return std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return "";
}

}  // namespace

void require_memory(std::int64_t bytes, std::string_view what) {
  constexpr std::int64_t kAlwaysThere = 1 << 24;
  if (bytes <= kAlwaysThere) return;
  const std::int64_t available = available_memory();
  if (bytes <= available) return;
  throw_error<ResourceError>("{} needs {} bytes, {} are available", what, bytes, available);
}

std::string cpu_model() {
  const std::string model = field_of("/proc/cpuinfo", "model name");
  return model.empty() ? "unknown" : model;
}

std::string_view isa_level() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
  if (__builtin_cpu_supports("x86-64-v2")) return "x86-64-v2";
  return "x86-64";
#else
  return "not x86-64";
#endif
}

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

std::string operating_system() {
  utsname name;
  if (::uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

}  // namespace ndl::tools
