#include "needle/trace.h"

#include <gtest/gtest.h>

#include "ir/interpreter.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "needle/needle.h"

namespace ndl {
namespace {

std::string text(const ir::Graph& graph) {
  ir::verify(graph);
  return ir::print(graph);
}

TEST(Trace, GivesTheGraph) {
  const Tensor x({1, 2, 3});
  EXPECT_EQ(text(trace(
                [](Tensor v) {
                  const Tensor z = exp(v);
                  return z / sum(z);
                },
                x)),
            "needle 1\n\n"
            "graph main(%0: f32[3]) -> f32[3] {\n"
            "  %1 = exp(%0) : f32[3]\n"
            "  %2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
            "  %3 = broadcast(%2) : f32[3]\n"
            "  %4 = div(%1, %3) : f32[3]\n"
            "  return %4\n"
            "}\n");
}

TEST(Trace, ParametersAreInOrderUsedOrNot) {
  const Tensor x({1});
  const Tensor y({1, 2});
  EXPECT_EQ(text(trace([](Tensor, Tensor b) { return b; }, x, y)),
            "needle 1\n\n"
            "graph main(%0: f32[1], %1: f32[2]) -> f32[2] {\n"
            "  return %1\n"
            "}\n");
}

TEST(Trace, NumbersAreConstants) {
  const Tensor x({1});
  EXPECT_EQ(text(trace([](Tensor v) { return 0.1 * v; }, x)),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> f32[1] {\n"
            "  %1 = constant(0.1) : f32[1]\n"
            "  %2 = mul(%1, %0) : f32[1]\n"
            "  return %2\n"
            "}\n");
}

TEST(Trace, WhatIsReadFromElsewhereIsCaptured) {
  const Tensor x({1, 2});
  const Tensor w({3, 4});
  const Tensor pending = w + 1;
  const Trace traced =
      trace_captures([&](Tensor v) { return v * pending - w + Tensor({5, 6}); }, x);
  EXPECT_EQ(text(traced.graph),
            "needle 1\n\n"
            "graph main(%0: f32[2], %1: f32[2], %2: f32[2], %3: f32[2]) -> f32[2] {\n"
            "  %4 = mul(%0, %1) : f32[2]\n"
            "  %5 = sub(%4, %2) : f32[2]\n"
            "  %6 = add(%5, %3) : f32[2]\n"
            "  return %6\n"
            "}\n");
  ASSERT_EQ(traced.captured.size(), 3u);
  EXPECT_TRUE(traced.captured[0].is(pending));
  EXPECT_TRUE(traced.captured[1].is(w));
  EXPECT_EQ(traced.captured[2].to_string(), "[5. 6.]");
}

TEST(Trace, TuplesAndVectors) {
  const Tensor x({1});
  EXPECT_EQ(text(trace([](Tensor v) { return fused_add_scalars(v, 1, 2); }, x)),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> (f32[1], f32[1]) {\n"
            "  %1 = fused_add_scalars(%0, scalars=[1, 2]) : (f32[1], f32[1])\n"
            "  return %1\n"
            "}\n");
  EXPECT_EQ(text(trace([](Tensor v) { return std::vector<Tensor>{v, -v}; }, x)),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> (f32[1], f32[1]) {\n"
            "  %1 = neg(%0) : f32[1]\n"
            "  %2 = make_tuple(%0, %1) : (f32[1], f32[1])\n"
            "  return %2\n"
            "}\n");
}

TEST(Trace, ElementsOfTuplesFromElsewhereAreCaptured) {
  const Tensor x({1});
  const Tensor w({3, 4});
  const TensorTuple pending = split(w);
  const TensorTuple realized = split(w);
  realized.realize();
  for (const TensorTuple& tuple : {pending, realized}) {
    const Trace reads = trace_captures([&](Tensor v) { return v * tuple[1]; }, Tensor::scalar(2.0));
    EXPECT_EQ(text(reads.graph),
              "needle 1\n\n"
              "graph main(%0: f32[], %1: f32[]) -> f32[] {\n"
              "  %2 = mul(%0, %1) : f32[]\n"
              "  return %2\n"
              "}\n");
    ASSERT_EQ(reads.captured.size(), 1u);
    EXPECT_EQ(reads.captured[0].item(), 4);
    const Trace returns = trace_captures([&](Tensor) { return tuple; }, x);
    EXPECT_EQ(text(returns.graph),
              "needle 1\n\n"
              "graph main(%0: f32[1], %1: f32[], %2: f32[]) -> (f32[], f32[]) {\n"
              "  %3 = make_tuple(%1, %2) : (f32[], f32[])\n"
              "  return %3\n"
              "}\n");
    EXPECT_EQ(returns.captured[0].item(), 3);
  }
}

TEST(Trace, RunsAsTheFunctionDoes) {
  const Tensor x({{1, 2}, {3, 4}});
  const auto f = [](const Tensor& v) { return log_softmax(matmul(v, v) - v.mean(0)); };
  const std::vector<ir::Literal> inputs{x.to_literal()};
  const ir::Literal result = ir::interpret(trace(f, x), inputs).front();
  EXPECT_EQ(Tensor(result).to_string(), f(x).to_string());
}

TEST(Trace, AskingForDataIsAnError) {
  const Tensor x({1});
  const Tensor w({2});
  const auto asks = [&](const Tensor& asked) {
    trace([&](Tensor v) { return v * asked.item(); }, x);
  };
  EXPECT_THROW(asks(w), TraceError);
  EXPECT_THROW(trace([](Tensor v) { return v * v.item(); }, x), TraceError);
  EXPECT_THROW(trace([](Tensor v) { return v * (v + 1).item(); }, x), TraceError);
  // And the thread is as it was.
  EXPECT_EQ(w.item(), 2);
  EXPECT_EQ(current_trace(), 0u);
}

TEST(Trace, ErrorsLeaveEverythingAsItWas) {
  const Tensor x({1});
  Tensor w({2});
  const std::int64_t before = live_records();
  const auto rebinds = [&](Tensor v) {
    w.set_data(v);
    return v;
  };
  EXPECT_THROW(trace(rebinds, x), TraceError);
  EXPECT_THROW(trace([](Tensor v) { return v + Tensor({1, 2, 3}) + Tensor({1, 2}); }, x),
               ShapeError);
  EXPECT_THROW(trace(
                   [](Tensor v) -> Tensor {
                     throw std::runtime_error("mine");
                     return v;
                   },
                   x),
               std::runtime_error);
  EXPECT_EQ(current_trace(), 0u);
  EXPECT_TRUE(grad_enabled());
  EXPECT_EQ(live_records(), before);
  EXPECT_EQ(w.item(), 2);
  // What the function made itself, it may rebind.
  EXPECT_EQ(text(trace(
                [](Tensor v) {
                  Tensor local({1});
                  local.set_data(v + v);
                  return local;
                },
                x)),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> f32[1] {\n"
            "  %1 = add(%0, %0) : f32[1]\n"
            "  return %1\n"
            "}\n");
}

TEST(Trace, WhatLeavesATraceHasNoData) {
  std::vector<Tensor> leaked;
  trace(
      [&](Tensor v) {
        leaked = {v, v + 1};
        return v;
      },
      Tensor({1}));
  EXPECT_THROW(leaked[0].realize(), TraceError);
  EXPECT_THROW(leaked[1].to_string(), TraceError);
}

TEST(Trace, Nests) {
  const Tensor x({1});
  EXPECT_EQ(text(trace(
                [](Tensor v) {
                  const Trace inner = trace_captures([&](Tensor u) { return u + v; }, v);
                  EXPECT_EQ(inner.graph.num_parameters(), 2u);
                  EXPECT_TRUE(inner.captured[0].is(v));
                  return v * v;
                },
                x)),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> f32[1] {\n"
            "  %1 = mul(%0, %0) : f32[1]\n"
            "  return %1\n"
            "}\n");
}

}  // namespace
}  // namespace ndl
