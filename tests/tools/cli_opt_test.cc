// ndl opt as a process.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/tools/cli.h"

namespace ndl::tools::test {
namespace {

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

TEST(Opt, ALinkToAFileThatIsNotThereStaysALink) {
  const std::string folder = path_of("links");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/deep");
  std::filesystem::create_symlink("deep/middle.ndl", folder + "/link.ndl");
  std::filesystem::create_symlink("../new.ndl", folder + "/deep/middle.ndl");
  expect_output(run({{"opt", "-", "-o", folder + "/link.ndl"}, kStable}), "");
  EXPECT_TRUE(std::filesystem::is_symlink(folder + "/link.ndl"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder + "/deep/middle.ndl"));
  EXPECT_FALSE(std::filesystem::is_symlink(folder + "/new.ndl"));
  EXPECT_EQ(contents(folder + "/new.ndl"), kStable);

  std::filesystem::create_symlink("circle.ndl", folder + "/circle.ndl");
  expect_error(run({{"opt", "-", "-o", folder + "/circle.ndl"}, kStable}), 1,
               {"circle.ndl': Too many levels of symbolic links"});
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
  const std::string deep = "--print-after=" + std::string(100000, '(');
  expect_error(run({{"opt", "-", deep}, kNothingAdded}), 2, {"--print-after: longer than"});
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
  EXPECT_FALSE(std::filesystem::exists(folder + "/kernels.ll"));
  EXPECT_EQ(run({{"compile", "-", "--to=asm", "--dump-to=" + folder}, kStable}).code, 0);
  EXPECT_TRUE(contains(contents(folder + "/kernels.loops"), "kernel "));
  EXPECT_TRUE(contains(contents(folder + "/kernels.ll"), "define "));
  EXPECT_TRUE(contains(contents(folder + "/kernels.s"), "ret"));
  expect_error(run({{"opt", "-", "--dump-to=/dev/null/x"}, kNothingAdded}), 1, {"/dev/null/x"});
}

TEST(Opt, ExplainsRulesAndRisks) {
  const std::string naive =
      "needle 1\n\ngraph f(%x: f32[3]) -> (f32[3], f32[3]) {\n  %e = exp(%x) : f32[3]\n"
      "  %l = log(%e) : f32[3]\n  %s = sqrt(%x) : f32[3]\n"
      "  %r = make_tuple(%l, %s) : (f32[3], f32[3])\n  return %r\n}\n";
  const auto explain = [&](const std::string& pass, const std::string& flag = "--timing=false") {
    return run({{"opt", "-", "-p", pass, "--explain=" + pass, flag}, naive}).err;
  };
  EXPECT_TRUE(contains(explain("stabilize"), "log-exp  %l log  parameter  <stdin>:5:8\n"))
      << explain("stabilize");
  EXPECT_TRUE(contains(explain("stabilize"), "1 rule applied\n"));
  EXPECT_TRUE(contains(explain("stabilize"), "%s sqrt  is NaN below 0"));
  EXPECT_TRUE(
      contains(explain("stabilize", "--disable=log-exp,log-of-powers"), "0 rules applied\n"));
  EXPECT_TRUE(contains(explain("stabilize", "--disable=log-exp,log-of-powers"),
                       "%e exp   overflows f32 above 88.72"));
  EXPECT_TRUE(contains(explain("canonicalize"), "0 rules applied\n"));
}

// The logarithm in what a norm has become is of a number that may be 0, and clamped.
TEST(Opt, NamesNoRisksOfWhatRulesMake) {
  const std::string norm =
      "needle 1\n\ngraph f(%x: f32[3]) -> f32[] {\n  %s = mul(%x, %x) : f32[3]\n"
      "  %t = reduce(%s, kind=sum, axes=[0]) : f32[]\n  %n = sqrt(%t) : f32[]\n  return %n\n}\n";
  const std::string report =
      run({{"opt", "-", "-p", "stabilize", "--explain=stabilize"}, norm}).err;
  EXPECT_TRUE(contains(report, "norm  %n sqrt")) << report;
  EXPECT_TRUE(contains(report, "infinite slope at 0")) << report;
  EXPECT_FALSE(contains(report, "log2")) << report;
}

TEST(Opt, ExplainsEveryEdgeOnce) {
  const Outcome outcome = run({{"opt", "-", "-p", "dce,fuse", "--explain=fuse"}, kStable});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err,
            "// fuse (pass 2)\n"
            "producer      consumer      reason  bytes saved  written at\n"
            "%x parameter  %0 reduce     input             0  <stdin>:4:8\n"
            "%0 reduce     %1 broadcast  fused             8  <stdin>:5:8\n"
            "%x parameter  %2 sub        input             0  <stdin>:6:8\n"
            "%1 broadcast  %2 sub        fused            24  <stdin>:6:8\n"
            "%2 sub        %3 exp        fused            24  <stdin>:7:8\n"
            "%3 exp        %4 reduce     fused            24  <stdin>:8:8\n"
            "%4 reduce     %5 broadcast  fused             8  <stdin>:9:8\n"
            "%3 exp        %6 div        fused            12  <stdin>:10:8\n"
            "%5 broadcast  %6 div        fused            24  <stdin>:10:8\n"
            "7 of 9 edges fused, 124 bytes saved, 7 kernels become 1\n"
            "compiled: 1 kernel in 1 launch\n");
}

TEST(Opt, ExplainsWithTheOptionsOfThePass) {
  const auto explain = [](const std::string& pipeline) {
    return run({{"opt", "-", "-p", pipeline, "--explain=fuse"}, kStable}).err;
  };
  EXPECT_TRUE(contains(explain("fuse{max-ops=1}"), "%3 exp        size "));
  EXPECT_TRUE(contains(explain("fuse{max-ops=1}"), "0 of 9 edges fused, 0 bytes saved, 7 kernels"));
  // Nothing is left to fuse the second time.
  EXPECT_TRUE(contains(explain("fuse,fuse"), "// fuse (pass 2)\n"));
  EXPECT_TRUE(
      contains(explain("fuse,fuse"), "0 of 1 edge fused, 0 bytes saved, 1 kernel becomes 1\n"));
}

TEST(Opt, ExplainsWhatHappensInRegions) {
  constexpr const char* kLoop =
      "needle 1\n\n"
      "graph loop(%x: f32[3]) -> f32[3] {\n"
      "  %0 = scan(%x, length=4, carried=1) : f32[3] body(%s: f32[3]) {\n"
      "    %0 = exp(%s) : f32[3]\n"
      "    %1 = constant(1) : f32[3]\n"
      "    %2 = add(%0, %1) : f32[3]\n"
      "    %3 = log(%2) : f32[3]\n"
      "    %4 = log(%3) : f32[3]\n"
      "    return %4\n"
      "  }\n"
      "  return %0\n"
      "}\n";
  const std::string stabilize =
      run({{"opt", "-", "-p", "stabilize", "--explain=stabilize"}, kLoop}).err;
  EXPECT_TRUE(contains(stabilize, "%3 log in the body of %0 scan  softplus")) << stabilize;
  EXPECT_TRUE(contains(stabilize, "%1 log in the body of %0 scan  is -inf at 0")) << stabilize;
  const std::string fuse = run({{"opt", "-", "-p", "fuse", "--explain=fuse"}, kLoop}).err;
  EXPECT_TRUE(contains(fuse, "body of %0 scan:\n")) << fuse;
  EXPECT_TRUE(contains(fuse, "3 of 5 edges fused, 72 bytes saved, 4 kernels become 1\n")) << fuse;
  EXPECT_TRUE(contains(fuse, "\n  body of scan: 1 kernel in 1 launch\n")) << fuse;
}

// The pass knows one kernel; what begins as zeros and is looked up takes more launches.
TEST(Opt, ExplainsWhatIsLaunchedBesides) {
  constexpr const char* kScatter =
      "needle 1\n\n"
      "graph f(%i: i32[3], %u: f32[3]) -> f32[8] {\n"
      "  %0 = constant(0) : f32[8]\n"
      "  %1 = scatter_add(%0, %i, %u, axis=0) : f32[8]\n"
      "  return %1\n"
      "}\n";
  const std::string report = run({{"opt", "-", "-p", "fuse", "--explain=fuse"}, kScatter}).err;
  EXPECT_TRUE(contains(report, "1 kernel becomes 1\n")) << report;
  EXPECT_TRUE(contains(report,
                       "\ncompiled: 3 kernels in 3 launches, with 1 fill, 1 check of "
                       "indices\n"))
      << report;
}

TEST(Opt, ExplainNeedsThePass) {
  EXPECT_EQ(run({{"opt", "-", "--explain=fuse"}, kStable}).err,
            "note: --explain=fuse: the pass 'fuse' does not run; what runs: no pass\n");
  EXPECT_EQ(run({{"opt", "-", "-p", "fuse", "--explain=fuse", "--disable=fuse"}, kStable}).err,
            "note: --explain=fuse: the pass 'fuse' does not run; what runs: no pass\n");
  EXPECT_EQ(run({{"opt", "-", "-p", "dce", "--explain=fuse"}, kStable}).err,
            "note: --explain=fuse: the pass 'fuse' does not run; what runs: dce\n");
  expect_error(run({{"opt", "-", "--explain"}, kStable}), 2, {"--explain"});
  expect_error(run({{"opt", "-", "--explain=dce"}, kStable}), 2, {"'dce' is not one of fuse"});
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

TEST(Opt, AMistakeInTheEnvironmentIsBlamedOnIt) {
  Invocation invocation{.arguments = {"opt", "-"}, .input = kNothingAdded};
  invocation.flags = "--disable=nope";
  expect_error(run(invocation), 2, {"NDL_FLAGS: --disable: no pass or rule is called 'nope'"});
  invocation.flags = "--print-after=(";
  expect_error(run(invocation), 2, {"NDL_FLAGS: --print-after: '(' is no regular expression"});
  invocation.flags = "--dump-to=/dev/null/x";
  expect_error(run(invocation), 1, {"NDL_FLAGS: --dump-to: cannot make the folder '/dev/null/x'"});
  invocation.arguments.push_back("--dump-to=/dev/null/y");
  expect_error(run(invocation), 1, {"error: --dump-to: cannot make the folder '/dev/null/y'"});
}

}  // namespace
}  // namespace ndl::tools::test
