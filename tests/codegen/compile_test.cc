// Compiled graphs give the interpreter's bits: golden files, sizes, any number of threads.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "codegen/counters.h"
#include "codegen/lower_graph.h"
#include "codegen/program.h"
#include "codegen/target.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "tests/codegen/compare_program.h"
#include "tests/codegen/golden_files.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

std::string explain(const ir::Graph& graph) {
  std::string text = ir::print(graph);
  for (const LoopNest& nest : lower_graph(graph).kernels) text += nest.to_string();
  return text;
}

void expect_same(const ir::Graph& graph, std::uint64_t seed) {
  const std::vector<ir::Literal> inputs = test::random_inputs(graph, seed);
  const test::Outcome want = test::run(graph, inputs);
  for (const std::string_view pipeline : {std::string_view(""), passes::kDefaultPipeline}) {
    for (const char* cpu : {"native", "x86-64-v3"}) {
      CompileOptions options;
      options.cpu = cpu;
      options.pipeline = pipeline;
      const auto program = compile(graph, options);
      // A pass may lose an error together with a node that nobody needs.
      if (!pipeline.empty() && !want.error.empty()) continue;
      ASSERT_EQ(difference_on_any_threads(want, *program, inputs), "")
          << cpu << ", pipeline '" << pipeline << "'\n"
          << explain(graph);
    }
  }
}

class GoldenFile : public testing::TestWithParam<std::string> {};

TEST_P(GoldenFile, RunsAsInterpreted) {
  const ir::Graph graph = read_graph(GetParam());
  for (const std::uint64_t seed : {1, 2}) expect_same(graph, seed);
}

// Composed ops that no pass has expanded are expanded where code is made of them.
TEST_P(GoldenFile, FusesWithoutExpanding) {
  const ir::Graph graph = read_graph(GetParam());
  const std::vector<ir::Literal> inputs = test::random_inputs(graph, 1);
  CompileOptions options;
  options.pipeline = "fuse";
  EXPECT_EQ(difference(test::run(graph, inputs), run_program(*compile(graph, options), inputs, 1)),
            "");
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenFile, testing::ValuesIn(golden_files()), golden_file_name);

TEST(Compile, EqualKernelsAreCompiledOnce) {
  const ir::Graph graph = ir::parse(
      "needle 1 graph twice(%x: f32[7]) -> (f32[7], f32[7]) { %a = cbrt(%x) : f32[7] "
      "%b = cbrt(%a) : f32[7] %r = make_tuple(%a, %b) return %r }");
  CompileOptions options;
  options.pipeline = "";
  const CompileCounters before = compile_counters();
  compile(graph, options);
  EXPECT_EQ(compile_counters().kernels_compiled, before.kernels_compiled + 1);
  compile(graph, options);
  EXPECT_EQ(compile_counters().kernels_compiled, before.kernels_compiled + 1);
  const auto program = compile_cached(graph, options);
  EXPECT_EQ(compile_cached(graph, options), program);
}

TEST(Compile, InputsAreChecked) {
  const auto program = compile(
      ir::parse("needle 1 graph g(%x: f32[3]) -> f32[3] { %y = neg(%x) : f32[3] return %y }"));
  EXPECT_THROW(program->run({}), ShapeError);
  const ir::Literal wrong_shape = ir::Literal::zeros({DType::kF32, {4}});
  EXPECT_THROW(program->run(std::span(&wrong_shape, 1)), ShapeError);
  const ir::Literal wrong_dtype = ir::Literal::zeros({DType::kF64, {3}});
  EXPECT_THROW(program->run(std::span(&wrong_dtype, 1)), DTypeError);
}

// What is asked for wrongly is refused with a message, and the program runs as before.
TEST(Compile, WrongRequestsChangeNothing) {
  const ir::Graph graph =
      ir::parse("needle 1 graph g(%x: f32[3]) -> f32[3] { %y = neg(%x) return %y }");
  const auto program = compile(graph);
  const std::vector<ir::Literal> inputs = {ir::Literal::dense<float>({3}, {1, 2, 3})};
  const auto expect_error = [&]<class E>(std::type_identity<E>, std::string_view part, auto&& f) {
    try {
      f();
      ADD_FAILURE() << part;
    } catch (const E& error) {
      EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    }
    EXPECT_EQ(program->run(inputs).front(), ir::Literal::dense<float>({3}, {-1, -2, -3}));
  };
  constexpr std::type_identity<UsageError> kUsage;
  constexpr std::type_identity<ShapeError> kShape;
  expect_error(kShape, "takes 1 input, got 0", [&] { program->run({}); });
  expect_error(kShape, "takes 1 input, got 2",
               [&] { program->run(std::vector{inputs[0], inputs[0]}); });
  expect_error(kUsage, "-1 threads", [&] { program->run(inputs, -1); });
  expect_error(kUsage, "z80", [&] { compile(graph, {.cpu = "z80"}); });
  expect_error(kUsage, "", [&] { compile(graph, {.cpu = ""}); });
  expect_error(kUsage, "wibble", [&] { compile(graph, {.pipeline = "wibble"}); });
  expect_error(kUsage, "max-ops", [&] { compile(graph, {.pipeline = "fuse{max-ops=0}"}); });
  // As many as one likes; the pool has what it has.
  EXPECT_EQ(program->run(inputs, 1 << 30), program->run(inputs, 1));
}

