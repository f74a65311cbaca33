// Records: what the user's program did, node by node, as it was written.
//
// A record is one op with its attributes and inputs, the type of its result and the line of the
// user's program. It is never folded or merged. Its result is computed when somebody asks for it
// (needle/realize.h) and then hangs on it as buffers.
//
// What a record says of the program does not change: another value for a tensor is another record.
// Only `storage`, what realizing drops (`inputs`, `source`) and the marks of walks change, under
// record_mutex().
//
// A leaf holds data instead of an op: bytes, a scalar of the program, the data of another record
// (`source`), or, as an argument of a function that is being traced, nothing yet.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>
#include <span>
#include <utility>
#include <vector>

#include "base/source_location.h"
#include "ir/attributes.h"
#include "ir/op.h"
#include "ir/type.h"
#include "runtime/buffer.h"

namespace ndl {

class Record;
struct Variable;

// A counted reference to a record; an empty one refers to none. The last one frees the record and
// whatever only that record held, in a loop: a chain of a million ops dies without recursion.
class RecordRef {
 public:
  RecordRef() = default;
  // Takes over the reference that a new record is born with.
  explicit RecordRef(Record* record) : record_(record) {}
  RecordRef(const RecordRef& other);
  RecordRef(RecordRef&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  RecordRef& operator=(RecordRef other) noexcept {
    std::swap(record_, other.record_);
    return *this;
  }
  ~RecordRef();

  explicit operator bool() const { return record_ != nullptr; }
  Record* get() const { return record_; }
  Record* operator->() const { return record_; }
  Record& operator*() const { return *record_; }
  bool operator==(const RecordRef&) const = default;

 private:
  static void release(Record* record) noexcept;

  Record* record_ = nullptr;
};

// References that are let go of under record_mutex(), and freed when it is no longer held.
using Garbage = std::vector<RecordRef>;

class Record {
 public:
  ir::Op op = ir::Op::kParameter;  // kParameter: a leaf
  bool requires_grad = false;
  bool is_scalar = false;  // a number of the program, in `scalar`
  // A leaf with a source that is computed once: a program that needs the data gives it as a result,
  // too. Else a tensor that is rebound in each step of a loop would drag all steps along.
  bool is_kept = false;
  // The trace during which it was made, 0 for none; see needle/trace.h.
  std::uint32_t trace = 0;
  std::source_location location;
  std::shared_ptr<const ir::Type> type;
  ir::Attributes attributes;
  std::vector<RecordRef> inputs;
  RecordRef source;

  // One buffer for each element of the type, dense and row-major; empty while pending.
  std::vector<runtime::Buffer> storage;
  alignas(8) std::array<std::byte, 8> scalar{};

  // The last walk (needle/walk.h) that came here, and the place that it gave.
  mutable std::uint64_t walk = 0;
  mutable std::int32_t number = 0;

  // The tensor whose value this is or was, while it lives.
  std::weak_ptr<Variable> variable;

  bool is_leaf() const { return op == ir::Op::kParameter; }
  bool is_realized() const { return is_scalar || !storage.empty(); }
  // Takes over data that is there already: that of an alias's source, an element of a realized
  // tuple, or the elements of make_tuple. Whether the record is realized then. A source that has
  // been read is let go of into `garbage`. An alias made in the trace in progress is not: it stands
  // for the tensor, not for the data of today. The caller holds record_mutex().
  bool resolve(Garbage& garbage);
  // Whether a gradient can be taken with respect to it: a tensor of floats that requires one.
  bool is_differentiable() const {
    return requires_grad && !type->is_tuple() && is_float(type->dtype());
  }
  // An argument of a traced function: there is no data to ask for.
  bool is_placeholder() const { return is_leaf() && !source && !is_realized(); }
  // How many references there are to it, at least for a moment.
  std::uint32_t references() const { return references_.load(std::memory_order_acquire); }
  // The bytes of a realized tensor.
  runtime::BufferView view() const;
  // The same as a buffer; a copy if it is a number of the program.
  runtime::Buffer buffer() const;

  Record();
  ~Record();
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

 private:
  friend class RecordRef;

  std::atomic<std::uint32_t> references_{1};
  Record* next_dead_ = nullptr;
};

// Guards what realizing changes in records. Held for short times only, never while compiling,
// running or freeing.
std::mutex& record_mutex();

// How many records there are in this process: what pending work, history and data hold.
std::int64_t live_records();

SourceLocation to_location(const std::source_location& location);

// The record of `op` on `inputs`: infers the type, completes the attributes and requires a gradient
// if an input does, unless recording is off (needle/no_grad.h). `operand_types`
// stand for those of the inputs where lowering converts or broadcasts them; else they are the
// inputs' own. `given` is the result type for ops that write it. Throws what inference throws, with
// the user's line.
RecordRef make_record(ir::Op op, std::vector<RecordRef> inputs, ir::Attributes attributes,
                      const ir::Type* given, std::span<const ir::Type* const> operand_types,
                      const std::source_location& location);
RecordRef make_record(ir::Op op, std::vector<RecordRef> inputs, ir::Attributes attributes,
                      const ir::Type* given, const std::source_location& location);

// The record of an elementwise op on elements of `type`, to which lowering broadcasts and converts
// the inputs (but for a mask, which is bool): its result is of that type, or of bools.
RecordRef make_elementwise(ir::Op op, std::vector<RecordRef> inputs,
                           std::shared_ptr<const ir::Type> type,
                           const std::source_location& location);

// A leaf of one buffer, or without data if `buffer` is empty.
RecordRef make_leaf(ir::TensorType type, runtime::Buffer buffer, bool requires_grad);
// A leaf with the data that `record`, a tensor, has or will have; see Record::is_kept.
RecordRef make_alias(const RecordRef& record, bool requires_grad, bool is_kept = false);
// A number of the program, converted to `dtype`.
RecordRef make_scalar(double value, DType dtype);
RecordRef make_scalar(std::int64_t value, DType dtype);

}  // namespace ndl
