#include "codegen/lower_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "codegen/lower_region.h"
#include "codegen/nest_builder.h"
#include "ir/builder.h"
#include "ir/expansion.h"
#include "runtime/argsort.h"

namespace ndl::codegen {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Value;

// The buffers of a value: several for a tuple.
using Buffers = std::vector<std::int32_t>;

class GraphLowering {
 public:
  Schedule run(const Graph& graph);

 private:
  // The buffers of the result, for parameters that have these.
  Buffers lower(const Graph& graph, const Buffers& parameters);
  Buffers lower_node(const Graph& graph, Value value, const std::vector<Buffers>& values);
  // A kernel for the body, if there is one.
  bool lower_body(const Graph& body, const Buffers& parameters, const Buffers& results);
  // An op alone, in kernels made for it.
  void lower_op(const Graph& body, const Buffers& parameters, std::int32_t result);
  void lower_concatenate(const Graph& body, const Buffers& operands, std::int32_t result);
  void lower_pad(const Graph& body, const Buffers& operands, std::int32_t result);
  void lower_dynamic_update_slice(const Graph& body, const Buffers& operands, std::int32_t result);
  void lower_scatter_add(const Graph& body, const Buffers& operands, std::int32_t result);
  void lower_sort(const Graph& body, const Buffers& operands, const Buffers& results);
  void lower_dilated_conv(const Graph& body, const Buffers& operands, std::int32_t result);
  // Kernels that check the indices of the body's ops; false if the body computes indices itself, or
  // has bodies inside.
  bool check_indices(const Graph& body, const Buffers& parameters);

  std::int32_t constant(const ir::Literal& literal);
  std::int32_t temporary(const TensorType& type);
  Buffers temporaries(const ir::Type& type);
  void launch(LoopNest nest, Buffers buffers, std::int32_t check = -1);
  void copy(std::int32_t from, std::int32_t to);
  const TensorType& type(std::int32_t buffer) const {
    return schedule_.buffers[static_cast<std::size_t>(buffer)].type;
  }

