#include "needle/check_nan.h"

#include <vector>

#include "ir/interpreter.h"
#include "needle/lower.h"
#include "needle/realize.h"
#include "passes/stabilize.h"

namespace ndl {

void check_nan(const Tensor& x, const std::source_location& at) {
  const RecordRef root = x.record();
  Garbage garbage;
  Lowered lowered;
  {
    const std::lock_guard lock(record_mutex());
    lowered = lower({&root, 1}, garbage, {.history = root->requires_grad});
  }
  realize(lowered.inputs, at);
  std::vector<ir::Literal> inputs;
  for (const RecordRef& input : lowered.inputs) inputs.push_back(Tensor(input).to_literal(at));
  ir::interpret(passes::stabilize_traced(lowered.graph).graph, inputs, {.check_nan = true});
}

}  // namespace ndl
