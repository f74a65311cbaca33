#include "needle/raise.h"

#include <cstring>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "ir/literal.h"

namespace ndl {
namespace {

class Raising {
 public:
  Raising(const ir::Graph& graph, std::vector<RecordRef> known)
      : graph_(graph), records_(std::move(known)) {
    for (const RecordRef& record : records_) {
      if (record && record->location.line() != 0) {
        locations_.try_emplace(key_of(to_location(record->location)), record->location);
      }
    }
    records_.resize(graph.size());
  }

  std::vector<RecordRef> run(std::span<const ir::Value> roots) {
    std::vector<bool> is_needed(graph_.size());
    for (const ir::Value root : roots) is_needed[root.id] = true;
    for (auto id = static_cast<std::uint32_t>(graph_.size()); id-- > 0;) {
      if (!is_needed[id] || records_[id]) continue;
      for (const ir::Value operand : graph_.operands({id})) is_needed[operand.id] = true;
    }
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      // A constant is made where it is used.
      const bool is_constant = graph_.op({id}) == ir::Op::kConstant;
      if (is_needed[id] && !records_[id] && !is_constant) records_[id] = record_of({id});
    }
    std::vector<RecordRef> result;
    for (const ir::Value root : roots) result.push_back(operand(root, true));
    return result;
  }

 private:
  using Key = std::tuple<std::string, int, int>;
  static Key key_of(const SourceLocation& location) {
    return {location.file, location.line, location.column};
  }

  std::source_location location(ir::Value value) const {
    const auto known = locations_.find(key_of(graph_.location(value)));
    return known == locations_.end() ? std::source_location() : known->second;
  }

  // A number of the program, everywhere in the type if a full operand is asked for. Elementwise ops
  // broadcast.
  RecordRef operand(ir::Value value, bool is_full) {
    if (graph_.op(value) != ir::Op::kConstant || records_[value.id]) return records_[value.id];
    const ir::Literal& literal = graph_.attributes(value).literal(ir::Attr::kValue);
    if (!literal.is_splat()) {
      runtime::Buffer buffer = runtime::Buffer::allocate(literal.type().bytes());
      if (literal.size() > 0) std::memcpy(buffer.data(), literal.bytes(), buffer.bytes());
      return records_[value.id] = make_leaf(literal.type(), std::move(buffer), false);
    }
    const RecordRef number = visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
      if constexpr (std::is_integral_v<T>) {
        return make_scalar(static_cast<std::int64_t>(literal.at<T>(0)), literal.dtype());
      } else {
        return make_scalar(literal.as_double(0), literal.dtype());
      }
    });
    if (!is_full || literal.shape().rank() == 0) return number;
    const ir::Type& type = graph_.type(value);
    return make_record(ir::Op::kBroadcast, {number}, {}, &type, location(value));
  }

  RecordRef record_of(ir::Value value) {
    const ir::OpDef& def = graph_.def(value);
    NDL_CHECK(def.op != ir::Op::kParameter, "parameter %{} is no record", value.id);
    std::vector<RecordRef> inputs;
    std::vector<const ir::Type*> types;
    for (const ir::Value input : graph_.operands(value)) {
      inputs.push_back(operand(input, !def.is_elementwise()));
      types.push_back(&graph_.type(input));
    }
    const ir::Type* given = def.type_given ? &graph_.type(value) : nullptr;
    return make_record(def.op, std::move(inputs), graph_.attributes(value), given, types,
                       location(value));
  }

  const ir::Graph& graph_;
  std::vector<RecordRef> records_;
  std::map<Key, std::source_location> locations_;
};

}  // namespace

std::vector<RecordRef> raise(const ir::Graph& graph, std::span<const ir::Value> roots,
                             std::vector<RecordRef> known) {
  return Raising(graph, std::move(known)).run(roots);
}

}  // namespace ndl
