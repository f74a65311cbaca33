// Every op of the table on every dtype it takes and every layout of its operands gives the
// interpreter's bits: alone and fused with what lays its operands out, on every target, whatever
// the number of threads.
//
// Plain x86-64 does not fuse multiply and add, so there leaf functions have bounds of their own,
// and products are summed of numbers so small that nothing is rounded.
#include "tests/codegen/op_cell.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codegen/program.h"
#include "codegen/target.h"
#include "ir/builder.h"
#include "ir/printer.h"
#include "tests/codegen/compare_program.h"
#include "tests/codegen/fused_multiply_add.h"
#include "tests/math/leaves.h"
#include "tests/same_results.h"
#include "tests/sanitized.h"

namespace ndl::codegen {
namespace {

// How far apart the two variants of a leaf function may be.
double ulps_apart(const ir::math::test::LeafBounds& bounds, DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return bounds.with_fma.for_float + bounds.without_fma.for_float;
    case DType::kF64:
      return bounds.with_fma.for_double + bounds.without_fma.for_double;
    default:
      return 1;  // computed as f32 and rounded
  }
}

// The cells side by side in one graph, with all their results: as they are, and each as a fusion.
ir::Graph side_by_side(const std::vector<OpCell>& cells) {
  ir::Graph graph("cells");
  ir::Builder b(graph);
  std::vector<std::vector<ir::Value>> parameters;
  for (const OpCell& cell : cells) {
    std::vector<ir::Value>& own = parameters.emplace_back();
    for (std::size_t i = 0; i < cell.graph.num_parameters(); ++i) {
      own.push_back(b.parameter(cell.graph.type(cell.graph.parameter(i))));
    }
  }
  std::vector<ir::Value> results;
  const auto add_result = [&](ir::Value value) {
    if (!b.type(value).is_tuple()) return results.push_back(value);
    for (std::int64_t i = 0; i < std::ssize(b.type(value).elements()); ++i) {
      results.push_back(b.get_tuple_element(value, i));
    }
  };
  for (std::size_t k = 0; k < cells.size(); ++k) {
    const ir::Graph& cell = cells[k].graph;
    std::vector<ir::Value> mapped = parameters[k];
    for (std::uint32_t id = static_cast<std::uint32_t>(mapped.size()); id < cell.size(); ++id) {
      std::vector<ir::Value> operands;
      for (const ir::Value operand : cell.operands({id})) operands.push_back(mapped[operand.id]);
      mapped.push_back(b.clone(cell, {id}, operands));
    }
    add_result(mapped[cell.result().id]);
    add_result(b.fusion(parameters[k], std::make_shared<const ir::Graph>(cell)));
  }
  b.set_result(b.make_tuple(results));
  return graph;
}

// Where code is made, and how. Plain x86-64 has only what differs there: the code for elements.
struct Way {
  const char* cpu;
  std::string_view pipeline;
};
std::vector<Way> ways() {
  std::vector<Way> ways = {{"native", ""}, {"native", passes::kDefaultPipeline}};
  if (test::kIsSanitized) return ways;
  ways.push_back({"x86-64-v3", ""});
  ways.push_back({"x86-64-v3", passes::kDefaultPipeline});
  ways.push_back({"x86-64", passes::kDefaultPipeline});
  return ways;
}

void expect_interpreters_bits(const ir::OpDef& def, DType dtype, const std::vector<OpCell>& cells) {
  const ir::Graph graph = side_by_side(cells);
  const FusedMultiplyAdd fused = fused_multiply_add(graph);
  // For inputs of any kind, and for integral ones if they are needed.
  std::array<std::vector<ir::Literal>, 2> inputs;
  std::array<test::Outcome, 2> want;
  for (const std::size_t kind : {0, 1}) {
    if (kind == 1 && !fused.in_sums) continue;
    for (const OpCell& cell : cells) {
      for (ir::Literal& input : inputs_of(cell, 7, kind == 1)) {
        inputs[kind].push_back(std::move(input));
      }
    }
    want[kind] = test::run(graph, inputs[kind]);
  }
  for (const Way& way : ways()) {
    const bool has_fma = target_named(way.cpu).has_fma;
    double ulps = 0;
    if (!has_fma && fused.in_leaves) {
      const auto bounds = ir::math::test::bounds_of(def.name);
      if (!bounds) continue;  // composed of leaf functions: nothing bounds it
      ulps = ulps_apart(*bounds, dtype);
    }
    const std::size_t kind = !has_fma && fused.in_sums ? 1 : 0;
    CompileOptions options;
    options.cpu = way.cpu;
    options.pipeline = way.pipeline;
    const auto program = compile(graph, options);
    ASSERT_EQ(difference_on_any_threads(want[kind], *program, inputs[kind], ulps), "")
        << way.cpu << ", pipeline '" << way.pipeline << "'\n"
        << ir::print(graph);
  }
}

class OpCells : public testing::TestWithParam<ir::Op> {};

TEST_P(OpCells, AreTheInterpretersBits) {
  const ir::OpDef& def = ir::op_def(GetParam());
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!def.dtypes.contains(dtype)) continue;
    std::vector<OpCell> cells;
    for (std::size_t layout = 0; layout < kLayoutNames.size(); ++layout) {
      auto cell = op_cell(def, dtype, static_cast<Layout>(layout), layout);
      if (cell) cells.push_back(*std::move(cell));
    }
    expect_interpreters_bits(def, dtype, cells);
    if (HasFatalFailure()) return;
  }
}

std::vector<ir::Op> all_ops() {
  std::vector<ir::Op> ops;
  for (const ir::OpDef& def : ir::all_ops()) ops.push_back(def.op);
  return ops;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpCells, testing::ValuesIn(all_ops()),
                         [](const auto& info) { return std::string(ir::name_of(info.param)); });

}  // namespace
}  // namespace ndl::codegen
