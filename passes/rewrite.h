// The rewrite engine: rules as data, applied in one sweep.
//
// Operands come before users. Each node is built over the rewritten operands by a simplifying
// builder (so equal nodes merge and constants fold), then the rules for its op are tried until none
// fires, and so it goes with what a rule makes. There is no restart: a rule sees operands that are
// final, so a second run of the same rules changes nothing, but for chains of a hundred nodes that
// one rule moves past another. Around control flow knowledge passes
// both ways, so such a graph is swept until nothing changes.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "ir/builder.h"
#include "passes/pass.h"
#include "passes/pattern.h"

namespace ndl::passes {

// Either an equation, left = right, for x of one of `dtypes`; or a function from a node of op
// `root` to what it equals (nothing when it does not apply), for what a pattern can't say.
//
// Laws. The two sides are equal bit for bit (all NaNs equal) for every input, special values
// included; but those of a pass that is not exact (PassDef::is_exact) are equal as real numbers,
// and the right side is the more accurate. The right side is not slower. It never fails where the
// left side does not; an operand that it no longer needs takes its own errors with it, as any dead
// node does.
struct Rule {
  std::string_view name;
  // For people: an equation prints itself, a function rule says it in words.
  std::string_view doc;

  std::optional<Pattern> left;
  std::optional<Pattern> right;
  DTypeSet dtypes = kAllDTypes;

  std::vector<ir::Op> roots;
  std::optional<ir::Value> (*apply)(ir::Builder&, ir::Value) = nullptr;
  // A function rule: the body of a graph of %x: f32[3] on which it fires, as IR text, and of one
  // that is alike and on which it does not.
  std::string_view example;
  std::string_view near_miss;

  bool is_equation() const { return left.has_value(); }
  // "neg(neg(x)) = x", and for which dtypes where that is not all that the ops take.
  std::string to_string() const;
};

Rule equation(std::string_view name, Pattern left, Pattern right, DTypeSet dtypes = kNumeric);
Rule function_rule(std::string_view name, std::vector<ir::Op> roots,
                   std::optional<ir::Value> (*apply)(ir::Builder&, ir::Value), std::string_view doc,
                   std::string_view example, std::string_view near_miss);

// Rule::example or Rule::near_miss as a graph, with `dtype` wherever it says f32. Throws Error if
// that is no valid graph.
ir::Graph example_graph(std::string_view body, DType dtype = DType::kF32);

// `graph` with the rules applied that `context` has not switched off; dead nodes are dropped,
// parameters stay. Bodies of fusions are rewritten too.
ir::Graph rewrite(const ir::Graph& graph, std::span<const Rule> rules, const PassContext& context);

// The same with dead nodes still there: what each live node of `graph` has become.
struct Rewritten {
  ir::Graph graph;
  std::vector<ir::Value> values;
};
Rewritten rewrite_traced(const ir::Graph& graph, std::span<const Rule> rules,
                         const PassContext& context);

}  // namespace ndl::passes