  Schedule schedule_;
  std::unordered_map<std::string, std::size_t> kernels_;  // by their keys
};

// Whether a kernel of the op can have splat constants inside, so that they need no memory.
bool takes_splats(const Graph& graph, Value value) {
  switch (graph.op(value)) {
    case Op::kFusion:
    case Op::kMakeTuple:
    case Op::kReshape:
    case Op::kGather:
    case Op::kDynamicSlice:
    case Op::kDynamicUpdateSlice:
    case Op::kScatterAdd:
    case Op::kSort:
      return false;
    default:
      return graph.def(value).expand == nullptr;
  }
}

// The op alone, in a graph of its own: splat constants inside, the other operands as parameters.
Graph single_op(const Graph& graph, Value value, const std::vector<Buffers>& values,
                Buffers& parameters) {
  Graph body("body");
  Builder b(body);
  std::map<Value, Value> inside;
  const bool splats_inside = takes_splats(graph, value);
  for (const Value operand : graph.operands(value)) {
    if ((splats_inside && graph.is_splat(operand)) || inside.contains(operand)) continue;
    inside[operand] = b.parameter(graph.type(operand));
    parameters.push_back(values[operand.id].front());
  }
  std::vector<Value> operands;
  for (const Value operand : graph.operands(value)) {
    if (!inside.contains(operand)) inside[operand] = b.clone(graph, operand, {});
    operands.push_back(inside[operand]);
  }
  b.set_result(b.clone(graph, value, operands));
  return body;
}

// Writes every element of x, which has elements, where `place` says: an index into a result of
// that many elements, from the indices of x.
template <class Place>
LoopNest write_elements(std::string name, const TensorType& x, std::int64_t elements,
                        Place&& place) {
  NestBuilder b(std::move(name));
  b.nest().outer_lanes = true;
  b.buffer(x.dtype, x.shape.num_elements());
  const std::int32_t target = b.buffer(x.dtype, elements, true);
  std::vector<IndexExpr> index;
  for (const std::int64_t extent : x.shape) index.push_back(b.outer_loop(extent));
  b.begin_phase();
  const Local element = b.read(0, linear(x.shape, index));
  b.write(element, target, place(b, index));
  return b.finish();
}

void GraphLowering::launch(LoopNest nest, Buffers buffers, std::int32_t check) {
  verify(nest);
  const auto [it, is_new] = kernels_.try_emplace(nest.key(), schedule_.kernels.size());
  if (is_new) schedule_.kernels.push_back(std::move(nest));
  schedule_.launches.push_back({it->second, std::move(buffers), check, {}});
}

std::int32_t GraphLowering::temporary(const TensorType& type) {
  schedule_.buffers.push_back({type, BufferRole::kTemporary});
  return static_cast<std::int32_t>(schedule_.buffers.size()) - 1;
}

Buffers GraphLowering::temporaries(const ir::Type& type) {
  Buffers result;
  for (const TensorType& element : type.elements()) result.push_back(temporary(element));
  return result;
}

std::int32_t GraphLowering::constant(const ir::Literal& literal) {
  // More than this is made by a kernel whenever it is needed, rather than kept.
  constexpr std::int64_t kMostKept = 1 << 16;
  const std::int32_t buffer = temporary(literal.type());
  if (literal.is_splat() && literal.type().bytes() > kMostKept) {
    Graph body("body");
    Builder b(body);
    b.set_result(b.constant(literal));
    lower_body(body, {}, {buffer});
    return buffer;
  }
  schedule_.buffers.back().role = BufferRole::kConstant;
  schedule_.constants.push_back(buffer);
  schedule_.constant_values.push_back(literal.dense());
  return buffer;
}

void GraphLowering::copy(std::int32_t from, std::int32_t to) {
  if (type(from).shape.num_elements() == 0) return;
  launch(write_elements(
             "copy", type(from), type(from).shape.num_elements(),
             [&](NestBuilder&, const auto& index) { return linear(type(from).shape, index); }),
         {from, to});
}

Schedule GraphLowering::run(const Graph& graph) {
  Buffers parameters;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    parameters.push_back(temporary(graph.type(graph.parameter(i)).tensor()));
    schedule_.buffers.back().role = BufferRole::kInput;
  }
  schedule_.inputs = parameters;
  for (std::int32_t result : lower(graph, parameters)) {
    if (schedule_.buffers[static_cast<std::size_t>(result)].role != BufferRole::kTemporary) {
      const std::int32_t output = temporary(type(result));
      copy(result, output);
      result = output;
    }
    schedule_.buffers[static_cast<std::size_t>(result)].role = BufferRole::kOutput;
    schedule_.outputs.push_back(result);
  }
  // A result that is a reshape of what it was computed as has that type.
  for (std::size_t i = 0; i < schedule_.outputs.size(); ++i) {
    schedule_.buffers[static_cast<std::size_t>(schedule_.outputs[i])].type =
        graph.result_type().elements()[i];
  }
  return std::move(schedule_);
}

Buffers GraphLowering::lower(const Graph& graph, const Buffers& parameters) {
  const std::vector<bool> live = graph.live_nodes();
  std::vector<Buffers> values(graph.size());
  // Constants are made where something reads them from memory.
  const auto need = [&](Value value) {
    if (graph.op(value) == Op::kConstant && values[value.id].empty()) {
      values[value.id] = {constant(graph.attributes(value).literal(Attr::kValue))};
    }
  };
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Value value{id};
    if (graph.op(value) == Op::kParameter) {
      values[id] = {parameters[id]};
      continue;
    }
    if (!live[id] || graph.op(value) == Op::kConstant) continue;
    for (const Value operand : graph.operands(value)) {
      if (!takes_splats(graph, value) || !graph.is_splat(operand)) need(operand);
    }
    values[id] = lower_node(graph, value, values);
  }
  need(graph.result());
  return values[graph.result().id];
}

Buffers GraphLowering::lower_node(const Graph& graph, Value value,
                                  const std::vector<Buffers>& values) {
  Buffers operands;
  for (const Value operand : graph.operands(value)) {
    operands.insert(operands.end(), values[operand.id].begin(), values[operand.id].end());
  }
  switch (graph.op(value)) {
    case Op::kMakeTuple:
    case Op::kReshape:
      return operands;
    case Op::kGetTupleElement:
      return {operands[static_cast<std::size_t>(graph.attributes(value).integer(Attr::kIndex))]};
    case Op::kFusion: {
      const Graph& body = *graph.attributes(value).region(Attr::kBody);
      const Buffers results = temporaries(body.result_type());
      return lower_body(body, operands, results) ? results : lower(body, operands);
    }
    default:
      break;
  }
  if (graph.def(value).expand != nullptr) {
    return lower(ir::expansion(graph, value), operands);
  }
  Buffers parameters;
  const Graph body = single_op(graph, value, values, parameters);
  const Buffers results = temporaries(graph.type(value));
  const Op op = graph.op(value);
  if (op == Op::kSort) {
    lower_sort(body, operands, results);
    return results;
  }
  if (op == Op::kConcatenate || !lower_body(body, parameters, results)) {
    check_indices(body, parameters);
    lower_op(body, parameters, results.front());
  }
  return results;
}

