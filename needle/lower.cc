// 1. Walk from the roots to what is realized, depth first, on a stack of our own; note the records
//    in the order in which they can be computed, and the parameters in the order of meeting them.
// 2. Add the parameters, which come first in a graph.
// 3. Add a node for each record, with conversions and broadcasts before it where needed.
#include "needle/lower.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "ir/builder.h"
#include "needle/promote.h"

namespace ndl {
namespace {

class Lowering {
 public:
  Lowering(const LowerOptions& options, Garbage& garbage) : options_(options), garbage_(garbage) {}

  Lowered run(std::span<const RecordRef> roots) {
    for (const RecordRef& parameter : options_.parameters) add_parameter(parameter);
    lowered_.roots.assign(roots.begin(), roots.end());
    for (const RecordRef& root : roots) visit(root);
    for (const RecordRef& source : kept_) {
      if (std::ranges::find(roots, source) == roots.end()) lowered_.roots.push_back(source);
    }
    roots = lowered_.roots;
    ir::Builder b(lowered_.graph);
    for (const RecordRef& input : lowered_.inputs) {
      values_[input.get()] = b.parameter(*input->type);
    }
    if (options_.keeps_records) lowered_.records = lowered_.inputs;
    for (const RecordRef* record : order_) {
      const ir::Value value = add_node(b, **record);
      values_[record->get()] = value;
      if (!options_.keeps_records) continue;
      lowered_.records.resize(b.graph().size());
      // An alias without history says less than what it is an alias of.
      RecordRef& known = lowered_.records[value.id];
      if (!known || (*record)->requires_grad) known = *record;
    }
    b.set_result(roots.size() == 1 ? values_.at(roots[0].get()) : all_elements(b, roots));
    return std::move(lowered_);
  }

 private:
  struct Step {
    const RecordRef* record;
    std::size_t next_input = 0;
  };

  // Whether the number's value is part of the graph's structure.
  bool is_constant(const Record& record) const {
    if (!record.is_scalar) return false;
    if (options_.numbers_are_constants) return true;
    const double value = number(record).as_double(0);
    constexpr std::array kStructural = {0.0, 1.0, -1.0, 2.0, 0.5};
    return std::ranges::find(kStructural, value) != kStructural.end();
  }

  // A number of the program, everywhere in `shape`.
  static ir::Literal number(const Record& record, const ir::Shape& shape = {}) {
    const DType dtype = record.type->dtype();
    return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      T value;
      std::memcpy(&value, record.scalar.data(), sizeof(T));
      return ir::Literal::splat<T>({dtype, shape}, value);
    });
  }

  // Whether the value is there before the graph runs.
  bool is_given(const Record& record) const {
    if (options_.history && (record.is_leaf() || !record.requires_grad)) return true;
    if (options_.through != nullptr && options_.through->contains(&record)) return false;
    return (record.is_realized() && !options_.history) || record.is_placeholder() ||
           record.trace < options_.trace;
  }

  bool is_parameter(const Record& record) const {
    // No parameter is a tuple: in its place stand the elements that are read.
    if (is_constant(record) || record.type->is_tuple()) return false;
    return is_given(record) ||
           (record.op == ir::Op::kGetTupleElement && is_given(*record.inputs.front()));
  }

  void add_parameter(const RecordRef& record) {
    if (values_.try_emplace(record.get()).second) lowered_.inputs.push_back(record);
  }

  void visit(const RecordRef& root) {
    std::vector<Step> stack;
    const auto enter = [&](const RecordRef& record) {
      if (values_.contains(record.get())) return;
      record->resolve(garbage_);
      if (is_parameter(*record)) {
        add_parameter(record);
        return;
      }
      if (options_.keeps && record->is_kept && kept_seen_.insert(record->source.get()).second) {
        kept_.push_back(record->source);
      }
      // The value comes later; from now on the record is known.
      values_.emplace(record.get(), ir::Value{});
      stack.push_back({&record});
    };
    enter(root);
    while (!stack.empty()) {
      Step& step = stack.back();
      const Record& record = **step.record;
      const std::size_t position = step.next_input++;
      if (record.source && position == 0) {
        enter(record.source);
      } else if (position < record.inputs.size()) {
        const RecordRef& input = record.inputs[position];
        // An elementwise op has constants of its own shape.
        const bool is_absorbed = ir::op_def(record.op).is_elementwise() && is_constant(*input);
        if (!is_absorbed) enter(input);
      } else {
        order_.push_back(step.record);
        stack.pop_back();
      }
    }
  }

  ir::Value add_node(ir::Builder& b, const Record& record) {
    if (record.source) return values_.at(record.source.get());
    if (record.is_scalar) return b.constant(number(record));
    const SourceLocation location = to_location(record.location);
    const std::size_t before = b.graph().size();
    std::vector<ir::Value> operands;
    operands.reserve(record.inputs.size());
    const ir::OpDef& def = ir::op_def(record.op);
    if (def.is_elementwise()) {
      add_elementwise_operands(b, def, record, operands);
    } else {
      for (const RecordRef& input : record.inputs) operands.push_back(values_.at(input.get()));
    }
    const ir::Value value = b.add_node(record.op, operands, record.attributes, record.type.get());
    for (std::size_t id = before; id < b.graph().size(); ++id) {
      b.graph().set_location({static_cast<std::uint32_t>(id)}, location);
    }
    return value;
  }

  void add_elementwise_operands(ir::Builder& b, const ir::OpDef& def, const Record& record,
                                std::vector<ir::Value>& operands) {
    const std::size_t first = def.kind == ir::ElementwiseKind::kSelect ? 1 : 0;
    std::array<OperandDType, 3> dtypes;
    const std::size_t count = record.inputs.size();
    for (std::size_t i = 0; i < count; ++i) dtypes[i] = {record.inputs[i]->type->dtype()};
    const DType dtype = elementwise_dtype(def, std::span(dtypes.data() + first, count - first));
    const ir::Shape& shape = record.type->shape();
    for (std::size_t i = 0; i < count; ++i) {
      const Record& input = *record.inputs[i];
      const DType wanted = i < first ? dtypes[i].dtype : dtype;
      if (is_constant(input)) {
        operands.push_back(b.constant(number(input, shape)));
        continue;
      }
      ir::Value operand = values_.at(&input);
      if (b.type(operand).dtype() != wanted) operand = b.convert(operand, wanted);
      if (b.type(operand).shape() != shape) operand = b.broadcast(operand, shape);
      operands.push_back(operand);
    }
  }

  // The tensors of all roots in one tuple.
  ir::Value all_elements(ir::Builder& b, std::span<const RecordRef> roots) {
    std::vector<ir::Value> elements;
    for (const RecordRef& root : roots) {
      const ir::Value value = values_.at(root.get());
      if (!root->type->is_tuple()) {
        elements.push_back(value);
        continue;
      }
      const std::size_t count = root->type->elements().size();
      for (std::size_t i = 0; i < count; ++i) {
        elements.push_back(b.get_tuple_element(value, static_cast<std::int64_t>(i)));
      }
    }
    return b.make_tuple(elements);
  }

  const LowerOptions& options_;
  Garbage& garbage_;
  Lowered lowered_;
  std::unordered_map<const Record*, ir::Value> values_;
  std::vector<const RecordRef*> order_;
  std::vector<RecordRef> kept_;
  std::unordered_set<const Record*> kept_seen_;
};

}  // namespace

Lowered lower(std::span<const RecordRef> roots, Garbage& garbage, const LowerOptions& options) {
  return Lowering(options, garbage).run(roots);
}

}  // namespace ndl
