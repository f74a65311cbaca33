#include "needle/record.h"

#include <cstring>

#include "ir/infer.h"
#include "ir/math/convert.h"
#include "needle/no_grad.h"
#include "needle/trace_scope.h"

namespace ndl {
namespace {

constinit std::atomic<std::int64_t> live{0};

}  // namespace

Record::Record() { live.fetch_add(1, std::memory_order_relaxed); }

Record::~Record() { live.fetch_sub(1, std::memory_order_relaxed); }

std::int64_t live_records() { return live.load(std::memory_order_relaxed); }

RecordRef::RecordRef(const RecordRef& other) : record_(other.record_) {
  if (record_ != nullptr) record_->references_.fetch_add(1, std::memory_order_relaxed);
}

RecordRef::~RecordRef() {
  if (record_ != nullptr) release(record_);
}

void RecordRef::release(Record* record) noexcept {
  // The dead are a list through next_dead_, so freeing them needs neither stack nor memory.
  Record* dead = nullptr;
  const auto drop = [&dead](Record* dropped) {
    // Whoever frees a record must see what other threads wrote there before they let go.
    if (dropped->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    dropped->next_dead_ = dead;
    dead = dropped;
  };
  drop(record);
  while (dead != nullptr) {
    Record* const next = dead;
    dead = next->next_dead_;
    for (RecordRef& input : next->inputs) {
      if (Record* const held = std::exchange(input.record_, nullptr)) drop(held);
    }
    if (Record* const held = std::exchange(next->source.record_, nullptr)) drop(held);
    delete next;
  }
}

bool Record::resolve(Garbage& garbage) {
  // The calls are nested few deep: an alias is no source but across a trace, and reading an element
  // of make_tuple is no op.
  if (is_realized()) return true;
  if (source) {
    if (trace != 0 && trace == current_trace()) return false;
    if (!source->resolve(garbage)) return false;
    storage = source->storage;
    garbage.push_back(std::exchange(source, {}));
  } else if (op == ir::Op::kGetTupleElement) {
    if (!inputs.front()->resolve(garbage)) return false;
    const auto index = static_cast<std::size_t>(attributes.integer(ir::Attr::kIndex));
    storage.push_back(inputs.front()->storage[index]);
  } else if (op == ir::Op::kMakeTuple) {
    std::vector<runtime::Buffer> elements;
    for (const RecordRef& input : inputs) {
      if (!input->resolve(garbage)) return false;
      elements.push_back(input->buffer());
    }
    storage = std::move(elements);
  }
  return is_realized();
}

runtime::BufferView Record::view() const {
  if (!is_scalar) return storage.front().view();
  // Kernels read their inputs; the view has no const because outputs are views too.
  auto* data = const_cast<std::byte*>(scalar.data());
  return {data, static_cast<std::int64_t>(size_of(type->dtype()))};
}

runtime::Buffer Record::buffer() const {
  if (!is_scalar) return storage.front();
  runtime::Buffer copy = runtime::Buffer::allocate(view().bytes);
  std::memcpy(copy.data(), scalar.data(), static_cast<std::size_t>(copy.bytes()));
  return copy;
}

std::mutex& record_mutex() {
  static std::mutex mutex;
  return mutex;
}

SourceLocation to_location(const std::source_location& location) {
  return {location.file_name(), static_cast<int>(location.line()),
          static_cast<int>(location.column())};
}

namespace {

ir::Type infer(ir::Op op, std::span<const ir::Type* const> operands, ir::Attributes& attributes,
               const ir::Type* given, const std::source_location& location) {
  try {
    return ir::infer_type(ir::op_def(op), operands, attributes, given);
  } catch (const Error& error) {
    error.rethrow_at({to_location(location), "", ""});
  }
}

RecordRef make_node(ir::Op op, std::vector<RecordRef> inputs, std::shared_ptr<const ir::Type> type,
                    const std::source_location& location) {
  RecordRef record(new Record);
  record->op = op;
  record->trace = current_trace();
  record->location = location;
  record->type = std::move(type);
  for (const RecordRef& input : inputs) record->requires_grad |= input->requires_grad;
  record->requires_grad &= grad_enabled();
  record->inputs = std::move(inputs);
  return record;
}

// Most ops keep the type of an input; a long chain then holds one.
std::shared_ptr<const ir::Type> shared_type(ir::Type type, std::span<const RecordRef> inputs) {
  for (const RecordRef& input : inputs) {
    if (*input->type == type) return input->type;
  }
  return std::make_shared<const ir::Type>(std::move(type));
}

}  // namespace

RecordRef make_record(ir::Op op, std::vector<RecordRef> inputs, ir::Attributes attributes,
                      const ir::Type* given, std::span<const ir::Type* const> operand_types,
                      const std::source_location& location) {
  ir::Type type = infer(op, operand_types, attributes, given, location);
  std::shared_ptr<const ir::Type> shared = shared_type(std::move(type), inputs);
  RecordRef record = make_node(op, std::move(inputs), std::move(shared), location);
  record->attributes = std::move(attributes);
  return record;
}

RecordRef make_elementwise(ir::Op op, std::vector<RecordRef> inputs,
                           std::shared_ptr<const ir::Type> type,
                           const std::source_location& location) {
  const ir::OpDef& def = ir::op_def(op);
  if (!def.dtypes.contains(type->dtype())) {
    ir::Attributes none;  // inference says what is wrong
    const std::vector<const ir::Type*> types(inputs.size(), type.get());
    infer(op, types, none, nullptr, location);
  }
  if (def.kind == ir::ElementwiseKind::kPredicate || def.kind == ir::ElementwiseKind::kCompare) {
    type = shared_type({DType::kBool, type->shape()}, inputs);
  }
  return make_node(op, std::move(inputs), std::move(type), location);
}

RecordRef make_record(ir::Op op, std::vector<RecordRef> inputs, ir::Attributes attributes,
                      const ir::Type* given, const std::source_location& location) {
  std::vector<const ir::Type*> types;
  types.reserve(inputs.size());
  for (const RecordRef& input : inputs) types.push_back(input->type.get());
  return make_record(op, std::move(inputs), std::move(attributes), given, types, location);
}

RecordRef make_leaf(ir::TensorType type, runtime::Buffer buffer, bool requires_grad) {
  RecordRef record(new Record);
  record->requires_grad = requires_grad;
  record->trace = current_trace();
  record->type = std::make_shared<const ir::Type>(std::move(type));
  if (buffer) record->storage.push_back(std::move(buffer));
  return record;
}

RecordRef make_alias(const RecordRef& record, bool requires_grad, bool is_kept) {
  RecordRef alias(new Record);
  alias->requires_grad = requires_grad;
  alias->is_kept = is_kept;
  alias->trace = current_trace();
  alias->type = record->type;
  if (record->trace < current_trace() && !record->is_scalar) {
    alias->source = record;
    return alias;
  }
  Garbage garbage;
  const std::lock_guard lock(record_mutex());
  if (record->is_scalar) {
    alias->storage.push_back(record->buffer());
  } else if (record->resolve(garbage)) {
    alias->storage = record->storage;
  } else {
    // A source is no alias itself, but for one from outside a trace, so that reading through it is
    // a step or two.
    alias->source = record->source ? record->source : record;
    alias->is_kept |= record->is_kept;
  }
  return alias;
}

namespace {

template <class T>
RecordRef scalar_record(T value, DType dtype) {
  RecordRef record(new Record);
  record->is_scalar = true;
  record->trace = current_trace();
  record->type = std::make_shared<const ir::Type>(dtype, ir::Shape());
  visit_dtype(dtype, [&]<class To>(std::type_identity<To>) {
    const To converted = ir::math::convert_element<To>(value);
    std::memcpy(record->scalar.data(), &converted, sizeof(To));
  });
  return record;
}

}  // namespace

RecordRef make_scalar(double value, DType dtype) { return scalar_record(value, dtype); }
RecordRef make_scalar(std::int64_t value, DType dtype) { return scalar_record(value, dtype); }

}  // namespace ndl
