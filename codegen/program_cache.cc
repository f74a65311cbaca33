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

constexpr std::size_t kMostPrograms = 1024;

struct Cache {
  std::mutex mutex;
  // Graphs with equal hashes are told apart by comparing them.
  LruCache<std::vector<ProgramRef>> programs{kMostPrograms};
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

// Keeps the program in place of one for an equal graph.
void keep(const std::string& key, const ProgramRef& program) {
  const std::scoped_lock lock(cache().mutex);
  const std::vector<ProgramRef>* known = cache().programs.find(key);
  std::vector<ProgramRef> programs = known != nullptr ? *known : std::vector<ProgramRef>{};
  std::erase_if(programs, [&](const ProgramRef& p) { return p->graph() == program->graph(); });
  programs.push_back(program);
  cache().programs.insert(key, std::move(programs));
}

}  // namespace

std::shared_ptr<const Program> compile_cached(const ir::Graph& graph,
                                              const CompileOptions& options) {
  const std::string key = fmt::format("{:x} {} {} {}", graph.hash(), options.cpu, options.pipeline,
                                      fmt::join(options.disable, ","));
  const std::vector<ProgramRef> known = find_programs(key);
  const auto hit = std::ranges::find_if(known, [&](const auto& p) { return p->graph() == graph; });
  ProgramRef program;
  if (hit == known.end()) {
    program = compile(graph, options);
  } else {
    internal::count_program(true);
    if ((*hit)->graph().has_tables_of(graph)) return *hit;
    program = std::make_shared<const Program>(graph, options, (*hit)->executable());
  }
  keep(key, program);
  return program;
}

}  // namespace ndl::codegen
