#include "codegen/target.h"

#include <fmt/format.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace ndl::codegen {
namespace {

struct Level {
  std::string_view name;
  int vector_bytes;
  int vector_registers;
  bool has_fma;
  // What the CPU must have, of the level's features: the last ones to arrive.
  std::vector<std::string_view> required;
};

const std::vector<Level>& levels() {
  static const std::vector<Level> table = {
      {"x86-64-v4", 64, 32, true, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}},
      {"x86-64-v3", 32, 16, true, {"avx2", "bmi2", "f16c", "fma", "lzcnt", "movbe"}},
      {"x86-64", 16, 16, false, {}},
  };
  return table;
}

bool host_has(const Level& level, const llvm::StringMap<bool>& features) {
  return std::ranges::all_of(level.required,
                             [&](std::string_view name) { return features.lookup(name); });
}

}  // namespace

std::vector<std::string_view> target_names() {
  std::vector<std::string_view> names = {"native"};
  for (const Level& level : levels()) names.push_back(level.name);
  return names;
}

namespace {

// Asking the host takes milliseconds, so once.
const llvm::StringMap<bool>& host_features() {
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return features;
}

const Level& level_named(std::string_view name) {
  const auto level = std::ranges::find(levels(), name, &Level::name);
  if (level == levels().end()) {
    throw_error<UsageError>("there is no CPU '{}'; there are: {}", excerpt(name),
                            fmt::join(target_names(), ", "));
  }
  return *level;
}

Target native_target() {
  const llvm::StringMap<bool>& host = host_features();
  const auto best =
      std::ranges::find_if(levels(), [&](const Level& l) { return host_has(l, host); });
  Target target{"native",
                llvm::sys::getHostCPUName().str(),
                {},
                best->vector_bytes,
                best->vector_registers,
                best->has_fma,
                sysconf(_SC_LEVEL2_CACHE_SIZE)};
  for (const auto& feature : host) {
    target.features.push_back((feature.second ? "+" : "-") + feature.first().str());
  }
  std::ranges::sort(target.features);
  return target;
}

}  // namespace

Target target_anywhere(std::string_view name) {
  static const Target native = native_target();
  if (name == "native") return native;
  const Level& level = level_named(name);
  return {std::string(name),  std::string(name),      {},
          level.vector_bytes, level.vector_registers, level.has_fma};
}

Target target_named(std::string_view name) {
  if (name != "native" && !host_has(level_named(name), host_features())) {
    throw_error<UnsupportedError>("this CPU is not {}", name);
  }
  return target_anywhere(name);
}

}  // namespace ndl::codegen
