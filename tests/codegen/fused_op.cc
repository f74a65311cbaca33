#include "tests/codegen/fused_op.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "ir/builder.h"
#include "tests/parameter_operands.h"
#include "tests/random_op.h"

namespace ndl::codegen {
namespace {

using ir::Dims;
using ir::ElementwiseKind;
using ir::Shape;
using ir::TensorType;
using ir::Value;

class FusedOperands : public test::ParameterOperands {
 public:
  FusedOperands(test::Random& random, DType dtype, Surroundings surroundings)
      : test::ParameterOperands(random, dtype), surroundings_(surroundings) {}

  // A random elementwise op on x, with a result of x's type.
  Value elementwise(Value x);
  // A reduction of x over some axes.
  Value reduction(Value x);
  // A tensor with the op's result, which may be a tuple, among its surroundings.
  Value surrounded(Value op);

 private:
  Shape choose_shape(std::size_t least_rank) override;
  Value operand(const TensorType& type, std::int64_t bound) override;

  Surroundings surroundings_;
};

Shape FusedOperands::choose_shape(std::size_t least_rank) {
  Dims dims(static_cast<std::size_t>(random().between(static_cast<std::int64_t>(least_rank), 3)));
  for (std::int64_t& dim : dims) dim = random().choose(Dims{1, 2, 2, 3, 5, 17, 33});
  if (!dims.empty() && random().one_in(16)) dims.front() = 0;
  return Shape(dims);
}

Value FusedOperands::operand(const TensorType& type, std::int64_t bound) {
  const Value x = parameter(type, bound);
  if (bound > 0) return x;
  switch (surroundings_) {
    case Surroundings::kChain:
      return elementwise(x);
    case Surroundings::kNeighbour:
      return x;
    case Surroundings::kEpilogue: {
      // Reduced axes come back as what is repeated; at the end of the shape they need extent 1.
      Dims axes;
      Dims kept = type.shape.dims();
      for (std::size_t i = 0; i < type.shape.rank(); ++i) {
        if (i != 0 && !random().one_in(2)) continue;
        axes.push_back(static_cast<std::int64_t>(i));
        kept[i] = 1;
      }
      const auto kind = type.dtype == DType::kBool ? ir::ReduceKind::kOr : ir::ReduceKind::kSum;
      const Value sum = builder().reduce(x, kind, axes);
      return builder().broadcast(builder().reshape(sum, Shape(kept)), type.shape);
    }
  }
  return x;
}

Value FusedOperands::elementwise(Value x) {
  const TensorType type = builder().type(x).tensor();
  while (true) {
    const ir::OpDef& def = random().choose(ir::all_ops());
    if (!def.is_elementwise() || !def.dtypes.contains(type.dtype)) continue;
    const bool to_bool =
        def.kind == ElementwiseKind::kCompare || def.kind == ElementwiseKind::kPredicate;
    if (to_bool && type.dtype != DType::kBool) continue;
    std::vector<Value> operands(static_cast<std::size_t>(ir::operand_count(def.kind)), x);
    if (def.kind == ElementwiseKind::kSelect) {
      operands[0] = parameter({DType::kBool, type.shape});
    } else if (operands.size() > 1) {
      operands[0] = parameter(type);
    }
    return builder().add_node(def.op, operands);
  }
}

Value FusedOperands::reduction(Value x) {
  const TensorType type = builder().type(x).tensor();
  Dims axes;
  for (std::size_t i = 0; i < type.shape.rank(); ++i) {
    if (random().one_in(2)) axes.push_back(static_cast<std::int64_t>(i));
  }
  const auto kind = type.dtype == DType::kBool ? ir::ReduceKind::kAnd : ir::ReduceKind::kMax;
  return builder().reduce(x, kind, axes);
}

Value FusedOperands::surrounded(Value op) {
  Value x = op;
  if (builder().type(op).is_tuple()) {
    if (builder().type(op).elements().empty()) return op;  // of a body that gives nothing
    x = builder().get_tuple_element(op, 0);
  }
  switch (surroundings_) {
    case Surroundings::kChain: {
      const Value after = elementwise(x);
      const std::vector<Value> results = {after, reduction(after)};
      return builder().make_tuple(results);
    }
    case Surroundings::kNeighbour: {
      const std::vector<Value> results = {x, elementwise(parameter(builder().type(x).tensor()))};
      return builder().make_tuple(results);
    }
    case Surroundings::kEpilogue:
      return elementwise(x);
  }
  return x;
}

ir::Graph twice(const ir::Graph& body) {
  ir::Graph graph("fused");
  ir::Builder b(graph);
  std::vector<Value> values;
  for (std::size_t i = 0; i < body.num_parameters(); ++i) {
    values.push_back(b.parameter(body.type(body.parameter(i))));
  }
  const Value fusion = b.fusion(values, std::make_shared<const ir::Graph>(body));
  for (auto id = static_cast<std::uint32_t>(values.size()); id < body.size(); ++id) {
    std::vector<Value> operands;
    for (const Value operand : body.operands({id})) operands.push_back(values[operand.id]);
    values.push_back(b.clone(body, {id}, operands));
  }
  std::vector<Value> results;
  for (const Value value : {fusion, values[body.result().id]}) {
    if (!b.type(value).is_tuple()) {
      results.push_back(value);
      continue;
    }
    for (std::int64_t i = 0; i < std::ssize(b.type(value).elements()); ++i) {
      results.push_back(b.get_tuple_element(value, i));
    }
  }
  b.set_result(b.make_tuple(results));
  return graph;
}

}  // namespace

ir::Graph fused_op(const ir::OpDef& def, DType dtype, Surroundings surroundings,
                   std::uint64_t seed) {
  constexpr std::uint64_t kAttempts = 64;
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    test::Random random(mix_bits(seed) + (attempt << 32));
    FusedOperands operands(random, dtype, surroundings);
    try {
      const auto op = test::random_op(operands.builder(), random, operands, def);
      if (op) return twice(operands.finished(operands.surrounded(*op)).graph);
    } catch (const ShapeError&) {
      continue;  // some shapes and attributes do not fit
    }
  }
  NDL_CHECK(false, "no use of {} of {}", def.name, name_of(dtype));
}

}  // namespace ndl::codegen
