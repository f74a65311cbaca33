// Indices are checked by kernels of their own, before what reads with them.
#include <utility>

#include "codegen/graph_lowering.h"
#include "codegen/nest_builder.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Value;

bool GraphLowering::check_indices(const Graph& body, const Buffers& parameters) {
  const std::vector<bool> live = body.live_nodes();
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const Value value{id};
    const Op op = body.op(value);
    if (live[id] && body.def(value).holds_regions()) return false;  // it may index as well
    const bool is_window = op == Op::kDynamicSlice || op == Op::kDynamicUpdateSlice;
    if (!live[id] || !ir::may_fail(op)) continue;
    const Value indices = body.operand(value, op == Op::kDynamicUpdateSlice ? 2 : 1);
    const TensorType& type = body.type(indices).tensor();
    const std::int64_t count = type.shape.num_elements();
    if (count == 0) continue;
    std::int32_t buffer = -1;
    if (body.op(indices) == Op::kParameter) {
      buffer = parameters[indices.id];
    } else if (body.op(indices) == Op::kConstant) {
      buffer = constant(body.attributes(indices).literal(Attr::kValue));
    } else {
      return false;
    }
    const Shape& x = body.type(body.operand(value, 0)).shape();
    NestBuilder b("check_indices");
    b.nest().outer_lanes = true;
    b.buffer(type.dtype, count);
    IndexCheck check{
        std::string(body.def(value).name), body.location(value), type.dtype, is_window, {}};
    if (is_window) {
      const Shape& window = op == Op::kDynamicSlice ? body.type(value).shape()
                                                    : body.type(body.operand(value, 1)).shape();
      b.begin_phase();
      for (std::size_t i = 0; i < x.rank(); ++i) {
        IndexExpr position;
        position.base = static_cast<std::int64_t>(i);
        const Local index = b.convert(b.read(0, position), DType::kI64);
        b.check(index, x[i] - window[i] + 1, position);
        check.bounds.push_back({static_cast<std::int64_t>(i), window[i], x[i]});
      }
    } else {
      const std::int64_t axis = body.attributes(value).integer(Attr::kAxis);
      const std::int64_t extent = x[static_cast<std::size_t>(axis)];
      const IndexExpr position = b.outer_loop(count);
      b.begin_phase();
      b.check(b.convert(b.read(0, position), DType::kI64), extent, position);
      check.bounds.push_back({axis, 0, extent});
    }
    if (!checked_.emplace(buffer, b.nest().key()).second) continue;
    schedule_.checks.push_back(std::move(check));
    launch(std::move(b.nest()), {buffer}, LaunchKind::kCheck,
           static_cast<std::int32_t>(schedule_.checks.size()) - 1);
  }
  return true;
}

}  // namespace ndl::codegen