TEST(Compile, MoreMemoryThanThereIs) {
  const auto program = compile(
      ir::parse("needle 1 graph g(%x: f32[]) -> f32[281474976710656] { %y = broadcast(%x) : "
                "f32[281474976710656] return %y }"));
  const float x = 1;
  const runtime::BufferView view{const_cast<float*>(&x), sizeof(x)};
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      program->run_buffers(std::span(&view, 1));
      FAIL();
    } catch (const ResourceError& error) {
      EXPECT_TRUE(error.message().starts_with("needs 1125899906842624 bytes, limit"))
          << error.message();
    }
  }
}

TEST(Compile, TheLowestIndexOutOfRangeIsReported) {
  const auto program = compile(ir::parse(
      "needle 1 graph g(%x: f32[5], %i: i32[4]) -> f32[4] { %y = gather(%x, %i, axis=0) return %y "
      "}"));
  const std::vector<ir::Literal> inputs = {ir::Literal::zeros({DType::kF32, {5}}),
                                           ir::Literal::dense<std::int32_t>({4}, {0, 4, 5, -1})};
  try {
    program->run(inputs);
    FAIL() << "an index out of range is accepted";
  } catch (const IndexError& error) {
    EXPECT_EQ(error.message(),
              "gather: index 5 at position 2 is out of range for axis 0 of extent 5");
  }
}

// %i is read at the locations of the text.
ir::Graph gather_graph(std::string_view name, std::string_view file, std::string_view lines) {
  return ir::parse(fmt::format("needle 1 graph {}(%x: f32[5], %i: i32[1]) -> f32[1] {{{}"
                               "%y = gather(%x, %i, axis=0) return %y }}",
                               name, lines),
                   std::string(file));
}

SourceLocation location_of_error(const Program& program) {
  const std::vector<ir::Literal> inputs = {ir::Literal::zeros({DType::kF32, {5}}),
                                           ir::Literal::dense<std::int32_t>({1}, {5})};
  try {
    program.run(inputs);
  } catch (const IndexError& error) {
    EXPECT_EQ(error.message(),
              "gather: index 5 at position 0 is out of range for axis 0 of extent 5");
    return error.diagnostic().location;
  }
  ADD_FAILURE() << "an index out of range is accepted";
  return {};
}

TEST(Compile, ProgramsThatShareCodeBlameTheirOwnGraphs) {
  const ir::Graph one = gather_graph("one", "one.ndl", "\n\n");
  const ir::Graph two = gather_graph("two", "two.ndl", "\n\n\n\n");
  const auto first = compile_cached(one);
  const CompileCounters before = compile_counters();
  const auto second = compile_cached(two);
  EXPECT_EQ(compile_counters().programs_compiled, before.programs_compiled);
  EXPECT_EQ(compile_counters().program_hits, before.program_hits + 1);
  EXPECT_EQ(first->executable(), second->executable());
  EXPECT_EQ(first->name(), "one");
  EXPECT_EQ(second->name(), "two");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(location_of_error(*first).file, "one.ndl");
    EXPECT_EQ(location_of_error(*first).line, 3);
    EXPECT_EQ(location_of_error(*second).file, "two.ndl");
    EXPECT_EQ(location_of_error(*second).line, 5);
  }
  // The same graph again is the same program, whoever came between.
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(compile_cached(one), first);
    EXPECT_EQ(compile_cached(two), second);
  }
  // Any number of places have equal graphs.
  for (int line = 5; line < 30; ++line) {
    const auto program = compile_cached(
        gather_graph("many", "many.ndl", std::string(static_cast<std::size_t>(line), '\n')));
    EXPECT_EQ(program->executable(), first->executable());
    EXPECT_EQ(location_of_error(*program).line, line + 1);
  }
  EXPECT_EQ(location_of_error(*compile_cached(one)).line, 3);
}

