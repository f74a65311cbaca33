#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "ir/builder.h"
#include "passes/pass.h"
#include "tests/random_graph.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

TEST(Pipeline, CanonicalStringReadsBack) {
  for (const std::string text : {"", "canonicalize", "canonicalize,expand,dce"}) {
    EXPECT_EQ(to_string(parse_pipeline(text)), text);
  }
  EXPECT_EQ(to_string(parse_pipeline(" canonicalize ,  dce{} ")), "canonicalize,dce");
  EXPECT_EQ(to_string(parse_pipeline("default")), kDefaultPipeline);
}

struct BadPipeline {
  std::string text;
  std::string message;
};

class BadPipelineTest : public testing::TestWithParam<BadPipeline> {};

TEST_P(BadPipelineTest, HasACaret) {
  try {
    parse_pipeline(GetParam().text);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_EQ(std::string(error.what()), GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadPipelineTest,
    testing::Values(
        BadPipeline{"canonicalise",
                    "pipeline:1:1: error: there is no pass 'canonicalise'; did you "
                    "mean 'canonicalize'?\n  canonicalise\n  ^"},
        BadPipeline{"dce,,dce",
                    "pipeline:1:5: error: expected the name of a pass\n  dce,,dce\n"
                    "      ^"},
        BadPipeline{"dce dce",
                    "pipeline:1:5: error: expected ',' between passes\n  dce dce\n      ^"},
        BadPipeline{"dce{n=1}",
                    "pipeline:1:5: error: the pass 'dce' has no option 'n'\n  dce{n=1}\n"
                    "      ^"},
        BadPipeline{"dce{",
                    "pipeline:1:5: error: expected '}' after the options of 'dce'\n  dce{\n"
                    "      ^"},
        BadPipeline{"fuse{max-ops=0}",
                    "pipeline:1:14: error: max-ops takes an integer from 1 to 2^63 - 1, got '0'\n"
                    "  fuse{max-ops=0}\n               ^"},
        BadPipeline{"dce,vmap{size=99999999999999999999}",
                    "pipeline:1:15: error: size takes an integer from 0 to 2^63 - 1, got "
                    "'99999999999999999999'\n  dce,vmap{size=99999999999999999999}\n"
                    "                ^"},
        BadPipeline{"vmap{shared=1}",
                    "pipeline:1:1: error: 'vmap' takes the option 'size': how many examples, as in "
                    "vmap{size=8}\n  vmap{shared=1}\n  ^"},
        BadPipeline{"default,jvp",
                    "pipeline:1:9: error: 'jvp' reads what 'expand' lowers; it has to come before "
                    "that\n  default,jvp\n          ^"},
        BadPipeline{"dce,", "pipeline:1:5: error: expected the name of a pass\n  dce,\n      ^"}));

TEST(Pipeline, EveryPassAloneAndInPairsKeepsEveryBit) {
  for (const PassDef& first : all_passes()) {
    for (const PassDef& second : all_passes()) {
      if (!first.is_exact || !second.is_exact) continue;
      const auto pipeline = parse_pipeline(fmt::format("{},{}", first.name, second.name));
      for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const ir::Graph graph = test::random_graph(seed, 10);
        test::expect_same_results(graph, run_pipeline(graph, pipeline, {.verify_each = true}),
                                  seed);
        if (testing::Test::HasFatalFailure()) FAIL() << to_string(pipeline) << " seed " << seed;
      }
    }
  }
}

// Any of the exact passes in any order, so also all but one of them in the usual order.
TEST(Pipeline, EverySequenceOfExactPassesKeepsEveryBit) {
  std::vector<std::string> names;
  for (const PassDef& pass : all_passes()) {
    if (pass.is_exact) names.emplace_back(pass.name);
  }
  std::vector<std::vector<std::string>> sequences = {{}};
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    for (const std::string& name : names) {
      if (std::ranges::find(sequences[i], name) != sequences[i].end()) continue;
      sequences.push_back(sequences[i]);
      sequences.back().push_back(name);
    }
  }
  std::uint64_t seed = 0;
  for (const std::vector<std::string>& sequence : sequences) {
    const auto pipeline = parse_pipeline(fmt::format("{}", fmt::join(sequence, ",")));
    for (int i = 0; i < 10; ++i) {
      const ir::Graph graph = test::random_graph(++seed, 16);
      test::expect_same_results(graph, run_pipeline(graph, pipeline, {.verify_each = true}), seed);
      if (testing::Test::HasFatalFailure()) FAIL() << to_string(pipeline) << " seed " << seed;
    }
  }
}

TEST(Pipeline, ReportsWhatEachStepDid) {
  ir::Graph graph;
  ir::Builder b(graph);
  const ir::Value x = b.parameter({DType::kF32, {3}}, "x");
  b.set_result(b.neg(b.neg(x)));
  std::vector<PassRecord> records;
  RunOptions options;
  options.observer = [&](const PassRecord& record, const ir::Graph&, const ir::Graph&) {
    records.push_back(record);
  };
  const ir::Graph after = run_pipeline(graph, parse_pipeline("expand,canonicalize,dce"), options);
  EXPECT_EQ(after.result(), after.parameter(0));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_FALSE(records[0].changed);
  EXPECT_TRUE(records[1].changed);
  EXPECT_EQ(records[1].nodes_before, 3u);
  EXPECT_EQ(records[1].nodes_after, 1u);
  EXPECT_FALSE(records[2].changed);
}

TEST(Pipeline, ADisabledPassIsSkipped) {
  ir::Graph graph;
  ir::Builder b(graph);
  const ir::Value x = b.parameter({DType::kF32, {3}});
  b.set_result(b.neg(b.neg(x)));
  RunOptions options;
  options.disabled = {"canonicalize"};
  EXPECT_EQ(run_pipeline(graph, parse_pipeline("canonicalize"), options), graph);
}

}  // namespace
}  // namespace ndl::passes
