// ndl as a process: exit codes, what goes to which stream, files.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "base/version.h"
#include "ir/op.h"
#include "passes/pass.h"
#include "tests/tools/subprocess.h"
#include "tools/io/npy.h"
#include "tools/io/npz.h"

namespace ndl::tools::test {
namespace {

const std::string kNaive =
    "needle 1\n\n"
    "graph softmax_naive(%x: f32[3]) -> f32[3] {\n"
    "  %0 = exp(%x) : f32[3]\n"
    "  %1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
    "  %2 = broadcast(%1) : f32[3]\n"
    "  %3 = div(%0, %2) : f32[3]\n"
    "  return %3\n"
    "}\n";

const std::string kStable =
    "needle 1\n\n"
    "graph softmax_stable(%x: f32[3]) -> f32[3] {\n"
    "  %0 = reduce(%x, kind=max, axes=[0]) : f32[]\n"
    "  %1 = broadcast(%0) : f32[3]\n"
    "  %2 = sub(%x, %1) : f32[3]\n"
    "  %3 = exp(%2) : f32[3]\n"
    "  %4 = reduce(%3, kind=sum, axes=[0]) : f32[]\n"
    "  %5 = broadcast(%4) : f32[3]\n"
    "  %6 = div(%3, %5) : f32[3]\n"
    "  return %6\n"
    "}\n";

const std::string kFused =
    "needle 1\n\n"
    "graph fused(%x: f32[1]) -> (f32[1], f32[1]) {\n"
    "  %0 = fused_add_scalars(%x, scalars=[1, 2]) : (f32[1], f32[1])\n"
    "  return %0\n"
    "}\n";

const std::string kAdd =
    "needle 1\n\n"
    "graph add(%x: f32[2], %y: f32[2]) -> f32[2] {\n"
    "  %0 = add(%x, %y) : f32[2]\n"
    "  return %0\n"
    "}\n";

// add(x, 0): canonicalize has something to do.
const std::string kNothingAdded =
    "needle 1\n\n"
    "graph f(%x: i32[2]) -> i32[2] {\n"
    "  %0 = constant(0) : i32[2]\n"
    "  %1 = add(%x, %0) : i32[2]\n"
    "  return %1\n"
    "}\n";

std::string path_of(const std::string& name) { return testing::TempDir() + name; }

std::string save(const std::string& name, const std::string& text) {
  std::ofstream(path_of(name), std::ios::binary) << text;
  return path_of(name);
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

// Expects success with this on standard output and nothing on standard error.
void expect_output(const Outcome& outcome, const std::string& out) {
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, out);
  EXPECT_EQ(outcome.err, "");
}

// Expects this exit code, nothing on standard output, and these parts on standard error.
void expect_error(const Outcome& outcome, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  for (const std::string& part : parts) {
    EXPECT_TRUE(contains(outcome.err, part)) << "expected: " << part << "\nfound: " << outcome.err;
  }
}

// --- the lecture ---

TEST(Lecture, NaiveSoftmaxOverflows) {
  const std::string file = save("softmax_naive.ndl", kNaive);
  expect_output(run({{"run", "--interpret", file, "--input=x=3xf32=100 100 101"}}),
                "[nan nan nan]\n");
}

TEST(Lecture, StableSoftmaxDoesNot) {
  const std::string file = save("softmax_stable.ndl", kStable);
  expect_output(run({{"run", "--interpret", file, "--input=x=3xf32=1000 10000 100"}}), "[0 1 0]\n");
}

TEST(Lecture, FusedAddScalarsIsATuple) {
  expect_output(run({{"run", "-", "--input=1xf32=1"}, kFused}), "([2], [3])\n");
}

// --- ndl ---

TEST(Cli, NothingIsUsage) {
  expect_error(run({{}}), 2, {"Usage: ndl COMMAND", "opt", "run", "info", "ops", "passes"});
}

TEST(Cli, HelpOfEveryCommand) {
  for (const char* command : {"opt", "run", "info", "ops", "passes", "doctor"}) {
    const Outcome outcome = run({{command, "--help"}});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    const std::size_t usage = outcome.out.find(std::string("Usage: ndl ") + command);
    const std::size_t examples = outcome.out.find("\nExamples:\n");
    const std::size_t flags = outcome.out.find("\nFlags:\n");
    EXPECT_LT(usage, examples) << command;
    EXPECT_LT(examples, flags) << command;
    EXPECT_NE(flags, std::string::npos) << command;
  }
  EXPECT_EQ(run({{"--help"}}).code, 0);
}

TEST(Cli, Version) { expect_output(run({{"--version"}}), "ndl " + std::string(kVersion) + "\n"); }

TEST(Cli, UsageErrors) {
  expect_error(run({{"passs"}}), 2, {"error: unknown command 'passs'; did you mean 'passes'?"});
  expect_error(run({{"--wibble"}}), 2, {"error: unknown flag '--wibble'"});
  expect_error(run({{"opt", "--verify-eech"}}), 2, {"did you mean '--verify-each'?"});
  expect_error(run({{"opt", "a.ndl", "b.ndl"}}), 2, {"unknown argument 'b.ndl'"});
  expect_error(run({{"opt", "-p"}}), 2, {"--passes"});
  expect_error(run({{"run"}}), 2, {"no file is given"});
  expect_error(run({{"info", "-o", "-", "--json"}}), 2, {"unknown flag '-o'"});
  expect_error(run({{"ops", "--json", "--md"}}), 2, {"--json and --md"});
  expect_error(run({{"ops", "redduce"}}), 2, {"did you mean 'reduce'?"});
  expect_error(run({{"passes", "canonicalise"}}), 2, {"did you mean 'canonicalize'?"});
}

TEST(Cli, AReaderThatLeavesIsNoError) {
  const Outcome outcome = run({.arguments = {"ops", "--md"}, .close_output = true});
  EXPECT_EQ(outcome.signal, 0);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
}

TEST(Cli, AFullDiskIsAnError) {
  const Outcome outcome =
      run({.arguments = {"opt", "-"}, .input = kNaive, .output_path = "/dev/full"});
  expect_error(outcome, 1, {"error: cannot write 'standard output': No space left on device"});
  expect_error(run({{"opt", "-", "-o", "/dev/full"}, kNaive}), 1, {"'/dev/full': No space left"});
  expect_error(run({{"run", "-", "--input=3xf32", "--output=@/no/such/folder/f.npy"}, kNaive}), 1,
               {"'/no/such/folder/f.npy': No such file or directory"});
}

TEST(Cli, ShortFlagsTakeTheirValueInEveryForm) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"-pcanonicalize"}, {"-p", "canonicalize"}, {"-p=canonicalize"}}) {
    std::vector<std::string> arguments = {"opt", "-"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_FALSE(contains(run({arguments, kNothingAdded}).out, "add(")) << flags[0];
  }
}

