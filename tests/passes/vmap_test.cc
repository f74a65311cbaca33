// A mapped graph gives for each example what the graph gives for it alone.
#include "passes/vmap.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/pass.h"
#include "passes/vjp.h"
#include "tests/random_point.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Shape;
using ir::TensorType;

using Literals = std::vector<Literal>;

Literal stacked(const Literals& rows, const TensorType& type) {
  Dims dims = type.shape.dims();
  dims.insert(dims.begin(), std::ssize(rows));
  Literal all = Literal::uninitialized({type.dtype, Shape(dims)});
  const auto bytes = static_cast<std::size_t>(type.bytes());
  for (std::size_t i = 0; i < rows.size() && bytes != 0; ++i) {
    std::memcpy(all.bytes() + i * bytes, rows[i].dense().bytes(), bytes);
  }
  return all;
}

// Wide, so that the order of a sum, which depends on the shape, makes no difference; but for graphs
// with constants, which vmap may fold.
Literals run(const Graph& graph, const Literals& inputs, bool is_wide) {
  return ir::interpret(graph, inputs, {.wide = is_wide});
}

bool is_close(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-9 * (1 + std::abs(a));
}

// `draw` gives inputs for one example.
template <class F>
void expect_same(const Graph& graph, F&& draw, test::Random& random, bool is_wide = true) {
  const std::int64_t size = random.between(0, 3);
  std::vector<bool> is_mapped;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    is_mapped.push_back(!random.one_in(3));
  }
  const Literals shared = draw();
  std::vector<Literals> examples;
  for (std::int64_t n = 0; n < size; ++n) {
    examples.push_back(draw());
    for (std::size_t i = 0; i < shared.size(); ++i) {
      if (!is_mapped[i]) examples.back()[i] = shared[i];
    }
  }
  Literals inputs;
  for (std::size_t i = 0; i < shared.size(); ++i) {
    Literals rows;
    for (const Literals& example : examples) rows.push_back(example[i]);
    inputs.push_back(is_mapped[i] ? stacked(rows, shared[i].type()) : shared[i]);
  }
  const Graph mapped = vmap(graph, size, is_mapped);
  ir::verify(mapped);
  const Literals got = run(mapped, inputs, is_wide);
  for (std::int64_t n = 0; n < size; ++n) {
    const Literals want = run(graph, examples[static_cast<std::size_t>(n)], is_wide);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t k = 0; k < want.size(); ++k) {
      ASSERT_EQ(got[k].size(), size * want[k].size());
      for (std::int64_t i = 0; i < want[k].size(); ++i) {
        const double x = got[k].as_double(n * want[k].size() + i);
        ASSERT_TRUE(is_close(want[k].as_double(i), x))
            << "example " << n << " result " << k << " element " << i << ": " << x << ", not "
            << want[k].as_double(i) << "\n"
            << ir::print(graph) << ir::print(mapped);
      }
    }
  }
}

class EveryOp : public testing::TestWithParam<const ir::OpDef*> {};

