#include "needle/walk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <variant>

#include "base/error.h"
#include "ir/math/convert.h"

namespace ndl {
namespace {

// Guarded by record_mutex().
std::uint64_t walks = 0;

// Words, one after the other; lists with their lengths before them.
class KeyWriter {
 public:
  void add(std::uint64_t word) { text_.append(reinterpret_cast<const char*>(&word), sizeof word); }
  void add_signed(std::int64_t word) { add(static_cast<std::uint64_t>(word)); }
  void add_pointer(const void* pointer) { add(reinterpret_cast<std::uintptr_t>(pointer)); }

  void add(const ir::TensorType& type) {
    add((type.shape.rank() << 8) | static_cast<std::uint64_t>(type.dtype));
    for (const std::int64_t extent : type.shape) add_signed(extent);
  }
  void add(const ir::Type& type) {
    add((type.elements().size() << 1) | static_cast<std::uint64_t>(type.is_tuple()));
    for (const ir::TensorType& element : type.elements()) add(element);
  }

  void add(const ir::AttrValue& value) {
    add(value.index());
    std::visit(
        [&]<class T>(const T& x) {
          if constexpr (std::is_same_v<T, std::int64_t>) {
            add_signed(x);
          } else if constexpr (std::is_same_v<T, ir::Region>) {
            add_pointer(x.get());  // see Walk::regions()
          } else if constexpr (std::is_same_v<T, ir::Literal>) {
            const ir::Literal dense = x.dense();
            add(dense.type());
            text_.append(reinterpret_cast<const char*>(dense.bytes()),
                         static_cast<std::size_t>(dense.type().bytes()));
          } else {
            add(x.size());
            for (const auto element : x) add_bits(element);
          }
        },
        value);
  }
  void add(const ir::Attributes& attributes) {
    for (const auto& [name, value] : attributes) {
      add(static_cast<std::uint64_t>(name) + 1);
      add(value);
    }
    add(std::uint64_t{0});
  }

  void add(const std::source_location& location) {
    add_pointer(location.file_name());
    add((static_cast<std::uint64_t>(location.line()) << 32) | location.column());
  }

  void add_number(const Record& record) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, record.scalar.data(), size_of(record.type->dtype()));
    add(static_cast<std::uint64_t>(record.type->dtype()));
    add(bits);
  }

  std::string take() { return std::move(text_); }

 private:
  template <class T>
  void add_bits(T value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    add(bits);
  }

  std::string text_;
};

double value_of(const Record& number) {
  return visit_dtype(number.type->dtype(), [&]<class T>(std::type_identity<T>) {
    T value;
    std::memcpy(&value, number.scalar.data(), sizeof(T));
    return ir::math::convert_element<double>(value);
  });
}

}  // namespace

Walk::Walk(std::span<const RecordRef> roots, Garbage& garbage, const WalkOptions& options)
    : options_(options), id_(++walks), roots_(roots.begin(), roots.end()) {
  for (const RecordRef& parameter : options_.parameters) {
    if (!is_known(*parameter)) add_input(parameter);
  }
  std::unordered_set<const Record*> kept_seen;
  for (const RecordRef& root : roots) visit(root, kept_seen, garbage);
  for (RecordRef& source : kept_) {
    if (std::ranges::find(roots, source) == roots.end()) roots_.push_back(std::move(source));
  }
  kept_.clear();
}

std::int32_t Walk::number(const Record& record) const {
  NDL_CHECK(is_known(record), "a record that is not on the way");
  return record.number;
}

bool Walk::is_constant(const Record& record) const {
  if (!record.is_scalar) return false;
  if (options_.numbers_are_constants) return true;
  constexpr std::array kStructural = {0.0, 1.0, -1.0, 2.0, 0.5};
  return std::ranges::find(kStructural, value_of(record)) != kStructural.end();
}

// Whether the value is there before the graph runs.
bool Walk::is_given(const Record& record) const {
  if (options_.history && (record.is_leaf() || !record.requires_grad)) return true;
  if (options_.through != nullptr && options_.through->contains(&record)) return false;
  return (record.is_realized() && !options_.history) || record.is_placeholder() ||
         record.trace < options_.trace;
}

bool Walk::is_input(const Record& record) const {
  // No input is a tuple: in its place stand the elements that are read.
  if (is_constant(record) || record.type->is_tuple()) return false;
  return is_given(record) ||
         (record.op == ir::Op::kGetTupleElement && is_given(*record.inputs.front()));
}

void Walk::add_input(const RecordRef& record) {
  record->walk = id_;
  record->number = ~static_cast<std::int32_t>(inputs_.size());
  inputs_.push_back(record);
}

void Walk::visit(const RecordRef& root, std::unordered_set<const Record*>& kept_seen,
                 Garbage& garbage) {
  struct Step {
    const RecordRef* record;
    std::size_t next_input = 0;
  };
  std::vector<Step> stack;
  const auto enter = [&](const RecordRef& record) {
    if (is_known(*record)) return;
    record->resolve(garbage);
    if (is_input(*record)) {
      add_input(record);
      return;
    }
    if (options_.keeps && record->is_kept && kept_seen.insert(record->source.get()).second) {
      kept_.push_back(record->source);
    }
    record->walk = id_;  // its number comes later
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
      record.number = static_cast<std::int32_t>(nodes_.size());
      nodes_.push_back(step.record);
      stack.pop_back();
    }
  }
}

std::vector<ir::Region> Walk::regions() const {
  std::vector<ir::Region> regions;
  for (const RecordRef* node : nodes_) {
    for (const auto& [name, value] : (*node)->attributes) {
      if (const auto* region = std::get_if<ir::Region>(&value)) regions.push_back(*region);
    }
  }
  return regions;
}

std::string Walk::key() const {
  KeyWriter key;
  key.add((std::uint64_t{options_.history} << 2) |
          (std::uint64_t{options_.numbers_are_constants} << 1) | std::uint64_t{options_.keeps});
  key.add(options_.parameters.size());
  key.add(inputs_.size());
  for (const RecordRef& input : inputs_) {
    key.add(std::uint64_t{input->requires_grad});
    key.add(*input->type);
  }
  key.add(nodes_.size());
  for (const RecordRef* node : nodes_) {
    const Record& record = **node;
    key.add((static_cast<std::uint64_t>(record.op) << 4) |
            (std::uint64_t{record.requires_grad} << 3) |
            (std::uint64_t{!options_.history && record.is_realized()} << 2) |
            (std::uint64_t{record.is_scalar} << 1) |
            static_cast<std::uint64_t>(static_cast<bool>(record.source)));
    key.add(*record.type);
    if (record.source) {
      key.add_signed(record.source->number);
      continue;
    }
    if (record.is_scalar) {
      key.add_number(record);
      continue;
    }
    key.add(record.attributes);
    key.add(record.location);
    key.add(record.inputs.size());
    for (const RecordRef& input : record.inputs) {
      const bool is_absorbed = !is_known(*input);
      key.add(std::uint64_t{is_absorbed});
      if (is_absorbed) {
        key.add_number(*input);
      } else {
        key.add_signed(input->number);
      }
    }
  }
  key.add(roots_.size());
  for (const RecordRef& root : roots_) key.add_signed(number(*root));
  return key.take();
}

}  // namespace ndl
