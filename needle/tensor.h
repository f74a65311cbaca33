// Tensors: handles to values that are recorded now and computed when somebody asks for them.
//
//   Tensor w({1, 2, 3});                    // f32[3], requires a gradient
//   Tensor y = 1 - exp(w) * 0.5;            // recorded; nothing has run
//   std::cout << y << '\n';                 // compiles what y needs, runs it, prints as numpy does
//
// Copies of a handle are one tensor: set_data() on one is seen by all. What was recorded before
// keeps the value it was recorded with.
//
// Threads: any number may record on, realize, read, copy and let go of one tensor at the same time,
// through one handle or several; what is pending may be computed by more than one of them, to the
// same bits. While one calls set_data(), no other uses that tensor; while one assigns to a handle,
// no other uses that handle. Tracing, jit and no_grad are states of the thread that is in them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/convert_elements.h"
#include "ir/literal.h"
#include "needle/axes.h"
#include "needle/index.h"
#include "needle/number.h"
#include "needle/record.h"

namespace ndl {

class Operand;
class Tensor;
class TensorTuple;

// What all handles to one tensor share.
struct Variable {
  RecordRef value;
  RecordRef grad;  // empty until backward() comes here
  // For the result of an op: what backward() was called on, and with what, until grad() is asked
  // for. Records do not hold variables, so there is no cycle.
  RecordRef differentiated;
  RecordRef out_grad;
};

// Says that nobody else has seen a record yet, so that no lock is needed.
struct NewRecord {};
inline constexpr NewRecord kNewRecord;

// A handle to a tensor or a tuple of tensors.
class Value {
 public:
  explicit Value(const RecordRef& record);
  Value(RecordRef record, NewRecord);

  // The op whose result this is, by its name in docs/ops.md or that of a custom_op, as it was
  // written. "" for a leaf, and for a result that needs no gradient: such a result keeps no
  // history.
  std::string_view op() const;
  // The operands of that op as they were written; none where op() is "".
  std::vector<Value> inputs() const;
  // Whether it keeps history and, if it has floats, gradients flow to it. True for a result if it
  // is for an operand, unless recording was off (needle/no_grad.h).
  bool requires_grad() const { return record()->requires_grad; }
  // Where in the program the op was written; line 0 for a leaf.
  SourceLocation location() const;

  bool is_tuple() const { return record()->type->is_tuple(); }
  const ir::Type& type() const { return *record()->type; }
  // This as what it is; throws DTypeError for the other kind.
  Tensor tensor(const std::source_location& at = std::source_location::current()) const;
  TensorTuple tuple(const std::source_location& at = std::source_location::current()) const;

  // Whether both are handles to one tensor.
  bool is(const Value& other) const { return variable_ == other.variable_; }

  // Computes the data, once. Several values together: needle/realize.h.
  void realize(const std::source_location& at = std::source_location::current()) const;
  // Whether the data is there: asking for it computes nothing.
  bool is_realized() const;

  const RecordRef& record() const { return variable_->value; }
  const std::shared_ptr<Variable>& variable() const { return variable_; }

 protected:
  // Every handle to `record` by way of this is the same tensor.
  static std::shared_ptr<Variable> variable_of(const RecordRef& record);

  std::shared_ptr<Variable> variable_;

 private:
  void require_kind(bool is_it, std::string_view asked, std::string_view found,
                    const std::source_location& at) const;
};

struct TensorOptions {
  std::optional<DType> dtype = std::nullopt;  // nothing: that of the values
  bool requires_grad = true;
};

class Tensor : public Value {
 public:
  // f32 unless the options say otherwise: f32[3], f32[2,3], f32[1,2,3]. Ragged lists throw
  // ShapeError. A column is written with its shape, Tensor({1, 2}, {2, 1}): C++ cannot tell
  // {{1}, {2}} from {1, 2}.
  Tensor(std::initializer_list<float> values, TensorOptions options = {});
  Tensor(std::initializer_list<std::initializer_list<float>> rows, TensorOptions options = {},
         const std::source_location& at = std::source_location::current());
  Tensor(std::initializer_list<std::initializer_list<std::initializer_list<float>>> matrices,
         TensorOptions options = {},
         const std::source_location& at = std::source_location::current());
  // Row-major values of that shape; throws ShapeError if their number is another.
  Tensor(std::initializer_list<float> values, const ir::Shape& shape, TensorOptions options = {},
         const std::source_location& at = std::source_location::current());
  template <class T>
  Tensor(std::span<const T> values, const ir::Shape& shape, TensorOptions options = {},
         const std::source_location& at = std::source_location::current())
      : Tensor(from_span(values, shape, at), options) {}
  template <class T>
  Tensor(const std::vector<T>& values, const ir::Shape& shape, TensorOptions options = {},
         const std::source_location& at = std::source_location::current())
      : Tensor(from_vector(values, shape, at), options) {}
  template <class T>
  explicit Tensor(const std::vector<T>& values, TensorOptions options = {})
      : Tensor(values, ir::Shape({std::ssize(values)}), options) {}
  explicit Tensor(const ir::Literal& value, TensorOptions options = {});
  explicit Tensor(const RecordRef& record) : Value(record) {}
  Tensor(RecordRef record, NewRecord) : Value(std::move(record), kNewRecord) {}

