// What holds for every op: arity, attribute schemas, allowed dtypes. And the elementwise rule.
#include "ir/infer.h"

#include <algorithm>

#include "base/text.h"
#include "ir/graph.h"

namespace ndl::ir {
namespace {

std::string_view describe(AttrKind kind) {
  switch (kind) {
    case AttrKind::kInteger:
      return "an integer";
    case AttrKind::kIntegers:
      return "a list of integers";
    case AttrKind::kBoolean:
      return "true or false";
    case AttrKind::kDType:
      return "a dtype";
    case AttrKind::kSymbol:
      return "a word";
    case AttrKind::kScalars:
      return "a list of numbers";
    case AttrKind::kLiteral:
      return "a literal";
    case AttrKind::kRegion:
      return "a region";
  }
  return "";
}

bool holds_kind(const AttrValue& value, AttrKind kind) {
  switch (kind) {
    case AttrKind::kInteger:
    case AttrKind::kBoolean:
    case AttrKind::kDType:
    case AttrKind::kSymbol:
      return std::holds_alternative<std::int64_t>(value);
    case AttrKind::kIntegers:
      return std::holds_alternative<Dims>(value);
    case AttrKind::kScalars:
      return std::holds_alternative<std::vector<double>>(value);
    case AttrKind::kLiteral:
      return std::holds_alternative<Literal>(value);
    case AttrKind::kRegion:
      return std::holds_alternative<Region>(value);
  }
  return false;
}

// What stands for an optional attribute that was left out. A list gets its length, and a dtype its
// value, from the op's own rule.
AttrValue fallback_of(const AttrDef& attr) {
  if (attr.kind == AttrKind::kIntegers) return Dims{};
  if (attr.kind == AttrKind::kDType) return std::int64_t{-1};
  return attr.fallback;
}

// Every attribute is known, of its kind, and in the order of the schema.
void complete_attributes(const Inference& in) {
  Attributes ordered;
  for (const AttrDef& attr : in.def.attributes) {
    const AttrValue* value = in.attributes.find(attr.name);
    if (value == nullptr) {
      if (!attr.optional) {
        in.fail<VerifyError>("attribute '{}' is missing; it is {}", name_of(attr.name),
                             describe(attr.kind));
      }
      ordered.set(attr.name, fallback_of(attr));
      continue;
    }
    if (!holds_kind(*value, attr.kind)) {
      in.fail<VerifyError>("attribute '{}' must be {}", name_of(attr.name), describe(attr.kind));
    }
    const auto* number = std::get_if<std::int64_t>(value);
    const auto in_range = [&](std::int64_t end) { return *number >= 0 && *number < end; };
    if ((attr.kind == AttrKind::kSymbol &&
         !in_range(static_cast<std::int64_t>(attr.symbols.size()))) ||
        (attr.kind == AttrKind::kDType && *number != -1 && !in_range(kDTypeCount))) {
      in.fail<VerifyError>("attribute '{}' has no meaning for {}", name_of(attr.name), *number);
    }
    ordered.set(attr.name, *value);
  }
  for (const auto& [name, value] : in.attributes) {
    if (ordered.find(name) == nullptr) {
      in.fail<VerifyError>("there is no attribute '{}'", name_of(name));
    }
  }
  in.attributes = std::move(ordered);
}

void check_operands(const Inference& in) {
  const std::size_t expected = in.def.min_operands;
  const std::size_t count = in.operands.size();
  if (in.def.variadic ? count < expected : count != expected) {
    in.fail<VerifyError>("takes {}{} operand{}, got {}", in.def.variadic ? "at least " : "",
                         expected, expected == 1 ? "" : "s", count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const bool wants_tuple = in.def.op == Op::kGetTupleElement;
    if (in.operands[i]->is_tuple() != wants_tuple) {
      in.fail<VerifyError>("operand {} is {}; expected a {}", i, in.operands[i]->to_string(),
                           wants_tuple ? "tuple" : "tensor");
    }
  }
}

void check_dtype(const Inference& in, DType dtype) {
  if (in.def.dtypes.contains(dtype)) return;
  in.fail<DTypeError>("{} is not allowed; allowed are: {}", name_of(dtype),
                      in.def.dtypes.to_string());
}

}  // namespace

Type infer_type(const OpDef& def, std::span<const Type* const> operands, Attributes& attributes,
                const Type* given) {
  Inference in{def, operands, attributes, given};
  check_operands(in);
  complete_attributes(in);
  const bool mask_first = def.is_elementwise() && def.kind == ElementwiseKind::kSelect;
  if (!operands.empty() && def.op != Op::kGetTupleElement) {
    check_dtype(in, in.dtype(mask_first ? 1 : 0));
  }
  if (def.type_given && given == nullptr) {
    in.fail<VerifyError>("the result type must be written, as in ': f32[2,3]'");
  }
  Type result = def.infer(in);
  if (operands.empty() && !result.is_tuple()) check_dtype(in, result.dtype());
  if (given != nullptr && *given != result) {
    const bool same_dtypes =
        !given->is_tuple() && !result.is_tuple() && given->dtype() == result.dtype();
    const std::string message =
        fmt::format("the result is {}, not {}", result.to_string(), given->to_string());
    if (same_dtypes) in.fail<ShapeError>("{}", message);
    in.fail<VerifyError>("{}", message);
  }
  return result;
}

const TensorType& Inference::given_tensor() const {
  if (given->is_tuple()) fail<VerifyError>("the result is a tensor, not {}", given->to_string());
  return given->tensor();
}

const Dims& Inference::list(Attr name, std::size_t count, std::int64_t lowest) const {
  const auto attr = std::ranges::find(def.attributes, name, &AttrDef::name);
  if (attr->optional && attributes.integers(name).empty()) {
    attributes.set(name, Dims(count, attr->fallback));
  }
  const Dims& values = attributes.integers(name);
  if (values.size() != count) {
    fail<ShapeError>("{}={} has {} elements; expected {}", name_of(name), to_string(values),
                     values.size(), count);
  }
  for (const std::int64_t value : values) {
    if (value < lowest) {
      fail<ShapeError>("{}={} has an element below {}", name_of(name), to_string(values), lowest);
    }
  }
  return values;
}

std::size_t Inference::axis(Attr name, std::size_t rank) const {
  const std::int64_t value = attributes.integer(name);
  if (value < 0 || value >= static_cast<std::int64_t>(rank)) {
    fail<ShapeError>("{}={} is not an axis of {}; its rank is {}", name_of(name), value,
                     operands.empty() ? given->to_string() : text(0), rank);
  }
  return static_cast<std::size_t>(value);
}

const Dims& Inference::axes(Attr name, std::size_t rank) const {
  const Dims& values = attributes.integers(name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= static_cast<std::int64_t>(rank)) {
      fail<ShapeError>("{}={}: {} is not an axis of {}; its rank is {}", name_of(name),
                       to_string(values), values[i], text(0), rank);
    }
    if (i > 0 && values[i] <= values[i - 1]) {
      fail<ShapeError>("{}={} must be strictly increasing", name_of(name), to_string(values));
    }
  }
  return values;
}

void Inference::require_index_dtype(std::size_t index) const {
  if (dtype(index) == DType::kI32 || dtype(index) == DType::kI64) return;
  fail<DTypeError>("{} must be i32 or i64, got {}", def.operands[index], text(index));
}

Type infer_elementwise(Inference& in) {
  const bool mask_first = in.def.kind == ElementwiseKind::kSelect;
  const std::size_t first = mask_first ? 1 : 0;
  for (std::size_t i = 0; i < in.operands.size(); ++i) {
    if (in.shape(i) != in.shape(first)) {
      in.fail<ShapeError>("operand shapes differ: {} and {}; broadcast is explicit in the IR",
                          in.text(first), in.text(i));
    }
    if (i > first && in.dtype(i) != in.dtype(first)) {
      in.fail<DTypeError>("operand dtypes differ: {} and {}; convert is explicit in the IR",
                          in.text(first), in.text(i));
    }
  }
  if (mask_first && in.dtype(0) != DType::kBool) {
    in.fail<DTypeError>("the mask must be bool, got {}", in.text(0));
  }
  const bool to_bool =
      in.def.kind == ElementwiseKind::kPredicate || in.def.kind == ElementwiseKind::kCompare;
  return {to_bool ? DType::kBool : in.dtype(first), in.shape(first)};
}

}  // namespace ndl::ir
