#include "needle/lower.h"

#include <array>
#include <cstring>

#include "base/error.h"
#include "ir/builder.h"
#include "needle/promote.h"

namespace ndl {
namespace {

// A number of the program, everywhere in `shape`.
ir::Literal literal_of(const Record& number, const ir::Shape& shape = {}) {
  const DType dtype = number.type->dtype();
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    T value;
    std::memcpy(&value, number.scalar.data(), sizeof(T));
    return ir::Literal::splat<T>({dtype, shape}, value);
  });
}

class Lowering {
 public:
  explicit Lowering(const Walk& walk) : walk_(walk) {}

  // Parameters come first in a graph; then a node for each record, with conversions and broadcasts
  // before it where needed.
  Lowered run() {
    lowered_.roots = walk_.roots();
    lowered_.inputs = walk_.inputs();
    lowered_.records = walk_.inputs();
    ir::Builder b(lowered_.graph);
    for (const RecordRef& input : walk_.inputs()) b.parameter(*input->type);
    for (const RecordRef* record : walk_.nodes()) {
      const ir::Value value = add_node(b, **record);
      values_.push_back(value);
      lowered_.records.resize(b.graph().size());
      // An alias without history says less than what it is an alias of.
      RecordRef& known = lowered_.records[value.id];
      if (!known || (*record)->requires_grad) known = *record;
    }
    const std::vector<RecordRef>& roots = walk_.roots();
    b.set_result(roots.size() == 1 ? value_of(*roots[0]) : all_elements(b, roots));
    return std::move(lowered_);
  }

 private:
  ir::Value value_of(const Record& record) const {
    const std::int32_t number = walk_.number(record);
    if (number < 0) return {static_cast<std::uint32_t>(~number)};
    return values_[static_cast<std::size_t>(number)];
  }

  ir::Value add_node(ir::Builder& b, const Record& record) {
    if (record.source) return value_of(*record.source);
    if (record.is_scalar) return b.constant(literal_of(record));
    const SourceLocation location = to_location(record.location);
    const std::size_t before = b.graph().size();
    std::vector<ir::Value> operands;
    operands.reserve(record.inputs.size());
    const ir::OpDef& def = ir::op_def(record.op);
    if (def.is_elementwise()) {
      add_elementwise_operands(b, def, record, operands);
    } else {
      for (const RecordRef& input : record.inputs) operands.push_back(value_of(*input));
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
      if (walk_.is_constant(input)) {
        operands.push_back(b.constant(literal_of(input, shape)));
        continue;
      }
      ir::Value operand = value_of(input);
      if (b.type(operand).dtype() != wanted) operand = b.convert(operand, wanted);
      if (b.type(operand).shape() != shape) operand = b.broadcast(operand, shape);
      operands.push_back(operand);
    }
  }

  // The tensors of all roots in one tuple.
  ir::Value all_elements(ir::Builder& b, std::span<const RecordRef> roots) {
    std::vector<ir::Value> elements;
    for (const RecordRef& root : roots) {
      const ir::Value value = value_of(*root);
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

  const Walk& walk_;
  Lowered lowered_;
  std::vector<ir::Value> values_;  // of the nodes of the walk
};

}  // namespace

Lowered lower(const Walk& walk) { return Lowering(walk).run(); }

Lowered lower(std::span<const RecordRef> roots, Garbage& garbage, const WalkOptions& options) {
  return lower(Walk(roots, garbage, options));
}

}  // namespace ndl
