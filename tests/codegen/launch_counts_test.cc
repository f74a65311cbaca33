// What is counted before a program runs is what a run launches.
#include "codegen/launch_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "ir/parser.h"
#include "runtime/control.h"
#include "runtime/counters.h"
#include "runtime/executable.h"
#include "tests/codegen/golden_files.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

// How many launches one call made; nothing if it failed.
std::optional<std::int64_t> launches_of_call(const Program& program,
                                             const std::vector<ir::Literal>& inputs) {
  const std::int64_t before = runtime::counters().launches;
  try {
    program.run(inputs);
  } catch (const Error&) {
    return std::nullopt;
  }
  return runtime::counters().launches - before;
}

// The kernels that a run of the executable calls, then those of the bodies of its control flow.
void add_kernels(const runtime::Executable& executable, std::vector<std::size_t>& kernels) {
  const auto calls = executable.kernels();
  const auto runs = [](const runtime::KernelCall& call) {
    return call.control == nullptr && call.extent != 0;
  };
  kernels.push_back(static_cast<std::size_t>(std::ranges::count_if(calls, runs)));
  for (const runtime::KernelCall& call : calls) {
    if (call.control == nullptr) continue;
    for (const auto& body : call.control->bodies) add_kernels(*body, kernels);
  }
}

void expect_kernels(const Program& program, const std::vector<LaunchCounts>& counts) {
  std::vector<std::size_t> want;
  add_kernels(*program.executable(), want);
  std::vector<std::size_t> got;
  for (const LaunchCounts& each : counts) got.push_back(each.kernels());
  EXPECT_EQ(got, want);
}

ir::Graph after_passes(const ir::Graph& graph) {
  return passes::run_pipeline(graph, pipeline_for(passes::kDefaultPipeline, "native"));
}

struct Case {
  const char* name;
  const char* text;  // after "needle 1"
  const char* table;
  std::vector<std::int64_t> runs = {1};  // of each line, in a call on zeros
};