bool GraphLowering::lower_body(const Graph& body, const Buffers& parameters,
                               const Buffers& results) {
  const auto has_elements = [&](const TensorType& type) { return type.shape.num_elements() != 0; };
  const std::vector<TensorType>& types = body.result_type().elements();
  if (std::ranges::none_of(types, has_elements)) return check_indices(body, parameters);
  if (!std::ranges::all_of(types, has_elements)) return false;
  std::optional<LoopNest> nest = lower_region(body);
  if (!nest || !check_indices(body, parameters)) return false;
  Buffers buffers = parameters;
  buffers.insert(buffers.end(), results.begin(), results.end());
  launch(std::move(*nest), std::move(buffers));
  return true;
}

void GraphLowering::lower_op(const Graph& body, const Buffers& parameters, std::int32_t result) {
  Buffers operands;
  for (const Value operand : body.operands(body.result())) {
    operands.push_back(body.op(operand) == Op::kParameter
                           ? parameters[operand.id]
                           : constant(body.attributes(operand).literal(Attr::kValue)));
  }
  switch (body.op(body.result())) {
    case Op::kConcatenate:
      return lower_concatenate(body, operands, result);
    case Op::kPad:
      return lower_pad(body, operands, result);
    case Op::kDynamicUpdateSlice:
      return lower_dynamic_update_slice(body, operands, result);
    case Op::kScatterAdd:
      return lower_scatter_add(body, operands, result);
    case Op::kGather:
      return;  // from an axis without elements: its check fails whatever the indices are
    case Op::kConv:
      return lower_dilated_conv(body, operands, result);
    default:
      NDL_CHECK(false, "{} as no kernel", body.def(body.result()).name);
  }
}

void GraphLowering::lower_concatenate(const Graph& body, const Buffers& operands,
                                      std::int32_t result) {
  const auto axis = static_cast<std::size_t>(body.attributes(body.result()).integer(Attr::kAxis));
  const Shape shape = body.result_type().shape();
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const TensorType& x = body.type(body.operand(body.result(), i)).tensor();
    if (x.shape.num_elements() != 0) {
      launch(write_elements("concatenate", x, shape.num_elements(),
                            [&](NestBuilder&, std::vector<IndexExpr> index) {
                              index[axis].base += offset;
                              return linear(shape, index);
                            }),
             {operands[i], result});
    }
    offset += x.shape[axis];
  }
}

void GraphLowering::lower_pad(const Graph& body, const Buffers& operands, std::int32_t result) {
  const Value root = body.result();
  const TensorType& x = body.type(body.operand(root, 0)).tensor();
  const Shape shape = body.result_type().shape();
  Graph fill("body");
  Builder b(fill);
  b.set_result(b.broadcast(b.parameter(body.type(body.operand(root, 1))), shape));
  lower_body(fill, {operands[1]}, {result});
  if (x.shape.num_elements() == 0) return;
  launch(write_elements("pad", x, shape.num_elements(),
                        [&](NestBuilder&, const std::vector<IndexExpr>& index) {
                          std::vector<IndexExpr> place(index.size());
                          for (std::size_t i = 0; i < index.size(); ++i) {
                            const Attributes& a = body.attributes(root);
                            place[i].base = a.integers(Attr::kLow)[i];
                            // The step of an axis that nobody walks may be any number.
                            const std::int64_t interior = a.integers(Attr::kInterior)[i];
                            if (x.shape[i] > 1) place[i].add(index[i], interior + 1);
                          }
                          return linear(shape, place);
                        }),
         {operands[0], result});
}

