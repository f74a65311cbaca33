// The table of passes. A new pass is a row here.
#include "passes/pass.h"

#include <algorithm>

#include "passes/canonicalize.h"
#include "passes/cost_model.h"
#include "passes/dce.h"
#include "passes/expand.h"
#include "passes/fuse.h"
#include "passes/hoist.h"
#include "passes/jvp.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"
#include "passes/vmap.h"

namespace ndl::passes {

std::span<const PassDef> all_passes() {
  static const std::vector<PassDef> table = {
      {"canonicalize",
       "Rewrites by exact rules, merges equal nodes, folds small constants, drops dead nodes.",
       run_canonicalize,
       canonicalize_rules(),
       {}},
      {"expand",
       "Replaces composed ops such as softmax by the ops they stand for.",
       run_expand,
       {},
       {}},
      {"hoist",
       "Computes before a loop what each of its steps would compute again.",
       run_hoist,
       {},
       {}},
      {"fuse",
       "Makes one kernel of ops over one iteration space, with a tuple of outputs.",
       run_fuse,
       {},
       {{kMaxOpsOption, "256", "the most ops that one kernel holds"},
        {kCacheOption, "524288",
         "bytes of the cache in which a row stays that is read several times; compiling asks the "
         "CPU"}}},
      {"stabilize",
       "Rewrites what overflows or cancels as ops that do not: softmax, logsumexp, softplus, ...",
       run_stabilize,
       stabilize_rules(),
       {},
       /*is_exact=*/false},
      {"vjp",
       "Adds a gradient of each result as a parameter and the gradient of each parameter as a "
       "result.",
       run_vjp,
       {},
       {},
       /*is_exact=*/false,
       /*not_after=*/{"expand", "fuse"}},
      {"jvp",
       "Adds a tangent of each parameter as a parameter and the tangent of each result as a "
       "result.",
       run_jvp,
       {},
       {},
       /*is_exact=*/false,
       /*not_after=*/{"expand", "fuse"}},
      {"vmap",
       "Gives parameters and results an axis 0 of examples.",
       run_vmap,
       {},
       {{"size", "", "how many examples, as in vmap{size=8}", 0, false, /*is_required=*/true},
        {"shared", "", "the parameters that all examples share, as in 1.2", 0, /*is_list=*/true}},
       /*is_exact=*/false},
      {"dce", "Drops nodes that the result does not depend on.", run_dce, {}, {}},
  };
  return table;
}

const PassDef* find_pass(std::string_view name) {
  const std::span<const PassDef> passes = all_passes();
  const auto it = std::ranges::find(passes, name, &PassDef::name);
  return it == passes.end() ? nullptr : &*it;
}

std::vector<RuleName> all_rules() {
  std::vector<RuleName> result;
  for (const PassDef& pass : all_passes()) {
    for (const Rule& rule : pass.rules) result.push_back({pass.name, rule.name, rule.to_string()});
  }
  return result;
}

}  // namespace ndl::passes