const Case kCases[] = {
    {"fused",
     "graph f(%x: f32[8]) -> f32[8] { %0 = exp(%x) : f32[8] %1 = neg(%0) : f32[8] return %1 }",
     "compiled: 1 kernel in 1 launch\n"},
    {"joined",
     "graph f(%x: f32[8], %y: f32[9]) -> (f32[8], f32[9]) { %0 = exp(%x) : f32[8] "
     "%1 = neg(%y) : f32[9] %2 = make_tuple(%0, %1) return %2 }",
     "compiled: 2 kernels in 1 launch\n"},
    {"gather",
     "graph f(%x: f32[8], %i: i32[3]) -> f32[3] { %0 = gather(%x, %i, axis=0) : f32[3] "
     "%1 = exp(%0) : f32[3] return %1 }",
     "compiled: 2 kernels in 2 launches, with 1 check of indices\n"},
    {"scatter",
     "graph f(%i: i32[3], %u: f32[3]) -> f32[8] { %0 = constant(0) : f32[8] "
     "%1 = scatter_add(%0, %i, %u, axis=0) : f32[8] return %1 }",
     "compiled: 3 kernels in 3 launches, with 1 fill, 1 check of indices\n"},
    {"scatter_of_16_bits",
     "graph f(%x: bf16[8], %i: i32[3], %u: bf16[3]) -> bf16[8] { "
     "%0 = scatter_add(%x, %i, %u, axis=0) : bf16[8] return %0 }",
     "compiled: 4 kernels in 4 launches, with 2 copies, 1 check of indices\n"},
    {"indices_that_are_used_twice",
     "graph f(%x: f32[8], %i: i32[3]) -> f32[8] { %0 = gather(%x, %i, axis=0) : f32[3] "
     "%1 = exp(%0) : f32[3] %2 = constant(0) : f32[8] "
     "%3 = scatter_add(%2, %i, %1, axis=0) : f32[8] return %3 }",
     "compiled: 4 kernels in 3 launches, with 1 fill, 1 check of indices\n"},
    {"interior_padding",
     "graph f(%x: f32[4]) -> f32[7] { %0 = constant(0) : f32[] "
     "%1 = pad(%x, %0, low=[0], high=[0], interior=[1]) : f32[7] return %1 }",
     "compiled: 2 kernels in 2 launches, with 1 fill\n"},
    {"dilated_convolution",
     "graph f(%x: f32[1,4,2], %k: f32[3,2,3]) -> f32[1,5,3] { "
     "%0 = conv(%x, %k, base_dilation=[2]) : f32[1,5,3] return %0 }",
     "compiled: 3 kernels in 3 launches, with 1 fill\n"},
    {"parameter_as_result", "graph f(%x: f32[4]) -> f32[4] { return %x }",
     "compiled: 1 kernel in 1 launch, with 1 copy\n"},
    {"sort", "graph f(%x: f32[4]) -> f32[4] { %0 = sort(%x, axis=0) : f32[4] return %0 }",
     "compiled: 2 kernels in 2 launches, with 1 call of the runtime\n"},
    {"scan",
     "graph f(%x: f32[4]) -> f32[4] { %y = exp(%x) : f32[4] "
     "%0 = scan(%y, length=5, carried=1) : f32[4] body(%s: f32[4]) { "
     "%0 = cumsum(%s, axis=0) : f32[4] return %0 } return %0 }",
     "compiled: 1 kernel in 1 launch\n"
     "  body of scan: 1 kernel in 1 launch\n",
     {1, 5}},
    {"while",
     "graph f(%x: i64[]) -> i64[] { %0 = while(%x) : i64[] "
     "condition(%n: i64[]) { %0 = constant(3) : i64[] %1 = lt(%n, %0) : bool[] return %1 } "
     "body(%n: i64[]) { %0 = constant(1) : i64[] %1 = add(%n, %0) : i64[] return %1 } return %0 }",
     "compiled: 0 kernels in 0 launches\n"
     "  condition of while: 1 kernel in 1 launch\n"
     "  body of while: 1 kernel in 1 launch\n",
     {1, 4, 3}},
};

class LaunchCountsTest : public testing::TestWithParam<Case> {};

TEST_P(LaunchCountsTest, AreOfWhatRuns) {
  const ir::Graph graph = ir::parse(std::string("needle 1\n") + GetParam().text);
  const ir::Graph fused = after_passes(graph);
  EXPECT_EQ(launch_table(fused), GetParam().table);
  std::vector<ir::Literal> inputs;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    inputs.push_back(ir::Literal::zeros(graph.type(graph.parameter(i)).tensor()).dense());
  }
  const auto program = compile(graph);
  const std::vector<LaunchCounts> counts = count_launches(fused);
  expect_kernels(*program, counts);
  std::int64_t launches = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    launches += GetParam().runs[i] * static_cast<std::int64_t>(counts[i].launches);
  }
  EXPECT_EQ(launches_of_call(*program, inputs), launches);
}

INSTANTIATE_TEST_SUITE_P(Programs, LaunchCountsTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(LaunchCounts, AreOfWhatGoldenFilesRun) {
  int programs = 0;
  for (const std::string& file : golden_files()) {
    const ir::Graph graph = read_graph(file);
    const std::vector<LaunchCounts> counts = count_launches(after_passes(graph));
    const auto program = compile(graph);
    SCOPED_TRACE(file);
    expect_kernels(*program, counts);
    if (counts.size() > 1) continue;  // how often regions run depends on the inputs
    const auto launches = launches_of_call(*program, test::random_inputs(graph, 1));
    if (!launches) continue;
    EXPECT_EQ(*launches, static_cast<std::int64_t>(counts.front().launches));
    ++programs;
  }
  EXPECT_GT(programs, 40);
}

}  // namespace
}  // namespace ndl::codegen
