// Lecture 8 of the course, forward: modules and a loss written as on its slides, their graph as
// recorded and as fused, and what they compute.
#include <fmt/core.h>

#include "codegen/program.h"
#include "examples/lecture8_models.h"
#include "ir/printer.h"
#include "needle/needle.h"
#include "passes/pass.h"

namespace {

using namespace ndl::examples;
using ndl::Tensor;
namespace nn = ndl::nn;

void run_modules() {
  const MultiPathScaleAdd mpath;
  for (const auto& [name, parameter] : nn::named_parameters(mpath)) {
    fmt::print("{} = {}\n", name, parameter.repr());
  }
  const Tensor x({2});
  const Tensor y({2});
  const auto loss = [&](const Tensor& input, const Tensor& target) {
    return L2Loss()(mpath(input), target);
  };
  const ndl::ir::Graph graph = ndl::trace(loss, x, y);
  fmt::print("\n{}\n", ndl::ir::print(graph));
  const auto pipeline = ndl::passes::parse_pipeline(ndl::passes::kDefaultPipeline);
  fmt::print("{}\n", ndl::ir::print(ndl::passes::run_pipeline(graph, pipeline)));
  fmt::print("{}\n", loss(x, y).repr());
}

}  // namespace

int main() {
  run_modules();
  fmt::print("\n{}\n", softmax_naive(Tensor({1, 2, 3})));
  fmt::print("{}\n", softmax_stable(Tensor({1000, 10000, 100})));

  const Tensor x({1});
  const ndl::TensorTuple z = ndl::fused_add_scalars(x, 1, 2);
  const Tensor v0 = z[0];
  fmt::print("\n{}\n{} of {}: {}\n", z, v0.op(), v0.inputs()[0].op(), v0);
}
