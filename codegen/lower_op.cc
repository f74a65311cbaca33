// Ops that take several kernels, or one of the runtime.
#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/error.h"
#include "codegen/graph_lowering.h"
#include "codegen/nest_builder.h"
#include "ir/builder.h"
#include "runtime/argsort.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Value;

namespace {

// In place of the buffer of a splat constant.
constexpr std::int32_t kNoBuffer = -1;

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

}  // namespace

void GraphLowering::begin_with_first(const Graph& body, const Buffers& operands,
                                     std::int32_t result) {
  const Value first = body.operand(body.result(), 0);
  if (operands[0] != kNoBuffer) return copy(operands[0], result);
  fill(body.attributes(first).literal(Attr::kValue), result);
}

void GraphLowering::fill(const ir::Literal& splat, std::int32_t to) {
  Graph body("body");
  Builder b(body);
  const Value element = b.constant(splat);
  b.set_result(b.convert(element, type(to).dtype));
  lower_body(body, {}, {to}, LaunchKind::kFill);
}

void GraphLowering::copy(std::int32_t from, std::int32_t to) {
  Graph body("body");
  Builder b(body);
  const Value x = b.parameter(ir::Type(type(from)));
  b.set_result(type(from).dtype == type(to).dtype ? x : b.convert(x, type(to).dtype));
  lower_body(body, {from}, {to}, LaunchKind::kCopy);
}

void GraphLowering::lower_op(const Graph& body, const Buffers& parameters, std::int32_t result) {
  const Op op = body.op(body.result());
  const bool begins_with_first = op == Op::kScatterAdd || op == Op::kDynamicUpdateSlice;
  Buffers operands;
  for (const Value operand : body.operands(body.result())) {
    const bool is_filled = begins_with_first && operands.empty() && body.is_splat(operand);
    operands.push_back(body.op(operand) == Op::kParameter ? parameters[operand.id]
                       : is_filled ? kNoBuffer
                                   : constant(body.attributes(operand).literal(Attr::kValue)));
  }
  switch (op) {
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
      NDL_CHECK(false, "{} has no kernel", body.def(body.result()).name);
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
  const Value number = b.parameter(body.type(body.operand(root, 1)));
  b.set_result(b.broadcast(number, shape));
  lower_body(fill, {operands[1]}, {result}, LaunchKind::kFill);
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
  begin_with_first(body, operands, result);
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
  if (x.shape.num_elements() == 0) return;
  if (updates.shape.num_elements() == 0) return begin_with_first(body, operands, result);
  const bool is_wider = accumulator != x.dtype;
  const std::int32_t sums = is_wider ? temporary({accumulator, x.shape}) : result;
  begin_with_first(body, operands, sums);

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
  if (is_wider) copy(sums, result);
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
  const runtime::ArgsortParameters parameters = {
      .dtype = static_cast<std::int64_t>(keys.dtype),
      .extent = extent,
      .stride = stride,
      .is_descending = body.attributes(root).boolean(Attr::kDescending) ? 1 : 0};
  constexpr auto kMembers = static_cast<std::int64_t>(sizeof(parameters) / sizeof(std::int64_t));
  ir::Literal members = ir::Literal::uninitialized({DType::kI64, {kMembers}});
  std::memcpy(members.bytes(), &parameters, sizeof(parameters));
  const std::int32_t positions = temporary({DType::kI64, {lines, extent}});
  // About 20 ns for an element of a long line.
  const std::int64_t grain = std::max<std::int64_t>(1, 50 / extent);
  schedule_.launches.push_back(
      {.buffers = {constant(members), operands.front(), positions},
       .kind = LaunchKind::kLibrary,
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
  Graph padding("pad");
  Builder pad(padding);
  const Value input = pad.parameter(x);
  const Value zero = pad.constant({x.dtype(), {}}, 0);
  pad.set_result(pad.pad(input, zero, none, none, interior));
  const Buffers padded = lower(padding, {operands[0]});

  Graph conv("conv");
  Builder b(conv);
  const Value left = b.parameter(padding.result_type());
  const Value right = b.parameter(body.type(body.operand(root, 1)));
  b.set_result(b.add_node(Op::kConv, {left, right}, attributes));
  const bool is_one_kernel = lower_body(conv, {padded[0], operands[1]}, {result});
  NDL_CHECK(is_one_kernel, "a convolution that is not dilated has no kernel");
}

}  // namespace ndl::codegen
