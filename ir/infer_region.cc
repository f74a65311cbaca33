// Type rules of tuples and of the ops that hold regions.
#include <vector>

#include "ir/graph.h"
#include "ir/infer.h"

namespace ndl::ir {

Type infer_make_tuple(Inference& in) {
  std::vector<TensorType> elements;
  for (const Type* type : in.operands) elements.push_back(type->tensor());
  return Type::tuple(std::move(elements));
}

Type infer_get_tuple_element(Inference& in) {
  const std::vector<TensorType>& elements = in.operands[0]->elements();
  const std::int64_t index = in.attributes.integer(Attr::kIndex);
  if (index < 0 || index >= static_cast<std::int64_t>(elements.size())) {
    in.fail<IndexError>("index={} is out of range for {} with {} elements", index,
                        in.operands[0]->to_string(), elements.size());
  }
  return elements[static_cast<std::size_t>(index)];
}

namespace {

// The type of what a region gives for arguments of these types, which it must take.
const Type& infer_region(Inference& in, Attr name, std::span<const Type> arguments,
                         std::string_view what) {
  const Region& region = in.attributes.region(name);
  if (region == nullptr || !region->has_result()) {
    in.fail<VerifyError>("the {} has no result", name_of(name));
  }
  if (region->region_depth() >= kMaxRegionDepth) {
    in.fail<VerifyError>("regions nest at most {} deep", kMaxRegionDepth);
  }
  if (region->num_parameters() != arguments.size()) {
    in.fail<VerifyError>("the {} takes {} parameters for {} {}s", name_of(name),
                         region->num_parameters(), arguments.size(), what);
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Type& parameter = region->type(region->parameter(i));
    if (parameter != arguments[i]) {
      in.fail<VerifyError>("parameter {} of the {} is {} for the {} {}", i, name_of(name),
                           parameter.to_string(), what, arguments[i].to_string());
    }
  }
  return region->result_type();
}

std::vector<Type> operand_types(const Inference& in) {
  std::vector<Type> types;
  for (const Type* type : in.operands) types.push_back(*type);
  return types;
}

}  // namespace

Type infer_fusion(Inference& in) {
  return infer_region(in, Attr::kBody, operand_types(in), "operand");
}

Type infer_custom(Inference& in) {
  std::vector<Type> arguments = operand_types(in);
  const Type result = infer_region(in, Attr::kBody, arguments, "operand");
  std::vector<TensorType> wanted;
  for (const Type& operand : arguments) {
    if (operand.is_tuple()) in.fail<VerifyError>("an operand is the tuple {}", operand.to_string());
    if (is_float(operand.dtype())) wanted.push_back(operand.tensor());
  }
  for (const TensorType& element : result.elements()) arguments.emplace_back(element);
  for (const TensorType& element : result.elements()) {
    if (is_float(element.dtype)) arguments.emplace_back(element);
  }
  const Type& gradient = infer_region(in, Attr::kGradient, arguments, "argument");
  if (gradient.elements() != wanted) {
    in.fail<VerifyError>("the gradient gives {} for floating-point operands {}",
                         gradient.to_string(), Type::tuple(wanted).to_string());
  }
  return result;
}

Type infer_cond(Inference& in) {
  if (in.shape(0) != Shape()) in.fail<ShapeError>("pred must be bool[], got {}", in.text(0));
  std::vector<Type> arguments = operand_types(in);
  arguments.erase(arguments.begin());
  const Type& then_type = infer_region(in, Attr::kThen, arguments, "operand");
  const Type& else_type = infer_region(in, Attr::kElse, arguments, "operand");
  if (then_type != else_type) {
    in.fail<VerifyError>("'then' gives {}, and 'else' {}; they must give the same type",
                         then_type.to_string(), else_type.to_string());
  }
  return then_type;
}

namespace {

// The first results of the body of a loop, which are its next state, have the types of the first
// operands.
void require_same_state(const Inference& in, const Type& result, std::size_t count) {
  const std::vector<TensorType>& elements = result.elements();
  if (count > in.operands.size() || count > elements.size()) {
    in.fail<VerifyError>("{} values of state, but {} operands and a body that gives {}", count,
                         in.operands.size(), result.to_string());
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (elements[i] == in.operand(i)) continue;
    in.fail<VerifyError>("the state {} is {}, and the body makes {} of it; they must be the same",
                         i, in.text(i), elements[i].to_string());
  }
}

}  // namespace

Type infer_while(Inference& in) {
  const std::int64_t limit = in.attributes.integer(Attr::kLimit);
  if (limit < -1) in.fail<VerifyError>("limit={} must not be negative; -1 is none", limit);
  const std::vector<Type> arguments = operand_types(in);
  const Type condition = infer_region(in, Attr::kCondition, arguments, "operand");
  if (condition != Type(DType::kBool, Shape())) {
    in.fail<VerifyError>("the condition must give bool[], not {}", condition.to_string());
  }
  const Type result = infer_region(in, Attr::kBody, arguments, "operand");
  require_same_state(in, result, result.elements().size());
  return result;
}

Type infer_scan(Inference& in) {
  const auto count = [&](Attr name) {
    const std::int64_t value = in.attributes.integer(name);
    if (value < 0) in.fail<VerifyError>("{}={} must not be negative", name_of(name), value);
    return value;
  };
  const std::int64_t length = count(Attr::kLength);
  const auto carried = static_cast<std::size_t>(count(Attr::kCarried));
  const auto scanned = static_cast<std::size_t>(count(Attr::kScanned));
  std::vector<Type> arguments = operand_types(in);
  if (carried > arguments.size() || scanned > arguments.size() - carried) {
    in.fail<VerifyError>("carried={} and scanned={} of {} operands", carried, scanned,
                         arguments.size());
  }
  for (std::size_t i = carried; i < carried + scanned; ++i) {
    const Shape& shape = in.shape(i);
    if (shape.rank() == 0 || shape[0] != length) {
      in.fail<ShapeError>("operand {}, {}, is scanned, so its axis 0 must have extent {}", i,
                          in.text(i), length);
    }
    arguments[i] = Type(in.dtype(i), Shape(Dims(shape.dims().begin() + 1, shape.dims().end())));
  }
  const Type result = infer_region(in, Attr::kBody, arguments, "argument");
  require_same_state(in, result, carried);
  std::vector<TensorType> elements = result.elements();
  for (std::size_t i = carried; i < elements.size(); ++i) {
    Dims dims = elements[i].shape.dims();
    dims.insert(dims.begin(), length);
    elements[i].shape = Shape(std::move(dims));
  }
  return result.is_tuple() ? Type::tuple(std::move(elements)) : Type(std::move(elements.front()));
}

}  // namespace ndl::ir