TEST_P(EveryOp, GivesWhatEachExampleGives) {
  constexpr int kCount = 80;
  if (GetParam()->op == ir::Op::kParameter) return;
  int found = 0;
  for (std::uint64_t seed = 1; found < kCount && seed < 1000; ++seed) {
    test::Random random(mix_bits(seed));
    const auto use = test::random_use(*GetParam(), random);
    if (!use) continue;
    const auto draw = [&] { return test::random_inputs(*use, *GetParam(), random); };
    if (!test::run(use->graph, draw()).error.empty()) continue;
    ++found;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    expect_same(use->graph, draw, random, GetParam()->op != ir::Op::kFusion);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(found, kCount);
}

TEST_P(EveryOp, MapsItsGradient) {
  constexpr int kCount = 30;
  if (GetParam()->op == ir::Op::kParameter || GetParam()->op == ir::Op::kFusion) return;
  int found = 0;
  for (std::uint64_t seed = 1; found < kCount && seed < 1000; ++seed) {
    test::Random random(mix_bits(seed));
    auto use = test::random_use(*GetParam(), random);
    if (!use) continue;
    const auto draw_of_op = [&] { return test::random_inputs(*use, *GetParam(), random); };
    if (!test::run(use->graph, draw_of_op()).error.empty()) continue;
    ++found;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Graph gradient = vjp(use->graph);
    const auto draw = [&] {
      Literals inputs = draw_of_op();
      for (std::size_t i = inputs.size(); i < gradient.num_parameters(); ++i) {
        inputs.push_back(
            test::floats(gradient.type(gradient.parameter(i)).tensor(), random, -1, 1));
      }
      return inputs;
    };
    expect_same(gradient, draw, random);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(found, kCount);
}

INSTANTIATE_TEST_SUITE_P(Ops, EveryOp, testing::ValuesIn(test::every_op()),
                         [](const auto& info) { return std::string(info.param->name); });

// Examples that end after different numbers of steps, and a branch that differs.
TEST(Vmap, OfLoopsThatEndAtDifferentTimes) {
  const Graph graph = ir::parse(R"(needle 1
graph halve(%n: i64[]) -> (i64[], i64[]) {
  %0 = constant(0) : i64[]
  %1 = while(%n, %0) : (i64[], i64[])
  condition(%n: i64[], %i: i64[]) {
    %0 = constant(1) : i64[]
    %1 = gt(%n, %0) : bool[]
    return %1
  }
  body(%n: i64[], %i: i64[]) {
    %0 = constant(2) : i64[]
    %1 = rem(%n, %0) : i64[]
    %2 = constant(0) : i64[]
    %3 = eq(%1, %2) : bool[]
    %4 = cond(%3, %n) : i64[]
    then(%n: i64[]) {
      %0 = constant(2) : i64[]
      %1 = div(%n, %0) : i64[]
      return %1
    }
    else(%n: i64[]) {
      %0 = constant(3) : i64[]
      %1 = mul(%n, %0) : i64[]
      %2 = constant(1) : i64[]
      %3 = add(%1, %2) : i64[]
      return %3
    }
    %5 = constant(1) : i64[]
    %6 = add(%i, %5) : i64[]
    %7 = make_tuple(%4, %6) : (i64[], i64[])
    return %7
  }
  return %1
})");
  const Graph mapped = vmap(graph, 4, {true});
  const Literals results =
      ir::interpret(mapped, {{Literal::dense<std::int64_t>(Shape({4}), {1, 6, 7, 27})}});
  EXPECT_EQ(results[0], Literal::dense<std::int64_t>(Shape({4}), {1, 1, 1, 1}));
  EXPECT_EQ(results[1], Literal::dense<std::int64_t>(Shape({4}), {0, 8, 16, 111}));
}

TEST(Vmap, RefusesOptionsThatMakeNoSense) {
  const Graph graph = ir::parse("needle 1 graph f(%x: f32[]) -> f32[] { return %x }");
  const auto message = [&](std::string_view pipeline) -> std::string {
    try {
      run_pipeline(graph, parse_pipeline(pipeline));
    } catch (const UsageError& error) {
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message("vmap"),
            "'vmap' takes the option 'size': how many examples, as in vmap{size=8}");
  EXPECT_EQ(message("vmap{size=-1}"), "size takes an integer from 0 to 2^63 - 1, got '-1'");
  EXPECT_EQ(message("vmap{size=2 shared=0.x}"),
            "shared takes integers from 0 to 2^63 - 1, got 'x'");
  EXPECT_EQ(message("vmap{size=2 shared=0.1}"), "vmap: shared=1, but the parameters are 0 to 0");
  EXPECT_EQ(message("vmap{size=2 shared=0}"), "");
}

}  // namespace
}  // namespace ndl::passes
