#include "tests/codegen/op_cell.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "ir/builder.h"
#include "tests/random_graph.h"
#include "tests/random_op.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

using ir::Dims;
using ir::Shape;
using ir::TensorType;
using ir::Type;
using ir::Value;

// No operand of rank 0 will do.
struct NeedsAxes {};

Shape random_shape(test::Random& random, Layout layout, std::size_t least_rank) {
  if (layout == Layout::kRankZero) {
    if (least_rank > 0) throw NeedsAxes{};
    return {};
  }
  if (layout == Layout::kLong) {
    const std::vector<Dims> shapes = {{3, 2053}, {1030, 11}, {7, 31, 65}, {2, 4096, 1}};
    return Shape(random.choose(shapes));
  }
  Dims dims(static_cast<std::size_t>(random.between(2, 3)));
  for (std::int64_t& dim : dims) dim = random.choose(Dims{1, 2, 3, 5, 7, 9, 17});
  if (layout == Layout::kZeroSize) dims[static_cast<std::size_t>(random.below(2))] = 0;
  return Shape(dims);
}

// One shape for all ops over elements, so that those that are compiled together share a kernel.
Shape elementwise_shape(Layout layout) {
  switch (layout) {
    case Layout::kZeroSize:
      return {5, 0};
    case Layout::kRankZero:
      return {};
    case Layout::kLong:
      return {140009};
    default:
      return {5, 67};
  }
}

class CellOperands : public test::Operands {
 public:
  CellOperands(ir::Builder& builder, test::Random& random, DType dtype, Layout layout,
               std::optional<Shape> shape)
      : builder_(builder), random_(random), dtype_(dtype), layout_(layout), shape_(shape) {}

  Value any(DTypeSet allowed, std::size_t least_rank) override {
    return laid_out(result_type(allowed, least_rank), 0);
  }
  Value of_type(const TensorType& type) override { return laid_out(type, 0); }
  Value indices(const TensorType& type, std::int64_t bound) override {
    return laid_out(type, bound);
  }
  std::optional<Value> tuple() override {
    const std::vector<Value> elements = {any(kAllDTypes, 0), any(kAllDTypes, 0)};
    return builder_.make_tuple(elements);
  }
  TensorType result_type(DTypeSet allowed, std::size_t least_rank) override {
    if (!shape_) shape_ = random_shape(random_, layout_, least_rank);
    return {allowed.contains(dtype_) ? dtype_ : random_.dtype(allowed), *shape_};
  }
  ir::Region body(std::span<const Type> parameters) override {
    return std::make_shared<const ir::Graph>(test::random_body(random_.bits(), parameters, 3));
  }

  // The graph with the result `value` and the parameters that were asked for.
  OpCell finished(Value value) const;

 private:
  Value parameter(const TensorType& type, std::int64_t bound) {
    const Value placeholder = builder_.constant(type, 0);
    parameters_.emplace_back(placeholder, bound);
    return placeholder;
  }
  Value laid_out(const TensorType& type, std::int64_t bound);

  ir::Builder& builder_;
  test::Random& random_;
  DType dtype_;
  Layout layout_;
  std::optional<Shape> shape_;
  // Constants that stand for parameters, which have to come before every other node, and their
  // bounds as in OpCell.
  std::vector<std::pair<Value, std::int64_t>> parameters_;
};

