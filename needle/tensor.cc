#include "needle/tensor.h"

#include <cstring>
#include <ostream>

#include "base/error.h"
#include "ir/graph.h"
#include "needle/format.h"
#include "needle/realize.h"
#include "needle/reduction.h"
#include "needle/shaping.h"
#include "needle/trace_scope.h"

namespace ndl {
namespace {

// An initializer list of lists, row after row, with its shape.
struct Nested {
  const std::source_location& at;
  std::vector<float> values;
  ir::Dims dims;

  void add(std::initializer_list<float> row) {
    values.insert(values.end(), row.begin(), row.end());
  }
  // All lists of one level have equal lengths.
  void add_axis(std::size_t axis, std::size_t extent) {
    const auto length = static_cast<std::int64_t>(extent);
    if (dims.size() <= axis) dims.push_back(length);
    if (dims[axis] != length) {
      throw ShapeError(Diagnostic{to_location(at),
                                  fmt::format("Tensor: lists along axis {} have {} and {} elements",
                                              axis, dims[axis], length),
                                  ""});
    }
  }
};

ir::Literal to_literal(const Nested& nested) {
  return ir::Literal::dense<float>(ir::Shape(nested.dims), std::span(nested.values));
}

ir::Literal literal_of(std::initializer_list<std::initializer_list<float>> rows,
                       const std::source_location& at) {
  Nested nested{at};
  nested.add_axis(0, rows.size());
  for (const auto& row : rows) {
    nested.add_axis(1, row.size());
    nested.add(row);
  }
  return to_literal(nested);
}

ir::Literal literal_of(
    std::initializer_list<std::initializer_list<std::initializer_list<float>>> matrices,
    const std::source_location& at) {
  Nested nested{at};
  nested.add_axis(0, matrices.size());
  for (const auto& rows : matrices) {
    nested.add_axis(1, rows.size());
    for (const auto& row : rows) {
      nested.add_axis(2, row.size());
      nested.add(row);
    }
  }
  return to_literal(nested);
}

RecordRef leaf_of(const ir::Literal& value, const TensorOptions& options) {
  const ir::TensorType type{options.dtype.value_or(value.dtype()), value.shape()};
  runtime::Buffer buffer = runtime::Buffer::allocate(type.bytes());
  const ir::Literal literal = ir::converted(value.dense(), type.dtype);
  if (literal.size() > 0) std::memcpy(buffer.data(), literal.bytes(), buffer.bytes());
  return make_leaf(type, std::move(buffer), options.requires_grad);
}

}  // namespace

Value::Value(const RecordRef& record) : variable_(variable_of(record)) {}

Value::Value(RecordRef record, NewRecord)
    : variable_(std::make_shared<Variable>(std::move(record))) {
  variable_->value->variable = variable_;
}

std::shared_ptr<Variable> Value::variable_of(const RecordRef& record) {
  const std::lock_guard lock(record_mutex());
  if (std::shared_ptr<Variable> variable = record->variable.lock()) {
    // A tensor that has been rebound is another value now.
    if (variable->value == record) return variable;
  }
  auto variable = std::make_shared<Variable>(record);
  record->variable = variable;
  return variable;
}

std::string_view Value::op() const {
  const Record& self = *record();
  if (self.is_leaf() || !self.requires_grad) return "";
  if (self.op == ir::Op::kCustom) return self.attributes.region(ir::Attr::kBody)->name();
  return name_of(self.op);
}

std::vector<Value> Value::inputs() const {
  if (!requires_grad()) return {};
  // What requires a gradient keeps its inputs, so they can be read without the lock.
  return {record()->inputs.begin(), record()->inputs.end()};
}

SourceLocation Value::location() const {
  return record()->is_leaf() ? SourceLocation{} : to_location(record()->location);
}

Tensor Value::tensor(const std::source_location& at) const {
  require_kind(!is_tuple(), "tensor", "tuple", at);
  return Tensor(record());
}

TensorTuple Value::tuple(const std::source_location& at) const {
  require_kind(is_tuple(), "tuple", "tensor", at);
  return TensorTuple(record());
}

void Value::require_kind(bool is_it, std::string_view asked, std::string_view found,
                         const std::source_location& at) const {
  if (is_it) return;
  throw DTypeError(Diagnostic{to_location(at),
                              fmt::format("{}: {} is a {}", asked, type().to_string(), found), ""});
}

void Value::realize(const std::source_location& at) const {
  ndl::realize(std::span(&record(), 1), at);
}

bool Value::is_realized() const {
  Garbage garbage;
  const std::lock_guard lock(record_mutex());
  return record()->resolve(garbage);
}

Tensor::Tensor(std::initializer_list<float> values, TensorOptions options)
    : Tensor(values, ir::Shape({static_cast<std::int64_t>(values.size())}), options) {}

Tensor::Tensor(std::initializer_list<std::initializer_list<float>> rows, TensorOptions options,
               const std::source_location& at)
    : Tensor(literal_of(rows, at), options) {}

Tensor::Tensor(std::initializer_list<std::initializer_list<std::initializer_list<float>>> matrices,
               TensorOptions options, const std::source_location& at)
    : Tensor(literal_of(matrices, at), options) {}

Tensor::Tensor(std::initializer_list<float> values, const ir::Shape& shape, TensorOptions options,
               const std::source_location& at)
    : Tensor(from_span(std::span(values.begin(), values.size()), shape, at), options) {}

Tensor::Tensor(const ir::Literal& value, TensorOptions options) : Value(leaf_of(value, options)) {}

Tensor Tensor::scalar_of(const Number& number, const TensorOptions& options,
                         const std::source_location& at) {
  const RecordRef record = number.record(options.dtype.value_or(number.dtype().dtype), at);
  return Tensor(make_leaf(record->type->tensor(), record->buffer(), options.requires_grad));
}

void Tensor::require_size(std::size_t count, const ir::Shape& shape,
                          const std::source_location& at) {
  if (static_cast<std::int64_t>(count) == shape.num_elements()) return;
  throw ShapeError(
      Diagnostic{to_location(at),
                 fmt::format("Tensor: {} values for the shape {}", count, shape.to_string()), ""});
}

void Tensor::require_one_element(const std::source_location& at) const {
  if (size() == 1) return;
  throw ShapeError(Diagnostic{
      to_location(at), fmt::format("item: {} has {} elements", type().to_string(), size()), ""});
}

Tensor Tensor::detach() const { return Tensor(make_alias(record(), false)); }

void Tensor::rebind(const char* name, const Tensor& value, const std::source_location& at) {
  if (!TraceScope::allow_change(variable_)) {
    throw TraceError(Diagnostic{
        to_location(at),
        fmt::format("{}: a function that is being traced cannot change a tensor from outside it",
                    name),
        ""});
  }
  RecordRef leaf = make_alias(value.record(), requires_grad(), true);
  leaf->variable = variable_;
  variable_->value = std::move(leaf);
}

void Tensor::set_data(const Tensor& value, const std::source_location& at) {
  if (value.dtype() != dtype()) {
    throw DTypeError(Diagnostic{
        to_location(at),
        fmt::format("set_data: {} for a tensor of {}", value.type().to_string(), name_of(dtype())),
        ""});
  }
  rebind("set_data", value, at);
}

void Tensor::set_dtype(DType dtype, const std::source_location& at) {
  if (is_float(dtype) != is_float(this->dtype())) {
    throw DTypeError(Diagnostic{
        to_location(at),
        fmt::format("set_dtype: {} for a tensor of {}", name_of(dtype), name_of(this->dtype())),
        ""});
  }
  rebind("set_dtype", detach().astype(dtype), at);
}

ir::Literal Tensor::to_literal(const std::source_location& at) const {
  realize(at);
  const RecordRef& self = record();
  ir::Literal literal = ir::Literal::uninitialized(type().tensor());
  // The buffers of a realized record stay, so they can be read without the lock.
  const runtime::BufferView view = self->view();
  if (view.bytes > 0) std::memcpy(literal.bytes(), view.data, static_cast<std::size_t>(view.bytes));
  return literal;
}

std::string Tensor::to_string(const std::source_location& at) const {
  return format_array(to_literal(at));
}

std::string Tensor::repr(const std::source_location& at) const {
  return fmt::format("needle.Tensor({})", to_string(at));
}

Tensor Tensor::reshape(ir::Dims shape, const std::source_location& at) const {
  return ndl::reshape(Operand(*this, at), std::move(shape));
}
Tensor Tensor::broadcast_to(const ir::Shape& shape, const std::source_location& at) const {
  return ndl::broadcast_to(Operand(*this, at), shape);
}
Tensor Tensor::transpose(const std::source_location& at) const {
  return ndl::transpose(Operand(*this, at));
}
Tensor Tensor::transpose(ir::Dims permutation, const std::source_location& at) const {
  return ndl::transpose(Operand(*this, at), std::move(permutation));
}
Tensor Tensor::astype(DType dtype, const std::source_location& at) const {
  return ndl::astype(Operand(*this, at), dtype);
}
Tensor Tensor::sum(const Axes& axes, bool keepdims, const std::source_location& at) const {
  return ndl::sum(Operand(*this, at), axes, keepdims);
}
Tensor Tensor::mean(const Axes& axes, bool keepdims, const std::source_location& at) const {
  return ndl::mean(Operand(*this, at), axes, keepdims);
}
Tensor Tensor::max(const Axes& axes, bool keepdims, const std::source_location& at) const {
  return ndl::amax(Operand(*this, at), axes, keepdims);
}
Tensor Tensor::min(const Axes& axes, bool keepdims, const std::source_location& at) const {
  return ndl::amin(Operand(*this, at), axes, keepdims);
}
Tensor Tensor::prod(const Axes& axes, bool keepdims, const std::source_location& at) const {
  return ndl::prod(Operand(*this, at), axes, keepdims);
}

Tensor TensorTuple::operator[](const TupleIndex& position) const {
  const auto count = static_cast<std::int64_t>(size());
  const std::int64_t index = position.index < 0 ? position.index + count : position.index;
  if (index < 0 || index >= count) {
    throw IndexError(Diagnostic{to_location(position.at),
                                fmt::format("element {} of a tuple of {}", position.index, count),
                                ""});
  }
  const RecordRef& self = record();
  if (self->op == ir::Op::kMakeTuple) {
    return Tensor(self->inputs[static_cast<std::size_t>(index)]);
  }
  return Tensor(make_record(ir::Op::kGetTupleElement, {self}, {{ir::Attr::kIndex, index}}, nullptr,
                            position.at));
}

std::vector<Tensor> TensorTuple::tensors(const std::source_location& at) const {
  std::vector<Tensor> elements;
  elements.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) elements.push_back((*this)[{i, at}]);
  return elements;
}

TensorTuple TensorTuple::detach() const {
  if (record()->op != ir::Op::kMakeTuple) return TensorTuple(make_alias(record(), false));
  std::vector<RecordRef> elements;
  for (const Tensor& element : tensors()) elements.push_back(element.detach().record());
  return TensorTuple(
      make_record(ir::Op::kMakeTuple, std::move(elements), {}, nullptr, record()->location));
}

std::string TensorTuple::repr(const std::source_location& at) const {
  realize(at);
  std::string text = "needle.TensorTuple(";
  for (const Tensor& element : tensors()) {
    if (text.back() != '(') text += ", ";
    text += element.repr(at);
  }
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  // A stream is not told where it is written to.
  return out << tensor.to_string(std::source_location());
}

std::ostream& operator<<(std::ostream& out, const TensorTuple& tuple) {
  return out << tuple.repr(std::source_location());
}

}  // namespace ndl
