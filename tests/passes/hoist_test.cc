// Random loops full of products: whatever moves out of them, every bit stays.
#include "passes/hoist.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "ir/builder.h"
#include "ir/control_flow.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/pass.h"
#include "tests/random.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

// A scan over matrices of 3 columns, with a state or two, items, and matrices that stay.
class RandomLoop {
 public:
  explicit RandomLoop(std::uint64_t seed) : random_(mix_bits(seed)) {}

  Graph make() {
    const std::int64_t length = random_.between(0, 4);
    const std::int64_t rows = random_.between(1, 3);
    const std::int64_t states = random_.between(0, 2);
    const std::int64_t items = random_.between(1, 3);
    const ir::TensorType row{DType::kF32, {rows, 3}};
    const ir::TensorType square{DType::kF32, {3, 3}};
    Graph graph("loop");
    Builder b(graph);
    auto body = std::make_shared<Graph>("body");
    Builder inside(*body);
    std::vector<Value> operands;
    std::vector<Value> values;    // of the shape of rows
    std::vector<Value> matrices;  // that stay
    const auto add = [&](const ir::TensorType& outer, const ir::TensorType& inner,
                         std::vector<Value>& to) {
      operands.push_back(b.parameter(outer));
      to.push_back(inside.parameter(inner));
    };
    for (std::int64_t i = 0; i < states; ++i) add(row, row, values);
    for (std::int64_t i = 0; i < items; ++i) add({DType::kF32, {length, rows, 3}}, row, values);
    for (int i = 0; i < 2; ++i) add(square, square, matrices);
    for (int i = 0; i < 10; ++i) values.push_back(op(inside, values, matrices));
    std::vector<Value> results;
    const std::int64_t outputs = random_.between(states == 0 ? 1 : 0, 3);
    for (std::int64_t i = 0; i < states + outputs; ++i) results.push_back(any(values));
    inside.set_result(results.size() == 1 && random_.one_in(2) ? results[0]
                                                               : inside.make_tuple(results));
    b.set_result(b.scan(operands, body, length, states, items, random_.one_in(2)));
    return graph;
  }

 private:
  Value any(const std::vector<Value>& from) {
    return from[static_cast<std::size_t>(random_.below(std::ssize(from)))];
  }

  Value op(Builder& b, const std::vector<Value>& values, const std::vector<Value>& matrices) {
    const Value x = any(values);
    const Value y = any(values);
    const ir::Shape shape = b.type(x).shape();
    switch (random_.below(8)) {
      case 0:
        return b.add(x, y);
      case 1:
        return b.sub(x, b.constant_like(x, 0.5));
      case 2:
        return b.max(x, y);
      case 3: {
        const Value turned = b.transpose(any(matrices), {1, 0});
        return b.matmul(x, turned);
      }
      case 4: {  // of two that change
        const Value turned = b.transpose(x, {1, 0});
        const Value product = b.matmul(turned, y);
        return b.matmul(x, product);
      }
      case 5: {
        const Value sum = b.reduce(x, ir::ReduceKind::kSum, {0});
        return b.broadcast(sum, shape);
      }
      default:
        return b.matmul(x, any(matrices));
    }
  }

  test::Random random_;
};

int count_products_in_loops(const Graph& graph) {
  int count = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!ir::is_control_flow(graph.op({id}))) continue;
    const Graph& body = *graph.attributes({id}).region(Attr::kBody);
    const std::vector<bool> live = body.live_nodes();
    for (std::uint32_t k = 0; k < body.size(); ++k) {
      if (live[k] && body.op({k}) == Op::kMatmul) ++count;
    }
  }
  return count;
}

TEST(Hoist, OfRandomLoopsKeepsEveryBit) {
  int fewer = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    const Graph graph = RandomLoop(seed).make();
    const Graph after = run_pipeline(graph, parse_pipeline("hoist"), {.verify_each = true});
    test::expect_same_results(graph, after, seed);
    if (HasFatalFailure())
      FAIL() << "seed " << seed << "\n" << ir::print(graph) << ir::print(after);
    if (count_products_in_loops(after) < count_products_in_loops(graph)) ++fewer;
  }
  EXPECT_GT(fewer, 1000);
}

// The gradient of a loop whose body uses a matrix many times: neither deep recursion nor a term for
// each way through the sums.
TEST(Hoist, GradientsOfManyUses) {
  const auto loop = [](auto&& make) {
    auto body = std::make_shared<Graph>("body");
    Builder inside(*body);
    const Value x = inside.parameter(ir::TensorType{DType::kF32, {2, 2}});
    const Value w = inside.parameter(ir::TensorType{DType::kF32, {2, 2}});
    inside.set_result(make(inside, x, w));
    Graph graph("loop");
    Builder b(graph);
    const Value xs = b.parameter(ir::TensorType{DType::kF32, {3, 2, 2}});
    const Value fixed = b.parameter(ir::TensorType{DType::kF32, {2, 2}});
    b.set_result(b.scan(std::array{xs, fixed}, body, 3, 0, 1));
    return graph;
  };
  const Graph doubled = loop([](Builder& b, Value x, Value w) {
    for (int i = 0; i < 60; ++i) w = b.add(w, w);
    return b.matmul(w, x);
  });
  EXPECT_LT(run_pipeline(doubled, parse_pipeline("vjp")).size(), 100u);
  const Graph deep = loop([](Builder& b, Value x, Value w) {
    for (int i = 0; i < 50000; ++i) x = b.matmul(x, w);
    return x;
  });
  EXPECT_LT(run_pipeline(deep, parse_pipeline("vjp")).size(), 100u);
}

}  // namespace
}  // namespace ndl::passes
