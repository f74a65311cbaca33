#include "passes/fusion_members.h"

#include <algorithm>

#include "ir/attributes.h"
#include "passes/cost_model.h"

namespace ndl::passes {

using ir::Attr;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Value;

namespace {

Dims without_ones(const Dims& dims) {
  Dims result = dims;
  std::erase(result, 1);
  return result;
}

}  // namespace

bool is_input(const Graph& graph, Value value) {
  return graph.op(value) == Op::kParameter || graph.op(value) == Op::kConstant;
}

bool is_renamed_input(const Graph& graph, Value value) {
  return graph.op(value) == Op::kReshape && is_input(graph, graph.operand(value, 0));
}

bool is_map(const Graph& graph, Value value) {
  const ir::Attributes& a = graph.attributes(value);
  switch (graph.op(value)) {
    case Op::kConvert:
    case Op::kBitcast:
    case Op::kBroadcast:
    case Op::kIota:
    case Op::kRngBits:
    case Op::kTranspose:
    case Op::kReverse:
    case Op::kSlice:
      return true;
    case Op::kReshape:
      return without_ones(graph.type(value).shape().dims()) ==
             without_ones(graph.type(graph.operand(value, 0)).shape().dims());
    case Op::kPad:
      return std::ranges::all_of(a.integers(Attr::kInterior), [](auto x) { return x == 0; });
    case Op::kConcatenate:
      return graph.operands(value).size() <= CostModel::kMostJoined;
    case Op::kGather:
    case Op::kDynamicSlice:  // with indices in memory
      return !graph.is_splat(graph.operand(value, 1)) &&
             graph.type(graph.operand(value, 0)).shape().num_elements() != 0;
    default:
      return graph.def(value).is_elementwise();
  }
}

bool is_root(const Graph& graph, Value value) {
  switch (graph.op(value)) {
    case Op::kMatmul:
    case Op::kArgmax:
    case Op::kArgmin:
    case Op::kReduceWindow:
      return true;
    case Op::kConv:
      return std::ranges::all_of(graph.attributes(value).integers(Attr::kBaseDilation),
                                 [](auto x) { return x == 1; });
    default:
      return false;
  }
}

bool moves_in_place(const Graph& graph, Value value) {
  const Op op = graph.op(value);
  return op == Op::kTranspose || op == Op::kSlice || (op == Op::kReshape && is_map(graph, value));
}

bool is_moved_matrix(const Graph& graph, Value value) {
  bool is_moved = false;
  while (moves_in_place(graph, value)) {
    is_moved = is_moved || graph.op(value) != Op::kReshape;
    value = graph.operand(value, 0);
  }
  return is_moved;
}

bool is_matrix_of_moved_rows(const Graph& graph, Value value) {
  constexpr std::int64_t kFewRows = 16;
  constexpr std::int64_t kSameLines = 2048;  // bytes
  if (!is_moved_matrix(graph, value)) return false;
  std::size_t axis = graph.type(value).shape().rank() - 2;  // from row to row
  const std::int64_t rows = graph.type(value).shape()[axis];
  while (moves_in_place(graph, value)) {
    const Value x = graph.operand(value, 0);
    const ir::Shape& from = graph.type(x).shape();
    const ir::Shape& to = graph.type(value).shape();
    const ir::Attributes& a = graph.attributes(value);
    switch (graph.op(value)) {
      case Op::kTranspose: {
        const Dims& permutation = a.integers(Attr::kPermutation);
        if (permutation.back() + 1 != std::ssize(permutation)) return false;
        axis = static_cast<std::size_t>(permutation[axis]);
        break;
      }
      case Op::kSlice:
        if (a.integers(Attr::kStride).back() != 1) return false;
        break;
      default: {
        // Of axes that are not 1 the same number comes after it.
        if (from.rank() == 0 || from[from.rank() - 1] != to[to.rank() - 1] || to[axis] == 1) {
          return false;
        }
        const auto is_long = [](std::int64_t extent) { return extent != 1; };
        const auto after = std::ranges::count_if(to.begin() + axis + 1, to.end(), is_long);
        axis = from.rank() - 1;
        for (std::int64_t passed = 0; passed < after || from[axis] == 1; --axis) {
          passed += is_long(from[axis]) ? 1 : 0;
        }
      }
    }
    value = x;
  }
  std::int64_t distance = static_cast<std::int64_t>(size_of(graph.type(value).dtype()));
  const ir::Shape& source = graph.type(value).shape();
  for (std::size_t i = axis + 1; i < source.rank(); ++i) distance *= source[i];
  return rows <= kFewRows || distance % kSameLines != 0;
}

namespace {

// Of each node whether all that reads it are maps, and it is not the result.
std::vector<bool> find_read_by_maps(const Graph& graph, const std::vector<bool>& live) {
  std::vector<bool> result(graph.size(), true);
  result[graph.result().id] = false;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live[id] || is_map(graph, {id})) continue;
    for (const Value operand : graph.operands({id})) result[operand.id] = false;
  }
  return result;
}

