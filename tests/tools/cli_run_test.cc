// ndl run as a process.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/tools/cli.h"
#include "tools/io/npy.h"
#include "tools/io/npz.h"

namespace ndl::tools::test {
namespace {

TEST(Run, BindsByNameAndInOrder) {
  expect_output(run({{"run", "-", "--input=y=2xf32=1 2", "--input=2xf32=10 20"}, kAdd}),
                "[11 22]\n");
  expect_output(run({{"run", "-", "-i", "2xf32=1", "-i", "2xf32=iota"}, kAdd}), "[1 2]\n");
}

TEST(Run, MissingInputsAreListedWithTheirTypes) {
  expect_error(run({{"run", "-"}, kAdd}), 2,
               {"no input for x: f32[2], y: f32[2]", "--input=x=2xf32 --input=y=2xf32"});
  expect_error(run({{"run", "-", "--input=2xf32"}, kAdd}), 2, {"no input for y: f32[2]\n"});
}

TEST(Run, TakesTheInputsOfTheGraphThatItsPassesMake) {
  const std::string graph =
      "needle 1\n\ngraph f(%x: f32[2]) -> f32[2] {\n  %0 = mul(%x, %x)\n  return %0\n}\n";
  for (const std::string pipeline : {"vjp", "vjp,default"}) {
    expect_output(
        run({{"run", "-", "-p", pipeline, "--input=2xf32=2 3", "--input=2xf32=1 10"}, graph}),
        "([4 9], [4 60])\n");
  }
  expect_output(run({{"run", "-", "-p", "vmap{size=2}", "--input=2x2xf32=1 2 3 4"}, graph}),
                "[[ 1  4]\n [ 9 16]]\n");
}

TEST(Run, CheckNanNamesTheOpAndItsLine) {
  const std::string graph =
      "needle 1\n\ngraph f(%x: f32[3]) -> f32[3] {\n  %0 = log(%x)\n  %1 = mul(%0, %x)\n"
      "  return %1\n}\n";
  expect_error(run({{"run", "-", "--check-nan", "--input=3xf32=1 0 2"}, graph}), 3,
               {":4:8: error: log: -inf at [1] of f32[3], of finite operands"});
  expect_output(run({{"run", "-", "--check-nan", "--input=3xf32=1"}, graph}), "[0 0 0]\n");
  expect_output(run({{"run", "-", "--check-nan", "--input=3xf32=inf"}, graph}), "[inf inf inf]\n");
}

TEST(Run, NotAllOfManyMissingInputsAreListed) {
  std::string parameters;
  for (int i = 0; i < 12; ++i) {
    parameters += (i == 0 ? "%p" : ", %p") + std::to_string(i) + ": f32[]";
  }
  const std::string graph = "needle 1\n\ngraph f(" + parameters + ") -> f32[] {\n  return %p0\n}\n";
  const Outcome outcome = run({{"run", "-", "--input=p0=f32"}, graph});
  expect_error(
      outcome, 2,
      {"no input for p1: f32[], p2: f32[], ", "p10: f32[], and 1 more\n", "--input=p10=f32 ...\n"});
  EXPECT_FALSE(contains(outcome.err, "p11"));
}

TEST(Run, AFileOfAnotherTypeIsRefusedBeforeItsDataIsRead) {
  // A sparse file: reading its data would need a tebibyte.
  const std::string path = path_of("huge.npy");
  std::string header = "{'descr': '|i1', 'fortran_order': False, 'shape': (1099511627776,), }";
  header.resize(118, ' ');
  save("huge.npy", std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header);
  std::filesystem::resize_file(path, 128 + (std::uintmax_t{1} << 40));
  expect_error(run({{"run", "-", "-i", "x=@" + path}, kNaive}), 1,
               {"i8[1099511627776] is given, but x is f32[3]"});
  expect_error(run({{"run", "-", "-i", "x=3xf32=@" + path}, kNaive}), 1,
               {"the file holds i8[1099511627776], not f32[3]"});
  expect_error(run({{"run", "-", "-i", "3xf32", "--expect=@" + path}, kNaive}), 1,
               {"i8[1099511627776] is given, but the result is f32[3]"});
  std::filesystem::remove(path);
}

TEST(Run, WritesAnEmptyTuple) {
  const std::string graph =
      "needle 1\n\ngraph f() -> () {\n  %0 = make_tuple() : ()\n  return %0\n}\n";
  const std::string file = path_of("empty.npz");
  expect_output(run({{"run", "-", "--output=@" + file}, graph}), "");
  EXPECT_EQ(contents(file).size(), 22u);
}

TEST(Run, WrongInputs) {
  expect_error(run({{"run", "-", "--input=z=2xf32"}, kAdd}), 2, {"no parameter is called 'z'"});
  expect_error(run({{"run", "-", "--input=x=2xf32", "--input=x=2xf32"}, kAdd}), 2,
               {"x is given twice"});
  expect_error(run({{"run", "-", "-i", "2xf32", "-i", "2xf32", "-i", "2xf32"}, kAdd}), 2,
               {"too many, the graph has 2 parameters"});
  expect_error(run({{"run", "-", "-i", "3xf32", "-i", "2xf32"}, kAdd}), 1,
               {"f32[3] is given, but x is f32[2]"});
  expect_error(run({{"run", "-", "-i", "2xf64", "-i", "2xf32"}, kAdd}), 1,
               {"f64[2] is given, but x is f32[2]"});
  expect_error(run({{"run", "-", "-i", "2xf32=1 2 3", "-i", "2xf32"}, kAdd}), 2,
               {"3 values for f32[2], which has 2 elements"});
  expect_error(run({{"run", "-", "-i", "[2xf32=1]", "-i", "2xf32"}, kAdd}), 2, {"is a type"});
}

TEST(Run, RandomInputsDependOnTheSeed) {
  const auto result = [](const std::string& seed) {
    return run({{"run", "-", "-i", "3xf32", "--seed=" + seed}, kStable}).out;
  };
  EXPECT_EQ(result("1"), result("1"));
  EXPECT_NE(result("1"), result("2"));
  EXPECT_EQ(result("0"), run({{"run", "-", "-i", "3xf32"}, kStable}).out);
}

TEST(Run, WrongNumbers) {
  for (const char* flag : {"--seed=-1", "--seed=x", "--seed=1e3", "--rtol=-1", "--rtol=nan",
                           "--atol=inf", "--atol=", "--memory-limit=1X", "--memory-limit=-1",
                           "--memory-limit=9223372036854775807T"}) {
    const std::string name = std::string(flag).substr(0, std::string(flag).find('='));
    expect_error(run({{"run", "-", "-i", "3xf32", flag}, kStable}), 2, {name});
  }
}

TEST(Run, MemoryIsLimited) {
  expect_error(run({{"run", "-", "-i", "3xf32", "--memory-limit=10"}, kStable}), 1,
               {"12 bytes, limit 10"});
  expect_error(run({{"run", "-", "-i", "3xf32", "--memory-limit=13"}, kStable}), 1, {"limit 13"});
  EXPECT_EQ(run({{"run", "-", "-i", "3xf32", "--memory-limit=1K"}, kStable}).code, 0);
  expect_error(run({{"run", "-", "-i", "3xf32", "--memory-limit=20"}, kStable}), 1,
               {"running the graph needs ", " bytes, limit 20"});
  const std::string huge =
      "needle 1\n\ngraph f(%x: f32[1000000000000]) -> f32[1000000000000] {\n"
      "  %0 = neg(%x) : f32[1000000000000]\n  return %0\n}\n";
  for (const char* source : {"zeros", "rand", "iota"}) {
    expect_error(run({{"run", "-", std::string("-i=1000000000000xf32=") + source}, huge}), 1,
                 {"needs", "bytes"});
  }
}

TEST(Run, WritesAndReadsNpy) {
  const std::string file = path_of("o.npy");
  expect_output(run({{"run", "-", "-i", "2xf32=1 2", "-i", "2xf32=3", "--output=@" + file}, kAdd}),
                "");
  EXPECT_EQ(read_npy(file), ir::Literal::dense<float>({2}, {4, 5}));
  expect_output(run({{"run", "-", "-i", "x=@" + file, "-i", "2xf32=@" + file}, kAdd}), "[8 10]\n");
}

TEST(Run, WritesAndReadsNpz) {
  const std::string file = path_of("o.npz");
  expect_output(run({{"run", "-", "-i", "1xf32=1", "--output=@" + file}, kFused}), "");
  EXPECT_EQ(read_npz(file, "out0"), ir::Literal::dense<float>({1}, {2}));
  EXPECT_EQ(read_npz(file, "out1"), ir::Literal::dense<float>({1}, {3}));
  expect_output(run({{"run", "-", "-i", "1xf32=@" + file + ":out1"}, kFused}), "([4], [5])\n");
  expect_error(run({{"run", "-", "-i", "1xf32=@" + file + ":out2"}, kFused}), 1,
               {"has no 'out2'; it has: out0, out1"});
}

TEST(Run, WrongOutputs) {
  const auto output = [](const std::string& text, const std::string& graph) {
    return run(
        {{"run", "-", "-i", graph == kFused ? "1xf32" : "3xf32", "--output=" + text}, graph});
  };
  expect_error(output("o.npy", kNaive), 2, {"none of -, @FILE.npy, @FILE.npz"});
  expect_error(output("@o.txt", kNaive), 2, {"neither in .npy nor in .npz"});
  expect_error(output("@o.npy", kFused), 2, {"use .npz"});
}

TEST(Run, ElementTypesNumpyLacksAreUnsupported) {
  const std::string graph = "needle 1\n\ngraph f(%x: bf16[1]) -> bf16[1] {\n  return %x\n}\n";
  const std::string file = path_of("bf16.npy");
  expect_error(run({{"run", "-", "-i", "1xbf16=1", "--output=@" + file}, graph}), 4, {"bf16"});
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Run, LongResultsAreElided) {
  const std::string graph =
      "needle 1\n\ngraph f() -> i32[2000] {\n  %0 = iota(axis=0) : i32[2000]\n  return %0\n}\n";
  const Outcome outcome = run({{"run", "-"}, graph});
  EXPECT_EQ(outcome.out, "[0 1 2 ... 1997 1998 1999]\n");
  EXPECT_TRUE(contains(outcome.err, "note: not all elements are shown; --output=@"));
}

TEST(Run, AppliesPasses) {
  expect_output(run({{"run", "-", "-i", "1xf32=1", "-p", "expand,canonicalize"}, kFused}),
                "([2], [3])\n");
  expect_error(run({{"run", "-", "-i", "1xf32=1", "-p", "wibble"}, kFused}), 2, {"wibble", "^"});
}

TEST(Run, CompiledAndInterpretedAreTheSame) {
  const auto result = [](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"run", "-", "-i", "3xf32=randn"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = run({arguments, kStable});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.out;
  };
  const std::string interpreted = result({"--interpret"});
  EXPECT_EQ(result({}), interpreted);
  EXPECT_EQ(result({"--threads=1"}), interpreted);
  EXPECT_EQ(result({"--threads=1024", "--cpu=x86-64-v3"}), interpreted);
  EXPECT_EQ(result({"--disable=fuse"}), interpreted);
}

TEST(Run, ExplainsThePipelineThatRuns) {
  const auto explain = [](const std::string& flag) {
    return run({{"run", "-", "-i", "3xf32", "--explain=fuse", flag}, kStable}).err;
  };
  EXPECT_TRUE(contains(explain("--threads=0"), "// fuse (pass 4)\n"));
  EXPECT_TRUE(contains(explain("-pexpand,fuse"), "// fuse (pass 2)\n"));
  EXPECT_TRUE(contains(explain("--interpret"), "note: --explain=fuse: the pass 'fuse' does not"));
}

TEST(Run, WrongTargets) {
  const auto with = [](const std::string& flag) {
    return run({{"run", "-", "-i", "3xf32", flag}, kStable});
  };
  for (const char* count : {"1025", "-1", "x", "1e3", "99999999999999999999"}) {
    expect_error(with(std::string("--threads=") + count), 2,
                 {"--threads: '", "' is not a whole number from 0 to 1024"});
  }
  expect_error(with("--cpu=z80"), 2, {"--cpu: there is no CPU 'z80'; there are: native"});
}

TEST(Run, AnIndexOutOfRange) {
  const std::string graph =
      "needle 1\n\ngraph f(%x: f32[2], %i: i32[2]) -> f32[2] {\n"
      "  %0 = gather(%x, %i, axis=0) : f32[2]\n  return %0\n}\n";
  const std::vector<std::string> arguments = {"run", "-", "-i", "2xf32", "-i", "2xi32=0 5"};
  expect_error(run({arguments, graph}), 1, {"5", "out of range"});
}

// The lowest position that is wrong, with op, value, bound and place, whichever way the graph runs;
// and no file is begun.
TEST(Run, AnIndexOutOfRangeIsLocated) {
  const std::string graph =
      "needle 1\n\ngraph f(%x: f32[2], %i: i32[4]) -> f32[4] {\n"
      "  %0 = gather(%x, %i, axis=0) : f32[4]\n"
      "  %1 = neg(%0) : f32[4]\n  return %1\n}\n";
  const std::string file = path_of("never.npy");
  for (const char* way : {"--interpret", "--wide", "--threads=2", "--disable=fuse", "-p="}) {
    const std::vector<std::string> arguments = {
        "run", "-", "-i", "2xf32", "-i", "4xi32=1 2 -1 7", "--output=@" + file, way};
    expect_error(run({arguments, graph}), 1,
                 {"<stdin>:4:8: error: gather: index 2 at position 1 is out of range for axis 0 of "
                  "extent 2\n"});
    EXPECT_FALSE(std::filesystem::exists(file));
  }
}

TEST(Run, ComposedOpsNeedNoExpanding) {
  for (const char* pipeline : {"-p=fuse", "-p=canonicalize,fuse", "-p=dce", "-p="}) {
    expect_output(run({{"run", "-", "-i", "1xf32=1", pipeline}, kFused}), "([2], [3])\n");
  }
}

TEST(Run, TheInterpreterTakesNoTargets) {
  for (const char* way : {"--interpret", "--wide", "--check-nan"}) {
    for (const char* flag : {"--threads", "--cpu"}) {
      const std::string value = std::string(flag) + (flag[2] == 't' ? "=1" : "=native");
      expect_error(run({{"run", "-", "-i", "3xf32", way, value}, kStable}), 2,
                   {std::string(flag) + ": the interpreter", std::string("leave out ") + way});
    }
  }
}

TEST(Run, Wide) {
  const Outcome outcome = run({{"run", "-", "-i", "3xf32=0", "--wide"}, kStable});
  EXPECT_EQ(outcome.out, "[0.3333333333333333 0.3333333333333333 0.3333333333333333]\n");
}

TEST(Run, ExpectedResults) {
  const std::vector<std::string> arguments = {"run", "-", "-i", "2xf32=1 2", "-i", "2xf32=1"};
  const auto expect = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), arguments.begin(), arguments.end());
    return run({flags, kAdd});
  };
  expect_output(expect({"--expect=2xf32=2 3"}), "[2 3]\n");
  expect_output(expect({"--expect=out0=2xf32=2 3.1", "--rtol=0.1"}), "[2 3]\n");
  expect_output(expect({"--expect=2xf32=2 3.1", "--atol=0.2"}), "[2 3]\n");
  expect_error(expect({"--expect=out1=2xf32=2 3"}), 2, {"no result is called 'out1'"});
  expect_error(expect({"--expect=2xf64=2 3"}), 1, {"f64[2] is given, but out0 is f32[2]"});
  expect_error(expect({"--expect=2xf32", "--expect=2xf32"}), 2, {"the graph has 1 result"});
}

TEST(Run, AMismatchIsReported) {
  const Outcome outcome =
      run({{"run", "-", "-i", "1xf32=1", "--expect=out1=1xf32=4", "--expect=1xf32=2"}, kFused});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out, "([2], [3])\n");
  EXPECT_EQ(outcome.err,
            "error: output 1: 1 of 1 elements differ\n"
            "  output 1 at [0]: got 3, want 4, absolute error 1, relative error 0.25, "
            "2.1e+06 ULP\n");
}

TEST(Run, ANanIsExpectedAsNan) {
  EXPECT_EQ(run({{"run", "-", "-i", "3xf32=100", "--expect=3xf32=nan"}, kNaive}).code, 0);
  EXPECT_EQ(run({{"run", "-", "-i", "3xf32=100", "--expect=3xf32=1", "--atol=9"}, kNaive}).code, 3);
}

}  // namespace
}  // namespace ndl::tools::test