// --- ndl opt ---

TEST(Opt, PrintsWhatItReads) {
  const std::string file = save("m.ndl", kStable);
  expect_output(run({{"opt", file}}), kStable);
  expect_output(run({{"opt"}, kStable}), kStable);
  expect_output(run({{"opt", "-", "-p", ""}, kStable}), kStable);
  expect_output(run({{"opt", "--passes=", "-"}, kStable}), kStable);
}

TEST(Opt, WritesAFile) {
  const std::string out = path_of("out.ndl");
  save("out.ndl", "before");
  expect_output(run({{"opt", "-", "-o", out}, kStable}), "");
  EXPECT_EQ(contents(out), kStable);
}

TEST(Opt, AnErrorLeavesTheOutputAsItWas) {
  const std::string out = save("kept.ndl", "before");
  EXPECT_EQ(run({{"opt", "-", "-o", out}, "needle 1\n\ngraph broken("}).code, 1);
  EXPECT_EQ(contents(out), "before");
}

TEST(Opt, KeepsModeAndLinksOfAFileItReplaces) {
  const std::string target = save("target.ndl", "before");
  const std::string link = path_of("link.ndl");
  ::chmod(target.c_str(), 0640);
  std::filesystem::remove(link);
  std::filesystem::create_symlink(target, link);
  expect_output(run({{"opt", "-", "-o", link}, kStable}), "");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(contents(target), kStable);
  struct stat status;
  ASSERT_EQ(::stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST(Opt, LeavesNoTemporaryFiles) {
  const std::string folder = path_of("clean");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  expect_output(run({{"opt", "-", "-o", folder + "/a.ndl"}, kStable}), "");
  std::filesystem::create_directory(folder + "/b.ndl");
  EXPECT_EQ(run({{"opt", "-", "-o", folder + "/b.ndl"}, kStable}).code, 1);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"a.ndl", "b.ndl"}));
}