void GraphLowering::lower_dynamic_update_slice(const Graph& body, const Buffers& operands,
                                               std::int32_t result) {
  const Value root = body.result();
  const Shape shape = body.result_type().shape();
  const TensorType& update = body.type(body.operand(root, 1)).tensor();
  const TensorType& start = body.type(body.operand(root, 2)).tensor();
  copy(operands[0], result);
  if (update.shape.num_elements() == 0) return;
  launch(write_elements("dynamic_update_slice", update, shape.num_elements(),
                        [&](NestBuilder& nest, std::vector<IndexExpr> index) {
                          const std::int32_t starts =
                              nest.buffer(start.dtype, start.shape.num_elements());
                          for (std::size_t i = 0; i < index.size(); ++i) {
                            IndexExpr at;
                            at.base = static_cast<std::int64_t>(i);
                            const Local local = nest.convert(nest.read(starts, at), DType::kI64);
                            index[i].terms.push_back({local, 1, shape[i] - update.shape[i] + 1});
                          }
                          return linear(shape, index);
                        }),
         {operands[1], result, operands[2]});
}

// Rows of x take updates in the order of the indices, so they are a loop inside; what is before the
// axis is independent. 16-bit sums are kept in f32.
void GraphLowering::lower_scatter_add(const Graph& body, const Buffers& operands,
                                      std::int32_t result) {
  const Value root = body.result();
  const TensorType& x = body.result_type().tensor();
  const TensorType& indices = body.type(body.operand(root, 1)).tensor();
  const TensorType& updates = body.type(body.operand(root, 2)).tensor();
  const DType accumulator = accumulator_of(x.dtype);
  const auto convert = [&](std::int32_t from, DType dtype, std::int32_t to) {
    Graph conversion("body");
    Builder b(conversion);
    const Value parameter = b.parameter(ir::Type(type(from).dtype, x.shape));
    b.set_result(b.convert(parameter, dtype));
    lower_body(conversion, {from}, {to});
  };
  if (x.shape.num_elements() == 0) return;
  if (updates.shape.num_elements() == 0) return copy(operands[0], result);
  std::int32_t sums = result;
  if (accumulator != x.dtype) {
    sums = temporary({accumulator, x.shape});
    convert(operands[0], accumulator, sums);
  } else {
    copy(operands[0], result);
  }

  const auto axis = static_cast<std::size_t>(body.attributes(root).integer(Attr::kAxis));
  const auto batch = static_cast<std::size_t>(body.attributes(root).integer(Attr::kBatchDims));
  const std::size_t index_rank = indices.shape.rank() - batch;
  NestBuilder b("scatter_add");
  b.buffer(indices.dtype, indices.shape.num_elements());
  b.buffer(updates.dtype, updates.shape.num_elements());
  b.buffer(accumulator, x.shape.num_elements(), true);
  std::vector<IndexExpr> at_x(x.shape.rank());
  for (std::size_t i = 0; i < axis; ++i) at_x[i] = b.outer_loop(x.shape[i]);
  b.begin_phase();
  std::vector<IndexExpr> at_indices(at_x.begin(),
                                    at_x.begin() + static_cast<std::ptrdiff_t>(batch));
  for (std::size_t i = 0; i < index_rank; ++i) {
    at_indices.push_back(b.phase_loop(indices.shape[batch + i]));
  }
  std::vector<IndexExpr> at_updates(at_x.begin(), at_x.begin() + static_cast<std::ptrdiff_t>(axis));
  at_updates.insert(at_updates.end(), at_indices.begin() + static_cast<std::ptrdiff_t>(batch),
                    at_indices.end());
  // The lanes are along what is after the axis, a loop of extent 1 if there is nothing.
  const std::size_t first_inner = axis + 1;
  for (std::size_t i = first_inner; i < x.shape.rank(); ++i) {
    at_x[i] = b.phase_loop(x.shape[i]);
    at_updates.push_back(at_x[i]);
  }
  if (ir::product(std::span(x.shape.dims()).subspan(first_inner)) == 1) {
    b.nest().phases.back().loops.push_back(1);
  }
  const Local index = b.convert(b.read(0, linear(indices.shape, at_indices)), DType::kI64);
  at_x[axis].terms.push_back({index, 1, x.shape[axis]});
  const IndexExpr target = linear(x.shape, at_x);
  const Local sum = b.read(2, target);
  const Local update = b.convert(b.read(1, linear(updates.shape, at_updates)), accumulator);
  b.write(b.op(Op::kAdd, accumulator, {sum, update}), 2, target);
  launch(b.finish(), {operands[1], operands[2], sums});
  if (sums != result) convert(sums, x.dtype, result);
}

