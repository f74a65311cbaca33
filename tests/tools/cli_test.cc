// ndl as a process: exit codes, what goes to which stream, and what it says of itself.
#include "tests/tools/cli.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/version.h"
#include "ir/op.h"
#include "passes/pass.h"

namespace ndl::tools::test {
namespace {

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

TEST(Cli, NothingIsUsage) {
  expect_error(
      run({{}}), 2,
      {"Usage: ndl COMMAND", "opt", "compile", "run", "check", "bench", "info", "ops", "passes"});
}

TEST(Cli, HelpOfEveryCommand) {
  for (const char* command :
       {"opt", "compile", "run", "check", "bench", "info", "ops", "passes", "doctor"}) {
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

TEST(Info, Text) {
  const Outcome outcome = run({{"info", "-"}, kStable});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.starts_with("softmax_stable(%x: f32[3]) -> f32[3]\n\n"));
  EXPECT_TRUE(contains(outcome.out, "\nbroadcast                      2\n"));
  EXPECT_TRUE(contains(outcome.out, "\npeak bytes"));
  EXPECT_TRUE(contains(outcome.out, "\nkernels                        1  in 1 launch\n"));
  EXPECT_TRUE(contains(outcome.out, "\narena bytes "));
  EXPECT_TRUE(contains(outcome.out, "\nrunning bytes "));
  EXPECT_TRUE(contains(outcome.out,
                       "\nfused after passes\n"
                       "  %0 : f32[3] = 2 broadcast, 1 div, 1 exp, 2 reduce, 1 sub\n"));
  EXPECT_FALSE(contains(run({{"info", "-", "--disable=fuse"}, kStable}).out, "fused after"));
}

TEST(Info, Json) {
  const Outcome outcome = run({{"info", "-", "--json"}, kFused});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.out, "\"fused_add_scalars\": 1"));
  EXPECT_TRUE(contains(outcome.out, "\"result_bytes\": 8"));
  EXPECT_TRUE(contains(outcome.out, "\"name\": \"out1\""));
}

TEST(Info, JsonOfWhatIsCompiled) {
  const auto info = nlohmann::json::parse(run({{"info", "-", "--json"}, kStable}).out);
  const auto& compiled = info.at("compiled");
  EXPECT_EQ(compiled.at("kernels"), 1);
  EXPECT_EQ(compiled.at("launches"), 1);
  EXPECT_EQ(compiled.at("fills"), 0);
  EXPECT_EQ(compiled.at("regions").size(), 0u);
  EXPECT_GE(compiled.at("running_bytes"), 24);
  ASSERT_EQ(compiled.at("fusions").size(), 1u);
  EXPECT_EQ(compiled.at("fusions")[0].at("ops").at("exp"), 1);
}

// Of a pass that gives the graph other parameters it is what that makes that is shown.
TEST(Info, IsOfTheGraphThatHasTheSignatureOfWhatIsCompiled) {
  const std::vector<std::string> arguments = {"info", "-", "-p", "vjp,default"};
  const std::string text = run({arguments, kStable}).out;
  EXPECT_TRUE(text.starts_with("softmax_stable(%x: f32[3], ")) << text;
  EXPECT_TRUE(contains(text, "\nparameters                     2\n")) << text;
  EXPECT_TRUE(contains(text, "\nexp                            1\n")) << text;
  EXPECT_FALSE(contains(text, "\nfusion ")) << text;
  std::vector<std::string> as_json = arguments;
  as_json.emplace_back("--json");
  const auto info = nlohmann::json::parse(run({as_json, kStable}).out);
  EXPECT_EQ(info.at("parameters").size(), 2u);
  EXPECT_EQ(info.at("compiled").at("running_bytes"),
            info.at("compiled").at("arena_bytes").get<std::int64_t>() +
                info.at("parameter_bytes").get<std::int64_t>() +
                info.at("result_bytes").get<std::int64_t>());
}

TEST(Info, Explains) {
  EXPECT_TRUE(contains(run({{"info", "-", "--explain=fuse"}, kStable}).err, "7 of 9 edges fused"));
  expect_error(run({{"info", "-", "--cpu=z80"}, kStable}), 2, {"--cpu"});
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

TEST(Passes, ARuleIsShownAtWork) {
  const std::string text = run({{"passes", "slice-pad"}}).out;
  for (const char* part : {"slice-pad, a rule of canonicalize\n", "\nBefore\n  %0 = constant(7)",
                           "\nAfter\n  %0 = slice(%x, start=[1], limit=[3])", "\nLeft alone\n"}) {
    EXPECT_TRUE(contains(text, part)) << part;
  }
  EXPECT_TRUE(contains(run({{"passes", "add-zero"}}).out, "\nadd(x, 0) = x, for i8"));
  EXPECT_TRUE(contains(run({{"passes", "slice-pad", "--md"}}).out, "### slice-pad\n"));
  EXPECT_TRUE(contains(run({{"passes", "slice-pad", "--json"}}).out, "\"left_alone\": \"%0 = "));
  expect_error(run({{"passes", "slicepad"}}), 2, {"did you mean 'slice-pad'?"});
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