// Marks the slices and broadcasts of inputs that several maps read, or one that repeats them:
// reading the input is as cheap as reading a copy of it.
void mark_moved_inputs(const Graph& graph, std::vector<bool>& remade) {
  const std::vector<bool> live = graph.live_nodes();
  std::vector<int> users(graph.size());
  const std::vector<bool> is_read_by_maps = find_read_by_maps(graph, live);
  std::vector<bool> is_repeated(graph.size());
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live[id]) continue;
    for (const Value operand : graph.operands({id})) {
      ++users[operand.id];
      if (graph.op({id}) == Op::kBroadcast) is_repeated[operand.id] = true;
    }
  }
  std::vector<int> moves(graph.size());  // of an input; 0 for what is none
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Op op = graph.op({id});
    if (op != Op::kSlice && op != Op::kBroadcast) continue;
    const Value x = graph.operand({id}, 0);
    const bool is_moved = is_read_by_maps[id] &&
                          (is_input(graph, x) || is_renamed_input(graph, x) || moves[x.id] != 0);
    if (is_moved && moves[x.id] < CostModel::kMostNumberOps) moves[id] = moves[x.id] + 1;
  }
  // What several maps read, and what that is made of.
  std::vector<bool> is_shared(graph.size());
  for (std::uint32_t id = graph.size(); id-- > 0;) {
    if (moves[id] == 0 || !live[id]) continue;
    is_shared[id] = is_shared[id] || users[id] > 1 || is_repeated[id];
    if (!is_shared[id]) continue;
    remade[id] = true;
    is_shared[graph.operand({id}, 0).id] = true;
  }
}

// Marks what few cheap ops make of the places of its elements, such as a triangular mask, and maps
// read.
void mark_places(const Graph& graph, std::vector<bool>& remade) {
  const std::vector<bool> live = graph.live_nodes();
  const std::vector<bool> is_read_by_maps = find_read_by_maps(graph, live);
  std::vector<int> ops(graph.size());  // that make a value of places; 0 for what is none
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Value value{id};
    const Op op = graph.op(value);
    const bool is_cheap = graph.def(value).is_elementwise() && graph.def(value).dtypes != kFloats;
    if (op != Op::kIota && op != Op::kBroadcast && op != Op::kConvert && !is_cheap) continue;
    int sum = 1;
    bool is_of_places = true;
    for (const Value operand : graph.operands(value)) {
      sum += ops[operand.id];
      is_of_places = is_of_places && (graph.is_splat(operand) || ops[operand.id] != 0);
    }
    if (!is_of_places || sum > CostModel::kMostNumberOps) continue;
    ops[id] = sum;
    if (live[id] && is_read_by_maps[id]) remade[id] = true;
  }
}

// Marks numbers, and what repeats one.
void mark_numbers(const Graph& graph, std::vector<bool>& remade) {
  std::vector<int> ops(graph.size());  // that make a number; 0 for what is none
  const auto is_cheap = [&](Value value) {
    const ir::OpDef& def = graph.def(value);
    // A leaf function is for floats alone.
    if (def.is_elementwise()) return def.dtypes != kFloats;
    const Op op = graph.op(value);
    return op == Op::kConvert || op == Op::kBitcast || op == Op::kBroadcast || op == Op::kReshape;
  };
  const auto is_one = [&](Value value) {
    const ir::Type& type = graph.type(value);
    return !type.is_tuple() && type.shape().num_elements() == 1 &&
           (is_input(graph, value) || ops[value.id] != 0);
  };
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Value value{id};
    if (is_input(graph, value) || !is_cheap(value)) continue;
    int sum = 1;
    for (const Value operand : graph.operands(value)) sum += ops[operand.id];
    if (sum > CostModel::kMostNumberOps || !std::ranges::all_of(graph.operands(value), is_one))
      continue;
    remade[id] = true;
    if (graph.type(value).shape().num_elements() == 1) ops[id] = sum;
  }
}

}  // namespace

std::vector<bool> find_remade(const Graph& graph) {
  std::vector<bool> remade(graph.size());
  mark_numbers(graph, remade);
  mark_places(graph, remade);
  mark_moved_inputs(graph, remade);
  return remade;
}

}  // namespace ndl::passes
