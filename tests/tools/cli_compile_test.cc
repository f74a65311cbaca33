// ndl compile as a process.
#include <gtest/gtest.h>

#include <string>

#include "codegen/program.h"
#include "codegen/target.h"
#include "tests/tools/cli.h"

namespace ndl::tools::test {
namespace {

TEST(Compile, EveryStage) {
  for (const std::string_view stage : codegen::stage_names()) {
    const Outcome outcome = run({{"compile", "-", "--to=" + std::string(stage)}, kStable});
    EXPECT_EQ(outcome.code, 0) << stage << outcome.err;
    EXPECT_EQ(outcome.err, "") << stage;
    EXPECT_NE(outcome.out, "") << stage;
  }
}

TEST(Compile, TheGraphIsAsGivenAndFusedIsAfterThePasses) {
  expect_output(run({{"compile", "-", "--to=graph"}, kStable}), kStable);
  const std::string fused = run({{"compile", "-", "--to=fused"}, kStable}).out;
  EXPECT_TRUE(contains(fused, " = fusion("));
  EXPECT_EQ(fused, run({{"opt", "-", "-p", codegen::CompileOptions{}.pipeline}, kStable}).out);
  EXPECT_FALSE(
      contains(run({{"compile", "-", "--to=fused", "--disable=fuse"}, kStable}).out, "fusion("));
  EXPECT_TRUE(
      contains(run({{"compile", "-", "--to=fused", "-p", "dce"}, kNothingAdded}).out, "add("));
}

TEST(Compile, WritesAnObject) {
  const std::string file = path_of("m.o");
  expect_output(run({{"compile", "-", "--to=obj", "-o", file}, kStable}), "");
  EXPECT_TRUE(
      contents(file).starts_with("\x7f"
                                 "ELF"));
}

TEST(Compile, AnObjectIsNotForATerminal) {
  Invocation invocation{{"compile", "-", "--to=obj"}, kStable};
  invocation.output_path = "/dev/ptmx";
  expect_error(run(invocation), 2, {"--to=obj: an object is no text for a terminal", "-o FILE"});
  invocation.arguments.back() = "--to=graph";
  EXPECT_EQ(run(invocation).code, 0);
}

TEST(Compile, ForEveryCpu) {
  for (const std::string_view cpu : codegen::target_names()) {
    const Outcome outcome =
        run({{"compile", "-", "--to=asm", "--cpu=" + std::string(cpu)}, kStable});
    EXPECT_EQ(outcome.code, 0) << cpu << outcome.err;
  }
}

TEST(Compile, ComposedOpsNeedNoExpanding) {
  for (const char* stage : {"loops", "llvm", "asm"}) {
    const Outcome outcome =
        run({{"compile", "-", std::string("--to=") + stage, "-p", "fuse"}, kFused});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out, "");
  }
}

TEST(Compile, UsageErrors) {
  expect_error(run({{"compile", "-"}, kStable}), 2, {"--to is not given", "graph, fused, loops"});
  expect_error(run({{"compile", "-", "--to="}, kStable}), 2, {"--to"});
  expect_error(run({{"compile", "-", "--to=fusd"}, kStable}), 2, {"'fusd' is not one of graph"});
  expect_error(run({{"compile", "-", "--to=asm", "--cpu=z80"}, kStable}), 2,
               {"--cpu: there is no CPU 'z80'", "native, x86-64-v4"});
  expect_error(run({{"compile", "--to=asm"}}), 2, {"no file is given"});
  expect_error(run({{"compile", "-", "--to=asm", "-p", "wibble"}, kStable}), 2, {"wibble", "^"});
  expect_error(run({{"compile", "-", "--to=asm"}, "needle 2"}), 1, {"version '2'"});
}

TEST(Compile, Explains) {
  const Outcome outcome = run({{"compile", "-", "--to=graph", "--explain=fuse"}, kStable});
  EXPECT_EQ(outcome.out, kStable);
  EXPECT_TRUE(contains(outcome.err, "7 of 9 edges fused"));
}

}  // namespace
}  // namespace ndl::tools::test