  // A tensor of rank 0; i32, bool or f32 by the kind of number, unless the options say otherwise.
  // Throws DTypeError for a number that an integer dtype does not hold.
  template <class T>
    requires std::integral<T> || std::floating_point<T>
  static Tensor scalar(T value, const TensorOptions& options = {},
                       const std::source_location& at = std::source_location::current()) {
    return scalar_of(Number(value), options, at);
  }

  const ir::Shape& shape() const { return type().shape(); }
  DType dtype() const { return type().dtype(); }
  std::size_t rank() const { return shape().rank(); }
  std::int64_t size() const { return shape().num_elements(); }

  // The same data without history, not requiring a gradient. Shares the bytes.
  Tensor detach() const;
  Tensor data() const { return detach(); }
  // From now on this tensor, a leaf, has the data of `value`, which has its dtype; any shape. It
  // keeps requires_grad. Nothing is copied, and nothing is computed now. Throws DTypeError, and
  // TraceError in a function that is being traced, but for jit(), for a tensor from outside it.
  void set_data(const Tensor& value,
                const std::source_location& at = std::source_location::current());

  // From now on this tensor, a leaf, has its data converted to `dtype`, of floats if it has floats.
  // Throws as set_data() does.
  void set_dtype(DType dtype, const std::source_location& at = std::source_location::current());

  // Gives every tensor that this one was computed from, requires a gradient and that the program
  // still holds its grad(): the derivative of this one, each element weighted by `out_grad`, which
  // has this tensor's type; 1 everywhere if left out. Nothing is computed now. A grad() that was
  // there is replaced, not added to. Throws GradientError if this tensor requires no gradient or
  // was computed from a value that set_data() has replaced since.
  void backward(const std::source_location& at = std::source_location::current()) const;
  void backward(const Tensor& out_grad,
                const std::source_location& at = std::source_location::current()) const;
  // What backward() has left here: a tensor of this one's type with a history of its own, so that
  // gradients have gradients. Throws GradientError if there is none.
  Tensor grad(const std::source_location& at = std::source_location::current()) const;
  bool has_grad() const { return variable_->grad || variable_->differentiated; }
  // Throws TraceError in a function that is being traced, but for jit(), for a tensor from outside
  // it.
  void reset_grad(const std::source_location& at = std::source_location::current());

  // The data, computed if need be. All throw what computing throws, and TraceError while a function
  // is being traced.
  ir::Literal to_literal(const std::source_location& at = std::source_location::current()) const;
  // Row-major elements, converted to T as `convert` does.
  template <class T>
  std::vector<T> to_vector(const std::source_location& at = std::source_location::current()) const {
    const ir::Literal literal = ir::converted(to_literal(at), dtype_of<T>);
    return std::vector<T>(literal.data<T>(), literal.data<T>() + literal.size());
  }
  // The only element; throws ShapeError if there are others.
  template <class T = float>
  T item(const std::source_location& at = std::source_location::current()) const {
    require_one_element(at);
    return to_vector<T>(at).front();
  }
  // As numpy prints an array: "[0.4999999 1.4999999 2.5000005]".
  std::string to_string(const std::source_location& at = std::source_location::current()) const;
  // "needle.Tensor([0.4999999 1.4999999 2.5000005])"
  std::string repr(const std::source_location& at = std::source_location::current()) const;

  // numpy's basic indexing, see needle/index.h. Throws IndexError for an integer that is out of
  // range, ShapeError for what does not fit the rank.
  Tensor operator[](const Indices& indices) const;

