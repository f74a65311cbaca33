// 1. The loops: one for each axis of the space, kept axes outside, reduced ones in phases.
// 2. The code of each phase, from what it reduces and writes down (region_values.h). A reduction
//    that needs the result of another comes a phase later, and so does what needs its own.
// 3. Neighbouring loops that everything walks as one are merged. The order of a reduction counts
//    merged loops, so where they cannot be merged there is no kernel.
#include "codegen/lower_region.h"

#include <optional>
#include <string>
#include <vector>

#include "codegen/region.h"

namespace ndl::codegen {

using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::Value;

namespace {

// A body of more ops is left to several kernels: lowering recurses over it.
constexpr std::size_t kMostNodes = 1024;

std::vector<Value> results_of(const Graph& body) {
  const Value result = body.result();
  if (!body.type(result).is_tuple()) return {result};
  if (body.op(result) != Op::kMakeTuple) throw NotOneKernel();  // a sort, a nested fusion
  const auto operands = body.operands(result);
  return {operands.begin(), operands.end()};
}

bool is_root_op(Op op) {
  switch (op) {
    case Op::kReduce:
    case Op::kArgmax:
    case Op::kArgmin:
    case Op::kCumsum:
    case Op::kReduceWindow:
    case Op::kMatmul:
    case Op::kConv:
      return true;
    default:
      return false;
  }
}

std::string name_of(const Graph& body) {
  constexpr std::size_t kMostCharacters = 48;
  const std::vector<bool> live = body.live_nodes();
  std::string name;
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const Op op = body.op({id});
    const bool is_silent = op == Op::kParameter || op == Op::kMakeTuple ||
                           (op == Op::kConstant && body.result() != Value{id});
    if (!live[id] || is_silent) continue;
    const std::string_view op_name = ir::name_of(op);
    if (name.size() + op_name.size() > kMostCharacters) return name + "_etc";
    if (!name.empty()) name += '_';
    name += op_name;
  }
  return name.empty() ? "copy" : name;
}

void lower_map(Region& region) {
  const Shape& space = region.shape(region.results.front());
  const std::vector<IndexExpr> index = region.outer_loops(space);
  region.values.begin_phase();
  region.write_results(space, index);
}

void lower_root(Region& region, Value root) {
  switch (region.body.op(root)) {
    case Op::kArgmax:
    case Op::kArgmin:
      return lower_extremum(region, root);
    case Op::kCumsum:
      return lower_cumsum(region, root);
    case Op::kReduceWindow:
      return lower_reduce_window(region, root);
    case Op::kMatmul:
      return lower_matmul(region, root);
    default:
      return lower_conv(region, root);
  }
}

LoopNest lower(const Graph& body) {
  if (body.size() > kMostNodes) throw NotOneKernel();
  Region region(body, name_of(body));
  region.results = results_of(body);
  for (std::size_t i = 0; i < body.num_parameters(); ++i) {
    const ir::TensorType& type = body.type(body.parameter(i)).tensor();
    region.nest.buffer(type.dtype, type.shape.num_elements());
  }
  for (const Value result : region.results) {
    region.nest.buffer(region.dtype(result), region.shape(result).num_elements());
  }

  const std::vector<bool> live = body.live_nodes();
  std::vector<Value> reduces;
  std::optional<Value> root;  // that is no reduce
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (live[id] && body.def({id}).holds_regions()) throw NotOneKernel();
    if (!live[id] || !is_root_op(body.op({id}))) continue;
    if (body.op({id}) == Op::kReduce) {
      reduces.push_back({id});
    } else if (root) {
      throw NotOneKernel();
    } else {
      root = Value{id};
    }
  }
  if (root && !reduces.empty()) throw NotOneKernel();
  if (root) {
    lower_root(region, *root);
  } else if (!reduces.empty()) {
    lower_rows(region, reduces);
  } else {
    lower_map(region);
  }
  return region.nest.finish();
}

}  // namespace

std::optional<LoopNest> lower_region(const Graph& body) {
  try {
    return lower(body);
  } catch (const NotOneKernel&) {
    return std::nullopt;
  }
}

}  // namespace ndl::codegen
