#include "codegen/kernel_cache.h"

#include <fmt/format.h>

#include <mutex>

#include "base/lru_cache.h"
#include "codegen/counters.h"
#include "codegen/emit_kernel.h"
#include "codegen/jit.h"

namespace ndl::codegen {
namespace {

constexpr std::size_t kMostKernels = 4096;

struct Cache {
  std::mutex mutex;
  LruCache<CompiledKernel> kernels{kMostKernels};
};

// Never destroyed: programs may outlive static objects.
Cache& cache() {
  static Cache& instance = *new Cache;
  return instance;
}

std::string function_name(std::size_t kernel) { return fmt::format("kernel{}", kernel); }

}  // namespace

std::vector<CompiledKernel> compiled_kernels(std::span<const KeyedNest> nests,
                                             const Target& target) {
  std::vector<std::string> cache_keys;
  for (const KeyedNest& each : nests) cache_keys.push_back(target.name + '\n' + *each.key);
  std::vector<CompiledKernel> kernels(nests.size());
  std::vector<std::size_t> missing;
  {
    const std::scoped_lock lock(cache().mutex);
    for (std::size_t i = 0; i < nests.size(); ++i) {
      if (const CompiledKernel* known = cache().kernels.find(cache_keys[i])) {
        kernels[i] = *known;
      } else {
        missing.push_back(i);
      }
    }
  }
  internal::count_kernels(nests.size() - missing.size(), missing.size());
  if (missing.empty()) return kernels;

  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module = make_module(*context, "kernels", target);
  for (const std::size_t i : missing)
    emit_kernel(*module, function_name(i), *nests[i].nest, target);
  const std::shared_ptr<const MachineCode> code =
      compile(std::move(context), std::move(module), target);
  const std::scoped_lock lock(cache().mutex);
  for (const std::size_t i : missing) {
    kernels[i].function =
        reinterpret_cast<runtime::KernelFunction>(code->function(function_name(i)));
    kernels[i].code = code;
    cache().kernels.insert(std::move(cache_keys[i]), kernels[i]);
  }
  return kernels;
}

}  // namespace ndl::codegen