TEST(Opt, AParseErrorHasPlaceAndCaret) {
  const std::string file = save("bad.ndl", "needle 1\n\ngraph f(%x: f33[3]) -> f32[3] {\n");
  const Outcome outcome = run({{"opt", file}});
  expect_error(outcome, 1, {"bad.ndl:3:", ": error: ", "graph f(%x: f33[3])", "^"});
  EXPECT_FALSE(outcome.err.starts_with("error:"));
}

TEST(Opt, AnUnreadableFileIsAnError) {
  expect_error(run({{"opt", "/does/not/exist.ndl"}}), 1, {"No such file or directory"});
  expect_error(run({{"opt", "/"}}), 1, {"Is a directory"});
  expect_error(run({{"opt", "a\x1b[31m"}}), 1, {"a\\x1b[31m"});
}

TEST(Opt, AnUnknownPassHasACaret) {
  const Outcome outcome = run({{"opt", "-", "-p", "canonicalize,canonicalise"}, kStable});
  expect_error(outcome, 2, {"canonicalise", "\n  canonicalize,canonicalise\n", "^"});
  const std::size_t line = outcome.err.find("\n  canonicalize,");
  const std::size_t caret = outcome.err.find("^");
  const std::size_t caret_line = outcome.err.rfind('\n', caret);
  EXPECT_GE(caret - caret_line, std::string("\n  canonicalize,").size());
  EXPECT_GT(caret_line, line);
}

TEST(Opt, RunsAPass) {
  const Outcome outcome = run({{"opt", "-", "-p", "canonicalize"}, kNothingAdded});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_FALSE(contains(outcome.out, "add("));
  EXPECT_EQ(outcome.err, "");
}

TEST(Opt, DisableSwitchesARuleOff) {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--disable=add-zero"},
                                                {"--disable=mul-one,add-zero"},
                                                {"--disable=mul-one", "--disable", "add-zero"},
                                                {"--disable=canonicalize"}}) {
    Invocation invocation{{"opt", "-", "-p", "canonicalize"}, kNothingAdded};
    invocation.arguments.insert(invocation.arguments.end(), flags.begin(), flags.end());
    EXPECT_TRUE(contains(run(invocation).out, "add(")) << flags[0];
  }
  expect_error(run({{"opt", "-", "--disable=ad-zero"}, kNothingAdded}), 2,
               {"'ad-zero'; did you mean 'add-zero'?"});
}

TEST(Opt, PrintsStagesOnStandardError) {
  const auto passes = [](const std::string& flag) {
    return run({{"opt", "-", "-p", "canonicalize,dce", flag}, kNothingAdded}).err;
  };
  EXPECT_TRUE(contains(passes("--print-after=all"), "// dce (pass 2)\nneedle 1\n"));
  EXPECT_FALSE(contains(passes("--print-after=^canon"), "// dce"));
  EXPECT_TRUE(contains(passes("--print-after=^canon"), "// canonicalize (pass 1)\nneedle 1\n"));
  EXPECT_TRUE(contains(passes("--print-changed"), "// canonicalize (pass 1)\nneedle 1\n"));
  EXPECT_TRUE(contains(passes("--print-changed"), "// dce (pass 2): no change\n"));
  EXPECT_TRUE(contains(passes("--print-changed=diff"), "-  %1 = add(%x, %0) : i32[2]\n"));
  EXPECT_TRUE(contains(passes("--timing"), "total"));
  EXPECT_EQ(passes("--verify-each"), "");
  expect_error(run({{"opt", "-", "--print-after=("}, kNothingAdded}), 2, {"regular expression"});
}

TEST(Opt, AnOptionalValueDoesNotTakeTheFile) {
  const std::string file = save("m.ndl", kStable);
  expect_output(run({{"opt", "--print-changed", file}}), kStable);
}

