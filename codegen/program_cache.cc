// compile_cached: code by the structure of the graph, programs by whose graph it is.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/lru_cache.h"
#include "codegen/counters.h"
#include "codegen/program.h"

namespace ndl::codegen {
namespace {

using ProgramRef = std::shared_ptr<const Program>;

// A program is as heavy as its graph has nodes, and this at least.
constexpr std::size_t kLeastWeight = 1024;
constexpr std::size_t kMostWeight = 1024 * kLeastWeight;
// Equal graphs of several places in a program, which may take turns, and graphs of equal hashes.
constexpr std::size_t kMostOfOneKey = 8;

struct Cache {
  std::mutex mutex;
  // Graphs with equal hashes are told apart by comparing them.
  LruCache<std::vector<ProgramRef>> programs{kMostWeight};
};

// Never destroyed: programs may be asked for while static objects go.
Cache& cache() {
  static Cache& instance = *new Cache;
  return instance;
}

std::vector<ProgramRef> find_programs(std::string_view key) {
  const std::scoped_lock lock(cache().mutex);
  const std::vector<ProgramRef>* known = cache().programs.find(key);
  return known != nullptr ? *known : std::vector<ProgramRef>{};
}

// Keeps the program beside the others of its key, the last few of them.
void keep(const std::string& key, const ProgramRef& program) {
  const std::scoped_lock lock(cache().mutex);
  const std::vector<ProgramRef>* known = cache().programs.find(key);
  std::vector<ProgramRef> programs = known != nullptr ? *known : std::vector<ProgramRef>{};
  if (programs.size() == kMostOfOneKey) programs.erase(programs.begin());
  programs.push_back(program);
  std::size_t weight = 0;
  for (const ProgramRef& p : programs) weight += std::max(kLeastWeight, p->graph().size());
  cache().programs.insert(key, std::move(programs), weight);
}

}  // namespace

std::shared_ptr<const Program> compile_cached(const ir::Graph& graph,
                                              const CompileOptions& options) {
  const std::string key = fmt::format("{:x} {} {} {}", graph.hash(), options.cpu, options.pipeline,
                                      fmt::join(options.disable, ","));
  ProgramRef same_code;
  for (const ProgramRef& known : find_programs(key)) {
    if (!(known->graph() == graph)) continue;
    same_code = known;
    if (known->graph().has_tables_of(graph)) break;
  }
  if (same_code) {
    internal::count_program(true);
    if (same_code->graph().has_tables_of(graph)) return same_code;
  }
  const ProgramRef program =
      same_code ? std::make_shared<const Program>(graph, options, same_code->executable())
                : compile(graph, options);
  keep(key, program);
  return program;
}

}  // namespace ndl::codegen