  // Ops as methods; the functions of needle/shaping.h and needle/reduction.h with these names say
  // more.
  Tensor reshape(ir::Dims shape,
                 const std::source_location& at = std::source_location::current()) const;
  Tensor broadcast_to(const ir::Shape& shape,
                      const std::source_location& at = std::source_location::current()) const;
  Tensor transpose(const std::source_location& at = std::source_location::current()) const;
  Tensor transpose(ir::Dims permutation,
                   const std::source_location& at = std::source_location::current()) const;
  Tensor astype(DType dtype,
                const std::source_location& at = std::source_location::current()) const;
  Tensor sum(const Axes& axes = {}, bool keepdims = false,
             const std::source_location& at = std::source_location::current()) const;
  Tensor mean(const Axes& axes = {}, bool keepdims = false,
              const std::source_location& at = std::source_location::current()) const;
  Tensor max(const Axes& axes = {}, bool keepdims = false,
             const std::source_location& at = std::source_location::current()) const;
  Tensor min(const Axes& axes = {}, bool keepdims = false,
             const std::source_location& at = std::source_location::current()) const;
  Tensor prod(const Axes& axes = {}, bool keepdims = false,
              const std::source_location& at = std::source_location::current()) const;

  // The functions of the same names; numpy's broadcasting and needle/promote.h. There is no ==,
  // which could mean this or is(): write eq(a, b).
  friend Tensor operator+(const Operand& a, const Operand& b);
  friend Tensor operator-(const Operand& a, const Operand& b);
  friend Tensor operator*(const Operand& a, const Operand& b);
  friend Tensor operator/(const Operand& a, const Operand& b);
  friend Tensor operator-(const Operand& a);
  friend Tensor operator<(const Operand& a, const Operand& b);
  friend Tensor operator<=(const Operand& a, const Operand& b);
  friend Tensor operator>(const Operand& a, const Operand& b);
  friend Tensor operator>=(const Operand& a, const Operand& b);

 private:
  template <class T>
  static ir::Literal from_span(std::span<const T> values, const ir::Shape& shape,
                               const std::source_location& at) {
    require_size(values.size(), shape, at);
    return ir::Literal::dense(shape, values);
  }
  template <class T>
  static ir::Literal from_vector(const std::vector<T>& values, const ir::Shape& shape,
                                 const std::source_location& at) {
    if constexpr (std::same_as<T, bool>) {
      // Its elements have no addresses.
      const std::unique_ptr<bool[]> copy(new bool[values.size()]);
      std::ranges::copy(values, copy.get());
      return from_span(std::span<const bool>(copy.get(), values.size()), shape, at);
    } else {
      return from_span(std::span<const T>(values), shape, at);
    }
  }
  static Tensor scalar_of(const Number& number, const TensorOptions& options,
                          const std::source_location& at);
  static void require_size(std::size_t count, const ir::Shape& shape,
                           const std::source_location& at);
  void require_one_element(const std::source_location& at) const;
  void rebind(const char* name, const Tensor& value, const std::source_location& at);
};

// A position in a tuple, from the end if negative, and where the program names it.
struct TupleIndex {
  template <std::integral T>
  TupleIndex(T index, const std::source_location& at = std::source_location::current())
      : index(static_cast<std::int64_t>(index)), at(at) {}
  std::int64_t index;
  std::source_location at;
};

// Several tensors that one op gives.
class TensorTuple : public Value {
 public:
  explicit TensorTuple(const RecordRef& record) : Value(record) {}

  std::size_t size() const { return type().elements().size(); }
  // Element `index`: the result of the op get_tuple_element, but of a tuple that make_tuple() made
  // the element itself. Throws IndexError.
  Tensor operator[](const TupleIndex& index) const;
  std::vector<Tensor> tensors(
      const std::source_location& at = std::source_location::current()) const;

  // The same data without history.
  TensorTuple detach() const;

  // "needle.TensorTuple(needle.Tensor([2.]), needle.Tensor([3.]))"
  std::string repr(const std::source_location& at = std::source_location::current()) const;
};

// to_string(), as Python's print().
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);
// repr()
std::ostream& operator<<(std::ostream& out, const TensorTuple& tuple);

}  // namespace ndl

template <std::derived_from<ndl::Tensor> T>
struct fmt::formatter<T> : fmt::formatter<std::string_view> {
  auto format(const ndl::Tensor& tensor, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(tensor.to_string(std::source_location()),
                                                    context);
  }
};

template <>
struct fmt::formatter<ndl::TensorTuple> : fmt::formatter<std::string_view> {
  auto format(const ndl::TensorTuple& tuple, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(tuple.repr(std::source_location()), context);
  }
};