TEST(Opt, DumpsStages) {
  const std::string folder = path_of("stages/deep");
  std::filesystem::remove_all(folder);
  EXPECT_EQ(
      run({{"opt", "-", "-p", "canonicalize,dce", "--dump-to=" + folder}, kNothingAdded}).code, 0);
  EXPECT_EQ(contents(folder + "/00-input.ndl"), kNothingAdded);
  EXPECT_FALSE(contains(contents(folder + "/01-canonicalize.ndl"), "add("));
  EXPECT_TRUE(std::filesystem::exists(folder + "/02-dce.ndl"));
  expect_error(run({{"opt", "-", "--dump-to=/dev/null/x"}, kNothingAdded}), 1, {"/dev/null/x"});
}

TEST(Opt, FlagsOfTheEnvironmentComeFirst) {
  Invocation invocation{.arguments = {"opt", "-", "-p", "canonicalize"}, .input = kNothingAdded};
  invocation.flags = "--disable=add-zero --timing";
  Outcome outcome = run(invocation);
  EXPECT_TRUE(contains(outcome.out, "add("));
  EXPECT_TRUE(contains(outcome.err, "total"));
  invocation.arguments.push_back("--timing=false");
  EXPECT_EQ(run(invocation).err, "");
  invocation.flags = "--tming";
  expect_error(run(invocation), 2, {"NDL_FLAGS: unknown flag '--tming'; did you mean '--timing'?"});
}

// --- ndl run ---

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

// --- ndl info, ops, passes, doctor ---

TEST(Info, Text) {
  const Outcome outcome = run({{"info", "-"}, kStable});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.starts_with("softmax_stable(%x: f32[3]) -> f32[3]\n\n"));
  EXPECT_TRUE(contains(outcome.out, "\nbroadcast                      2\n"));
  EXPECT_TRUE(contains(outcome.out, "\npeak bytes"));
}

TEST(Info, Json) {
  const Outcome outcome = run({{"info", "-", "--json"}, kFused});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.out, "\"fused_add_scalars\": 1"));
  EXPECT_TRUE(contains(outcome.out, "\"result_bytes\": 8"));
  EXPECT_TRUE(contains(outcome.out, "\"name\": \"out1\""));
}

TEST(Ops, EveryFormatHasEveryOp) {
  const std::string text = run({{"ops"}}).out;
  const std::string markdown = run({{"ops", "--md"}}).out;
  const std::string json = run({{"ops", "--json"}}).out;
  for (const ir::OpDef& def : ir::all_ops()) {
    const std::string name(def.name);
    EXPECT_TRUE(contains(text, "\n  " + name + " ")) << name;
    EXPECT_TRUE(contains(markdown, name + "(")) << name;
    EXPECT_TRUE(contains(json, "\"name\": \"" + name + "\"")) << name;
  }
}

TEST(Ops, EveryOpAlone) {
  const std::string one = run({{"ops", "slice"}}).out;
  EXPECT_TRUE(
      one.starts_with("slice(x, start=[INTEGER, ...], limit=[INTEGER, ...], stride=[1, ...])\n"));
  EXPECT_TRUE(contains(run({{"ops", "slice", "--md"}}).out, "### slice\n"));
  EXPECT_TRUE(contains(run({{"ops", "add", "--md"}}).out, "| `add(a, b)` |"));
}

TEST(Passes, EveryFormatHasEveryPassAndRule) {
  for (const char* flag : {"", "--md", "--json"}) {
    std::vector<std::string> arguments = {"passes"};
    if (*flag != '\0') arguments.emplace_back(flag);
    const std::string text = run({arguments}).out;
    for (const passes::PassDef& pass : passes::all_passes()) {
      EXPECT_TRUE(contains(text, std::string(pass.name))) << flag;
    }
    for (const passes::RuleName& rule : passes::all_rules()) {
      EXPECT_TRUE(contains(text, std::string(rule.rule))) << flag;
    }
  }
}

TEST(Doctor, SaysWhatAReportNeeds) {
  const Outcome outcome = run({.arguments = {"doctor"}, .flags = "--wibble\x1b"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* line : {"ndl ", "compiler ", "cpu ", "isa ", "cpus ", "memory ", "os "}) {
    EXPECT_TRUE(contains("\n" + outcome.out, std::string("\n") + line)) << line;
  }
  EXPECT_TRUE(contains(outcome.out, "NDL_FLAGS   --wibble\\x1b\n"));
}

}  // namespace
}  // namespace ndl::tools::test
