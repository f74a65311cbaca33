// The loop every pass shares: a new graph from the live nodes of another, operands first.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ir/builder.h"
#include "ir/control_flow.h"
#include "ir/graph.h"

namespace ndl::passes {

// f(builder, value, operands) adds what stands for the live node `value` of `source`, given what
// stands for its operands, and returns it. Parameters are copied first; names and locations pass to
// what has none of its own.
// If `values` is not null, it gets what stands for each live node.
template <class F>
ir::Graph rebuild(const ir::Graph& source, ir::BuilderMode mode, F&& f,
                  std::vector<ir::Value>* values = nullptr) {
  ir::Graph result(source.name());
  ir::Builder builder(result, mode);
  const std::vector<bool> live = source.live_nodes();
  std::vector<ir::Value> mapped(source.size());
  std::vector<ir::Value> operands;
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    if (!live[id]) continue;
    const ir::Value value{id};
    const auto first = static_cast<std::uint32_t>(result.size());
    operands.clear();
    for (const ir::Value operand : source.operands(value)) operands.push_back(mapped[operand.id]);
    const bool is_parameter = source.op(value) == ir::Op::kParameter;
    const ir::Value replacement = is_parameter
                                      ? builder.clone(source, value, {})
                                      : f(builder, value, std::span<const ir::Value>(operands));
    mapped[id] = replacement;
    // A parameter's name is the graph's interface, and stays.
    if (result.op(replacement) != ir::Op::kParameter && result.name(replacement).empty()) {
      result.set_name(replacement, source.name(value));
    }
    const SourceLocation location = source.location(value);
    if (location.line == 0) continue;
    for (auto node = first; node < result.size(); ++node) result.set_location({node}, location);
  }
  builder.set_result(mapped[source.result().id]);
  if (values != nullptr) *values = std::move(mapped);
  return result;
}

// `attributes` with f applied to the graph of each region.
template <class F>
ir::Attributes map_regions(const ir::Attributes& attributes, F&& f) {
  ir::Attributes result = attributes;
  for (const auto& [name, value] : attributes) {
    const auto* region = std::get_if<ir::Region>(&value);
    if (region != nullptr) result.set(name, std::make_shared<const ir::Graph>(f(**region)));
  }
  return result;
}

// The graph with f applied to the regions of its control flow.
template <class F>
ir::Graph map_control_regions(const ir::Graph& source, F&& f) {
  return rebuild(source, ir::BuilderMode::kRaw,
                 [&](ir::Builder& builder, ir::Value value, std::span<const ir::Value> operands) {
                   if (!ir::is_control_flow(source.op(value))) {
                     return builder.clone(source, value, operands);
                   }
                   return builder.add_node(source.op(value), operands,
                                           map_regions(source.attributes(value), f),
                                           &source.type(value));
                 });
}

}  // namespace ndl::passes