// The order of the keys, then each operand taken in that order.
void GraphLowering::lower_sort(const Graph& body, const Buffers& operands, const Buffers& results) {
  const Value root = body.result();
  const TensorType& keys = body.type(body.operand(root, 0)).tensor();
  if (keys.shape.num_elements() == 0) return;
  const auto axis = static_cast<std::size_t>(body.attributes(root).integer(Attr::kAxis));
  const std::int64_t extent = keys.shape[axis];
  const std::int64_t lines = keys.shape.num_elements() / extent;
  const std::int64_t stride = ir::row_major_strides(keys.shape)[axis];
  const std::int32_t parameters = constant(ir::Literal::dense<std::int64_t>(
      {4}, {static_cast<std::int64_t>(keys.dtype), extent, stride,
            static_cast<std::int64_t>(body.attributes(root).boolean(Attr::kDescending))}));
  const std::int32_t positions = temporary({DType::kI64, {lines, extent}});
  // About 20 ns for an element of a long line.
  const std::int64_t grain = std::max<std::int64_t>(1, 50 / extent);
  schedule_.launches.push_back(
      {.buffers = {parameters, operands.front(), positions},
       .library = LibraryKernel{"argsort", runtime::argsort, lines, grain}});
  for (std::size_t k = 0; k < results.size(); ++k) {
    const TensorType& x = body.type(body.operand(root, k)).tensor();
    NestBuilder b("take_in_order");
    b.nest().outer_lanes = true;
    b.buffer(x.dtype, x.shape.num_elements());
    b.buffer(DType::kI64, x.shape.num_elements());
    const std::int32_t target = b.buffer(x.dtype, x.shape.num_elements(), true);
    std::vector<IndexExpr> index;
    for (const std::int64_t size : x.shape) index.push_back(b.outer_loop(size));
    b.begin_phase();
    // Lines are numbered by the other axes, and lie one after the other.
    Dims others = x.shape.dims();
    others[axis] = 1;
    std::vector<IndexExpr> line = index;
    line[axis] = {};
    IndexExpr at_position = index[axis];
    at_position.add(linear(Shape(others), line), extent);
    IndexExpr from;
    from.terms.push_back({b.read(1, at_position), 1, extent});
    const IndexExpr at_target = linear(x.shape, index);
    index[axis] = from;
    b.write(b.read(0, linear(x.shape, index)), target, at_target);
    launch(b.finish(), {operands[k], positions, results[k]});
  }
}

// A dilated input is one with zeros in between.
void GraphLowering::lower_dilated_conv(const Graph& body, const Buffers& operands,
                                       std::int32_t result) {
  const Value root = body.result();
  const ir::Type& x = body.type(body.operand(root, 0));
  const std::size_t rank = x.shape().rank();
  Attributes attributes = body.attributes(root);
  const Dims none(rank, 0);
  Dims interior = none;
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    interior[i + 1] = attributes.integers(Attr::kBaseDilation)[i] - 1;
  }
  attributes.set(Attr::kBaseDilation, Dims(rank - 2, 1));
  Graph graph("conv");
  Builder b(graph);
  const Value input = b.parameter(x);
  const Value kernel = b.parameter(body.type(body.operand(root, 1)));
  const Value padded = b.pad(input, b.constant({x.dtype(), {}}, 0), none, none, interior);
  b.set_result(b.add_node(Op::kConv, {padded, kernel}, attributes));
  const Buffers computed = lower(graph, operands);
  copy(computed[0], result);
}

bool GraphLowering::check_indices(const Graph& body, const Buffers& parameters) {
  const std::vector<bool> live = body.live_nodes();
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const Value value{id};
    const Op op = body.op(value);
    if (live[id] && op == Op::kFusion) return false;  // it may index as well
    const bool is_window = op == Op::kDynamicSlice || op == Op::kDynamicUpdateSlice;
    if (!live[id] || (!is_window && op != Op::kGather && op != Op::kScatterAdd)) continue;
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
    schedule_.checks.push_back(std::move(check));
    launch(std::move(b.nest()), {buffer}, static_cast<std::int32_t>(schedule_.checks.size()) - 1);
  }
  return true;
}

}  // namespace

Schedule lower_graph(const Graph& graph) { return GraphLowering().run(graph); }

}  // namespace ndl::codegen