TEST(Compile, AnErrorInARegionHasTheRegionsLocation) {
  const std::string text =
      "needle 1 graph g(%x: f32[5], %i: i32[1]) -> f32[1] {\n%y = fusion(%x, %i) "
      "body(%a: f32[5], %b: i32[1]) {\n%c = gather(%a, %b, axis=0) return %c } return %y }";
  const auto first = compile_cached(ir::parse(text, "region.ndl"));
  const auto second = compile_cached(ir::parse("\n" + text, "region.ndl"));
  EXPECT_EQ(first->executable(), second->executable());
  EXPECT_EQ(location_of_error(*first).line, 3);
  EXPECT_EQ(location_of_error(*second).line, 4);
}

TEST(Compile, IndicesAreCheckedInBodiesInsideBodiesWithoutElements) {
  expect_same(ir::parse("needle 1 graph g(%x: f32[0], %u: f32[]) -> f32[0] { "
                        "%0 = fusion(%x, %u) : f32[0] body(%x: f32[0], %u: f32[]) { "
                        "%0 = fusion(%x, %u) : f32[0] body(%x: f32[0], %u: f32[]) { "
                        "%i = constant(0) : i64[] %0 = scatter_add(%x, %i, %u, axis=0) return %0 } "
                        "return %0 } return %0 }"),
              1);
}

// Extents around every boundary of blocks and vectors.
// A state that each step gives as an output too is written once, and read there by the next step.
TEST(Compile, AStateThatIsARowIsWrittenOnce) {
  const ir::Graph graph = ir::parse(
      "needle 1\n\ngraph f(%h: f32[3], %k: f32[2], %xs: f32[4,3]) -> "
      "(f32[3], f32[2], f32[4,2], f32[4,3]) {\n"
      "  %0 = scan(%h, %k, %xs, length=4, carried=2, scanned=1, reverse=true) : "
      "(f32[3], f32[2], f32[4,2], f32[4,3])\n"
      "  body(%h: f32[3], %k: f32[2], %x: f32[3]) {\n"
      "    %0 = add(%h, %x) : f32[3]\n"
      "    %1 = sin(%k) : f32[2]\n"
      "    %2 = neg(%k) : f32[2]\n"
      "    %3 = make_tuple(%0, %1, %2, %0) : (f32[3], f32[2], f32[2], f32[3])\n"
      "    return %3\n  }\n  return %0\n}\n");
  const Schedule schedule = lower_graph(graph);
  const runtime::ControlCall& call = schedule.launches.at(0).control->call;
  EXPECT_EQ(call.rows, (std::vector<std::int32_t>{3, -1}));
  EXPECT_EQ(call.outputs, (std::vector<std::size_t>{1, 2, 3}));
  const std::vector<ir::Literal> inputs = test::random_inputs(graph, 1);
  EXPECT_EQ(difference_on_any_threads(test::run(graph, inputs), *compile(graph), inputs), "");
}

TEST(Compile, ReductionsOfEverySize) {
  for (const std::int64_t n : {1, 2, 7, 8, 9, 31, 32, 33, 63, 1023, 1024, 1025, 2047, 3000, 5121}) {
    const std::string text = fmt::format(
        "needle 1 graph g(%x: f32[3,{0}], %y: f32[{0},3]) -> (f32[3], f32[3], f32[], f32[{0}], "
        "f32[3,{0}], f32[{0},3]) {{ "
        "%r = reduce(%x, kind=sum, axes=[1]) %c = reduce(%y, kind=sum, axes=[0]) "
        "%a = reduce(%x, kind=max, axes=[0, 1]) %m = reduce(%x, kind=prod, axes=[0]) "
        "%s = softmax(%x, axes=[1]) %l = log_softmax(%y, axes=[0]) "
        "%t = make_tuple(%r, %c, %a, %m, %s, %l) return %t }}",
        n);
    SCOPED_TRACE(n);
    expect_same(ir::parse(text), static_cast<std::uint64_t>(n));
    if (HasFatalFailure()) return;
  }
}

TEST(Compile, EveryTargetHasItsForms) {
  const ir::Graph graph = ir::parse(
      "needle 1 graph g(%x: f32[100]) -> f32[] { %y = exp(%x) %z = reduce(%y, kind=sum, axes=[0]) "
      "return %z }");
  for (const std::string_view cpu : target_names()) {
    CompileOptions options;
    options.cpu = cpu;
    EXPECT_NE(compile_to(graph, Stage::kLlvm, options), "");
    EXPECT_TRUE(compile_to(graph, Stage::kObject, options).starts_with("\177ELF"));
    const bool has_wide =
        compile_to(graph, Stage::kAssembly, options).find("zmm") != std::string::npos;
    if (cpu != "native") {
      EXPECT_EQ(has_wide, cpu == "x86-64-v4");
    }
  }
  EXPECT_THROW(compile_to(graph, Stage::kObject, {.cpu = "pentium"}), UsageError);
}

}  // namespace
}  // namespace ndl::codegen
