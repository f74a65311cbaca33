// The only way to add a node to a graph.
//
//   Graph graph("softplus");
//   Builder b(graph);
//   const Value x = b.parameter({DType::kF32, {3}}, "x");
//   const Value y = b.log1p(b.exp(x));
//   b.set_result(y);
//
// Every call infers the result's type and checks operands and attributes; a mistake throws
// ShapeError, DTypeError, IndexError or VerifyError with a message that begins with the op's name,
// and adds nothing. In raw mode each call adds one node. In simplifying mode, which passes use,
// a node equal to an earlier one is that one, and an op on small constants is a constant.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "ir/node_index.h"

namespace ndl::ir {

enum class BuilderMode : std::uint8_t { kRaw, kSimplifying };

class Builder {
 public:
  // Appends to `graph`, which outlives the builder.
  explicit Builder(Graph& graph, BuilderMode mode = BuilderMode::kRaw)
      : graph_(graph), mode_(mode) {}
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }
  const Type& type(Value value) const { return graph_.type(value); }

  // Parameters come before every other node.
  Value parameter(Type type, std::string_view name = "");
  void set_result(Value value);

  // Any op but a parameter. `given` is the result type where the op's text writes it, or the
  // expected type, or nothing.
  Value add_node(Op op, std::span<const Value> operands, Attributes attributes = {},
                 const Type* given = nullptr);
  Value add_node(Op op, std::initializer_list<Value> operands, Attributes attributes = {},
                 const Type* given = nullptr) {
    return add_node(op, std::span(operands.begin(), operands.size()), std::move(attributes), given);
  }

  // One method for each elementwise op, with its operands: b.add(x, y), b.select(mask, x, y).
#define NDL_ELEMENTWISE(enumerator, name, kind, ...)                    \
  template <class... Values>                                            \
    requires(sizeof...(Values) == operand_count(ElementwiseKind::kind)) \
  Value name(Values... operands) {                                      \
    return add_node(Op::enumerator, {operands...});                     \
  }
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE

  // The others, by the attributes that docs/ops.md gives.
  Value constant(const Literal& value);
  // `value`, rounded to the dtype, everywhere.
  Value constant(const TensorType& type, double value) {
    return constant(Literal::filled(type, value));
  }
  // A constant of x's type.
  Value constant_like(Value x, double value) { return constant(type(x).tensor(), value); }
  Value iota(const TensorType& type, std::int64_t axis);
  Value rng_bits(Value state, const TensorType& type);
  Value convert(Value x, DType dtype);
  Value bitcast(Value x, DType dtype);
  Value reshape(Value x, Shape shape);
  Value broadcast(Value x, Shape shape);
  Value transpose(Value x, Dims permutation);
  Value after(Value x, Value y);
  Value reverse(Value x, Dims axes);
  Value slice(Value x, Dims start, Dims limit, Dims stride = {});
  Value dynamic_slice(Value x, Value start, Shape shape);
  Value dynamic_update_slice(Value x, Value update, Value start);
  Value pad(Value x, Value value, Dims low, Dims high, Dims interior = {});
  Value concatenate(std::span<const Value> xs, std::int64_t axis);
  Value gather(Value x, Value indices, std::int64_t axis, std::int64_t batch_dims = 0);
  Value scatter_add(Value x, Value indices, Value updates, std::int64_t axis,
                    std::int64_t batch_dims = 0);
  Value reduce(Value x, ReduceKind kind, Dims axes);
  Value reduce(Value x, ReduceKind kind, Dims axes, DType accumulator);
  Value argmax(Value x, std::int64_t axis);
  Value argmin(Value x, std::int64_t axis);
  Value cumsum(Value x, std::int64_t axis);
  Value sort(std::span<const Value> xs, std::int64_t axis, bool descending = false);
  Value matmul(Value a, Value b);
  Value make_tuple(std::span<const Value> xs);
  Value get_tuple_element(Value tuple, std::int64_t index);
  Value fusion(std::span<const Value> xs, Region body);
  Value custom(std::span<const Value> xs, Region body, Region gradient);
  Value cond(Value pred, std::span<const Value> xs, Region then, Region otherwise);
  Value while_(std::span<const Value> xs, Region condition, Region body, std::int64_t limit = -1);
  Value scan(std::span<const Value> xs, Region body, std::int64_t length, std::int64_t carried,
             std::int64_t scanned, bool reverse = false);
  Value fused_add_scalars(Value x, std::vector<double> scalars);
  Value split(Value x, std::int64_t axis);
  Value stack(std::span<const Value> xs, std::int64_t axis);
  Value softmax(Value x, Dims axes);
  Value log_softmax(Value x, Dims axes);
  Value logsumexp(Value x, Dims axes);

  // The node `source_value` of `source` over new operands, with its name and location.
  Value clone(const Graph& source, Value source_value, std::span<const Value> operands);

 private:
  std::uint32_t intern(const Type& type);
  Value append(Op op, const Type& type, std::span<const Value> operands, Attributes attributes);
  std::optional<Value> folded(Op op, const Type& type, std::span<const Value> operands,
                              const Attributes& attributes);

  Graph& graph_;
  BuilderMode mode_;
  NodeIndex node_index_;  // simplifying mode
};

}  // namespace ndl::ir