Value CellOperands::laid_out(const TensorType& type, std::int64_t bound) {
  const std::size_t rank = type.shape.rank();
  Dims dims = type.shape.dims();
  switch (layout_) {
    case Layout::kBroadcast: {
      if (rank == 0) break;
      const bool is_column = random_.one_in(2);
      if (is_column) {
        dims.back() = 1;
      } else {
        dims.erase(dims.begin());
      }
      return builder_.broadcast(parameter({type.dtype, Shape(dims)}, bound), type.shape);
    }
    case Layout::kTransposed: {
      // Turns the axes around, the last one first.
      Dims permutation(rank);
      for (std::size_t i = 0; i < rank; ++i) {
        permutation[i] = static_cast<std::int64_t>((i + rank - 1) % rank);
        dims[static_cast<std::size_t>(permutation[i])] = type.shape[i];
      }
      return builder_.transpose(parameter({type.dtype, Shape(dims)}, bound), permutation);
    }
    case Layout::kStrided: {
      for (std::int64_t& dim : dims) dim = 2 * dim + 1;
      const Value x = parameter({type.dtype, Shape(dims)}, bound);
      return builder_.slice(x, Dims(rank, 1), dims, Dims(rank, 2));
    }
    case Layout::kOffset: {
      Dims limit = dims;
      for (std::size_t i = 0; i < rank; ++i) {
        limit[i] += 2;
        dims[i] += 3;
      }
      return builder_.slice(parameter({type.dtype, Shape(dims)}, bound), Dims(rank, 2), limit);
    }
    case Layout::kReversed: {
      Dims axes;
      for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
      return builder_.reverse(parameter(type, bound), axes);
    }
    default:
      break;
  }
  return parameter(type, bound);
}

OpCell CellOperands::finished(Value value) const {
  const ir::Graph& source = builder_.graph();
  OpCell cell{layout_, ir::Graph("cell"), {}};
  ir::Builder b(cell.graph);
  std::vector<std::optional<Value>> mapped(source.size());
  for (const auto& [placeholder, bound] : parameters_) {
    mapped[placeholder.id] = b.parameter(source.type(placeholder));
    cell.bounds.push_back(bound);
  }
  for (std::uint32_t id = 0; id <= value.id; ++id) {
    if (mapped[id]) continue;
    std::vector<Value> operands;
    for (const Value operand : source.operands({id})) operands.push_back(*mapped[operand.id]);
    mapped[id] = b.clone(source, {id}, operands);
  }
  b.set_result(*mapped[value.id]);
  return cell;
}

}  // namespace

std::optional<OpCell> op_cell(const ir::OpDef& def, DType dtype, Layout layout,
                              std::uint64_t seed) {
  // Some shapes and attributes do not fit, and some indices are out of range.
  constexpr std::uint64_t kAttempts = 64;
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    test::Random random(mix_bits(seed) + (attempt << 32));
    ir::Graph graph;
    ir::Builder builder(graph);
    std::optional<Shape> shape;
    if (def.is_elementwise()) shape = elementwise_shape(layout);
    CellOperands operands(builder, random, dtype, layout, shape);
    try {
      const std::optional<Value> value = def.op == ir::Op::kParameter
                                             ? operands.any(def.dtypes, 0)
                                             : test::random_op(builder, random, operands, def);
      if (!value) continue;
      OpCell cell = operands.finished(*value);
      if (test::run(cell.graph, inputs_of(cell, seed, false)).error.empty()) return cell;
    } catch (const ShapeError&) {
      continue;
    } catch (const NeedsAxes&) {
      return std::nullopt;
    }
  }
  NDL_CHECK(false, "no use of {} of {} on a {} operand", def.name, name_of(dtype),
            kLayoutNames[static_cast<std::size_t>(layout)]);
}

std::vector<ir::Literal> inputs_of(const OpCell& cell, std::uint64_t seed, bool integral) {
  std::vector<ir::Literal> inputs;
  for (std::size_t i = 0; i < cell.bounds.size(); ++i) {
    const TensorType& type = cell.graph.type(cell.graph.parameter(i)).tensor();
    if (cell.bounds[i] > 0) {
      inputs.push_back(test::random_integers(type, 0, cell.bounds[i] - 1, mix_bits(seed + i)));
    } else if (integral) {
      inputs.push_back(test::random_integers(type, 0, 3, mix_bits(seed + i)));
    } else {
      inputs.push_back(test::random_literal(type, mix_bits(seed + i)));
    }
  }
  return inputs;
}

}  // namespace ndl::codegen
