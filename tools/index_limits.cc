#include "tools/index_limits.h"

#include <algorithm>
#include <optional>

namespace ndl::tools {
namespace {

// Where indices come from, through ops that move or convert them.
struct Origin {
  ir::Value value;
  bool in_place = true;  // element i is element i of the parameter
};

Origin origin_of(const ir::Graph& graph, ir::Value value) {
  Origin origin{value};
  while (true) {
    switch (graph.op(origin.value)) {
      case ir::Op::kBroadcast:
      case ir::Op::kTranspose:
      case ir::Op::kReverse:
      case ir::Op::kSlice:
        origin.in_place = false;
        break;
      case ir::Op::kReshape:
      case ir::Op::kConvert:
        break;
      default:
        return origin;
    }
    origin.value = graph.operand(origin.value, 0);
  }
}

// The largest indices that the op `user` allows, one for each of the elements or for all of them.
ir::Dims limits_of(const ir::Graph& graph, ir::Value user) {
  ir::Dims limits;
  switch (graph.op(user)) {
    case ir::Op::kGather:
    case ir::Op::kScatterAdd: {
      const ir::Shape& shape = graph.type(graph.operand(user, 0)).shape();
      const auto axis = static_cast<std::size_t>(graph.attributes(user).integer(ir::Attr::kAxis));
      limits.push_back(shape[axis] - 1);
      break;
    }
    case ir::Op::kDynamicSlice:
    case ir::Op::kDynamicUpdateSlice: {
      const ir::Shape& shape = graph.type(graph.operand(user, 0)).shape();
      const bool updates = graph.op(user) == ir::Op::kDynamicUpdateSlice;
      const ir::Shape& window = graph.type(updates ? graph.operand(user, 1) : user).shape();
      for (std::size_t i = 0; i < shape.rank(); ++i) limits.push_back(shape[i] - window[i]);
      break;
    }
    default:
      break;
  }
  for (std::int64_t& limit : limits) limit = std::max<std::int64_t>(limit, 0);
  return limits;
}

std::int64_t smallest(const ir::Dims& limits) { return *std::ranges::min_element(limits); }

// What both allow.
ir::Dims both(const ir::Dims& a, const ir::Dims& b) {
  if (a.empty()) return b;
  if (a.size() != b.size()) return {std::min(smallest(a), smallest(b))};
  ir::Dims limits;
  for (std::size_t i = 0; i < a.size(); ++i) limits.push_back(std::min(a[i], b[i]));
  return limits;
}

}  // namespace

std::vector<ir::Dims> index_limits(const ir::Graph& graph) {
  std::vector<ir::Dims> limits(graph.num_parameters());
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    ir::Dims limit = limits_of(graph, {id});
    if (limit.empty()) continue;
    // gather(x, indices), scatter_add(x, indices, updates), dynamic_slice(x, start),
    // dynamic_update_slice(x, update, start)
    const bool is_update = graph.op({id}) == ir::Op::kDynamicUpdateSlice;
    const Origin origin = origin_of(graph, graph.operand({id}, is_update ? 2 : 1));
    if (graph.op(origin.value) != ir::Op::kParameter) continue;
    if (!is_integer(graph.type(origin.value).dtype())) continue;
    if (!origin.in_place) limit = {smallest(limit)};
    limits[origin.value.id] = both(limits[origin.value.id], limit);
  }
  return limits;
}

}  // namespace ndl::tools
