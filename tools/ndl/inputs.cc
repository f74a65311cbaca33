#include "tools/ndl/inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

// Most parameters without input that one message lists.
constexpr std::size_t kListedParameters = 10;

// What a specification may be bound to.
struct Slot {
  std::string name;  // "" if it has none
  ir::TensorType type;
  bool or_f64 = false;
};

std::string label(const Slot& slot, std::size_t index) {
  return slot.name.empty() ? fmt::format("#{}", index) : slot.name;
}

void check_type(const ir::TensorType& type, const Slot& slot, std::size_t index, const Spec& spec) {
  if (type == slot.type) return;
  const bool is_f64 = type.dtype == DType::kF64;
  if (slot.or_f64 && is_float(slot.type.dtype) && is_f64 && type.shape == slot.type.shape) return;
  const std::string message =
      fmt::format("'{}': {} is given, but {} is {}", excerpt(spec.text), type.to_string(),
                  label(slot, index), slot.type.to_string());
  if (type.dtype != slot.type.dtype) throw DTypeError(message);
  throw ShapeError(message);
}

std::size_t find_slot(const std::vector<Slot>& slots, const Spec& spec, std::string_view kind) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].name == spec.name) return i;
    if (!slots[i].name.empty()) names.push_back(slots[i].name);
  }
  const std::string_view near = nearest_name(spec.name, names);
  throw_error<UsageError>("'{}': no {} is called '{}'{}", excerpt(spec.text), kind,
                          excerpt(spec.name),
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

std::vector<std::optional<Spec>> bind_specs(const std::vector<Slot>& slots,
                                            const std::vector<std::string>& texts,
                                            std::string_view kind) {
  std::vector<std::optional<Spec>> bound(slots.size());
  std::vector<Spec> unnamed;
  for (const std::string& text : texts) {
    Spec spec = parse_spec(text);
    if (spec.name.empty()) {
      unnamed.push_back(std::move(spec));
      continue;
    }
    std::optional<Spec>& slot = bound[find_slot(slots, spec, kind)];
    if (slot) {
      throw_error<UsageError>("'{}': {} is given twice", excerpt(text), excerpt(spec.name));
    }
    slot = std::move(spec);
  }
  auto free = bound.begin();
  for (Spec& spec : unnamed) {
    free = std::find_if(free, bound.end(), [](const auto& slot) { return !slot; });
    if (free == bound.end()) {
      throw_error<UsageError>("'{}': too many, the graph has {} {}{}", excerpt(spec.text),
                              slots.size(), kind, slots.size() == 1 ? "" : "s");
    }
    *free = std::move(spec);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (bound[i] && bound[i]->type) check_type(*bound[i]->type, slots[i], i, *bound[i]);
  }
  return bound;
}

std::vector<Slot> parameters_of(const ir::Graph& graph) {
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    const ir::Value value = graph.parameter(i);
    const ir::Type& type = graph.type(value);
    if (type.is_tuple()) {
      throw_error<UnsupportedError>("parameter {} is a tuple, which has no text: {}", i,
                                    type.to_string());
    }
    slots.push_back({graph.name(value), type.tensor()});
  }
  return slots;
}

std::vector<Slot> results_of(const ir::Graph& graph, bool wide) {
  std::vector<Slot> slots;
  for (const ir::TensorType& type : graph.result_type().elements()) {
    slots.push_back({result_name(slots.size()), type, wide});
  }
  return slots;
}

}  // namespace

std::string to_spec_type(const ir::TensorType& type) {
  std::string text;
  for (const std::int64_t extent : type.shape) text += fmt::format("{}x", extent);
  return text + std::string(name_of(type.dtype));
}

std::string result_name(std::size_t index) { return fmt::format("out{}", index); }

std::vector<std::optional<Spec>> bind_given_inputs(const ir::Graph& graph,
                                                   const std::vector<std::string>& texts) {
  return bind_specs(parameters_of(graph), texts, "parameter");
}

std::vector<Spec> bind_inputs(const ir::Graph& graph, const std::vector<std::string>& texts) {
  const std::vector<Slot> slots = parameters_of(graph);
  const std::vector<std::optional<Spec>> bound = bind_specs(slots, texts, "parameter");
  std::vector<Spec> specs;
  std::size_t missing = 0;
  std::string names;
  std::string flags;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (bound[i]) {
      specs.push_back(*bound[i]);
      continue;
    }
    if (++missing > kListedParameters) continue;
    names += fmt::format("{}{}: {}", missing == 1 ? "" : ", ", label(slots[i], i),
                         slots[i].type.to_string());
    flags += fmt::format(" --input={}{}{}", slots[i].name, slots[i].name.empty() ? "" : "=",
                         to_spec_type(slots[i].type));
  }
  if (missing > kListedParameters) {
    throw_error<UsageError>("no input for {}, and {} more\n  random ones:{} ...", names,
                            missing - kListedParameters, flags);
  }
  if (missing > 0) throw_error<UsageError>("no input for {}\n  random ones:{}", names, flags);
  return specs;
}

std::vector<std::optional<Spec>> bind_expected(const ir::Graph& graph,
                                               const std::vector<std::string>& texts, bool wide) {
  return bind_specs(results_of(graph, wide), texts, "result");
}

ir::Literal make_input(const ir::Graph& graph, std::size_t parameter, const Spec& spec,
                       std::uint64_t seed) {
  const ir::Value value = graph.parameter(parameter);
  const Slot slot{graph.name(value), graph.type(value).tensor()};
  return make_literal(spec, seed, parameter,
                      [&](const ir::TensorType& type) { check_type(type, slot, parameter, spec); });
}

std::vector<ir::Literal> make_inputs(const ir::Graph& graph, const std::vector<Spec>& specs,
                                     std::uint64_t seed) {
  std::vector<ir::Literal> inputs;
  for (const Spec& spec : specs) inputs.push_back(make_input(graph, inputs.size(), spec, seed));
  return inputs;
}

ir::Literal make_expected(const ir::TensorType& type, const Spec& spec, std::uint64_t seed,
                          bool wide) {
  // Streams of their own, far from those of the inputs.
  return make_literal(spec, seed, ~std::uint64_t{0}, [&](const ir::TensorType& found) {
    check_type(found, {"the result", type, wide}, 0, spec);
  });
}

}  // namespace ndl::tools
