// Branches and loops of the front end, against loops in C++ that are unrolled into the program.
#include "needle/control_flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "codegen/counters.h"
#include "needle/needle.h"
#include "runtime/counters.h"
#include "tests/needle/expect_close.h"

namespace ndl {
namespace {

using test::expect_close;
using Doubles = std::vector<double>;
using Span = std::span<const Tensor>;

const TensorOptions kF64{.dtype = DType::kF64};

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.message();
  }
  return "";
}

TEST(Cond, TakesOneSide) {
  const Tensor x({1, 2}, kF64);
  const auto pick = [&](const Tensor& p) {
    return cond(p, [&] { return x * 2; }, [&] { return -x; });
  };
  expect_close(pick(sum(x) > 0), {2, 4});
  expect_close(pick(sum(x) < 0), {-1, -2});
}

TEST(Cond, PassesArgumentsAndTuples) {
  const Tensor x({1, 2}, kF64);
  const TensorTuple both = cond(
      amax(x) > 1, [](const Tensor& t) { return make_tuple({t, t + 1}); },
      [](const Tensor& t) { return make_tuple({t, t}); }, x);
  expect_close(both[1], {2, 3});
}

TEST(Cond, ComputesOneSideAlone) {
  const Tensor x({1, 2}, kF64);
  const Tensor far = Tensor({9}, {.dtype = DType::kI32});
  // The index is an error on the side that is not taken.
  const Tensor y = cond(sum(x) > 0, [&] { return x * 2; }, [&] { return x + take(x, far); });
  expect_close(y, {2, 4});
}

TEST(Cond, HasGradientsOfTheSideTaken) {
  for (const double sign : {1.0, -1.0}) {
    const Tensor x({0.5, 2.0}, kF64);
    const Tensor w({3.0, 4.0}, kF64);
    const Tensor y =
        cond(sum(x) * sign > 0, [&] { return sum(x * x * w); }, [&] { return sum(sin(x)); });
    y.backward();
    if (sign > 0) {
      expect_close(x.grad(), {3, 16});
      expect_close(w.grad(), {0.25, 4});
    } else {
      expect_close(x.grad(), {std::cos(0.5), std::cos(2.0)});
      expect_close(w.grad(), {0, 0});
    }
  }
}

TEST(Cond, RefusesWhatDoesNotFit) {
  const Tensor x({1, 2});
  EXPECT_EQ(
      message_of<VerifyError>([&] { cond(sum(x) > 0, [&] { return x; }, [&] { return sum(x); }); }),
      "cond: 'then' gives f32[2], and 'else' f32[]; they must give the same type");
  EXPECT_EQ(message_of<ShapeError>([&] { cond(x > 0, [&] { return x; }, [&] { return x; }); }),
            "cond: pred must be bool[], got bool[2]");
  EXPECT_EQ(message_of<DTypeError>([&] { cond(sum(x), [&] { return x; }, [&] { return x; }); }),
            "cond: f32 is not allowed; allowed are: bool");
}

TEST(WhileLoop, GoesOnWhileTheConditionHolds) {
  const Tensor a = Tensor::scalar(2, kF64);
  const Tensor root =
      while_loop([&](const Tensor& r) { return abs(r * r - a) > 1e-13; },
                 [&](const Tensor& r) { return (r + a / r) / 2; }, Tensor::scalar(1, kF64));
  EXPECT_NEAR(root.to_vector<double>()[0], std::sqrt(2.0), 1e-13);
}

// The first state, read from outside as well, is not what the state becomes.
TEST(WhileLoop, MayReadItsFirstState) {
  const Tensor x({1.0}, kF64);
  const Tensor y = while_loop([](const Tensor& t) { return sum(t) < 10; },
                              [&](const Tensor& t) { return t + x; }, x, {.limit = 20});
  expect_close(y, {10});
  y.backward();
  expect_close(x.grad(), {10});
}

TEST(Scan, MayReadAllItems) {
  const Tensor xs({{1, 2}, {3, 4}, {5, 6}}, kF64);
  const auto [last, all] =
      scan([&](const Tensor& s, const Tensor& x) { return std::pair(s + sum(xs), x * s); },
           Tensor::scalar(1, kF64), xs);
  expect_close(last, {64});
  last.backward();
  expect_close(xs.grad(), {3, 3, 3, 3, 3, 3});
}

TEST(WhileLoop, HasAStateOfSeveralTensors) {
  const std::vector<Tensor> last = while_loop(
      [](Span s) { return s[0] > 1; },
      [](Span s) {
        return std::vector<Tensor>{
            where(eq(rem(s[0], 2), 0), astype(s[0] / 2, DType::kI64), s[0] * 3 + 1), s[1] + 1};
      },
      {Tensor::scalar(27, {.dtype = DType::kI64}), Tensor::scalar(0, {.dtype = DType::kI64})});
  EXPECT_EQ(last[0].to_vector<std::int64_t>()[0], 1);
  EXPECT_EQ(last[1].to_vector<std::int64_t>()[0], 111);
}

TEST(WhileLoop, EndsAtItsLimit) {
  const auto endless = [](const Tensor&) { return Tensor::scalar(1) > 0; };
  const auto twice = [](const Tensor& t) { return t + t; };
  const Tensor one = Tensor::scalar(1, kF64);
  for (const int limit : {0, 1, 2, 5}) {
    const Tensor y = while_loop(endless, twice, one, {.limit = limit});
    EXPECT_EQ(y.to_vector<double>()[0], std::ldexp(1.0, limit));
  }
}

TEST(WhileLoop, HasGradientsUpToItsLimit) {
  const Tensor x = Tensor::scalar(1.5, kF64);
  const Tensor w = Tensor::scalar(2.0, kF64);
  // x w^3, where it first exceeds 10.
  const Tensor y = while_loop([](const Tensor& t) { return t < 10; },
                              [&](const Tensor& t) { return t * w; }, x, {.limit = 20});
  y.backward();
  EXPECT_EQ(y.to_vector<double>()[0], 12);
  expect_close(x.grad(), {8});
  expect_close(w.grad(), {1.5 * 3 * 4});
}

TEST(WhileLoop, WithoutALimitHasNoGradient) {
  const Tensor x = Tensor::scalar(1.5, kF64);
  const Tensor y =
      while_loop([](const Tensor& t) { return t < 10; }, [](const Tensor& t) { return t * 2; }, x);
  EXPECT_EQ(y.to_vector<double>()[0], 12);
  EXPECT_EQ(message_of<UnsupportedError>([&] { y.backward(); }),
            "while: without a limit it has no derivative; give it one");
}

TEST(WhileLoop, RefusesWhatDoesNotFit) {
  const Tensor x({1, 2});
  const auto yes = [](const Tensor& t) { return sum(t) > 0; };
  EXPECT_EQ(
      message_of<VerifyError>([&] { while_loop(yes, [](const Tensor& t) { return sum(t); }, x); }),
      "while: the state 0 is f32[2], and the body makes f32[] of it; they must be the same");
  EXPECT_EQ(message_of<VerifyError>([&] {
              while_loop([](const Tensor& t) { return t > 0; }, [](const Tensor& t) { return t; },
                         x);
            }),
            "while: the condition must give bool[], not bool[2]");
  EXPECT_EQ(message_of<VerifyError>(
                [&] { while_loop(yes, [](const Tensor& t) { return t; }, x, {.limit = -3}); }),
            "while: limit=-3 must not be negative; -1 is none");
  EXPECT_EQ(message_of<TraceError>([&] {
              while_loop(yes, [](const Tensor& t) { return t * t.to_vector<float>()[0]; }, x);
            }).substr(0, 10),
            "realize: a");
}

TEST(Scan, CarriesAndStacks) {
  const Tensor xs({1, 2, 3, 4}, kF64);
  const auto step = [](const Tensor& s, const Tensor& x) { return std::pair(s + x, s * x); };
  const auto [last, all] = scan(step, Tensor::scalar(1, kF64), xs);
  expect_close(last, {11});
  expect_close(all, {1, 4, 12, 28});
  const auto [first, back] = scan(step, Tensor::scalar(1, kF64), xs, {.reverse = true});
  expect_close(first, {11});
  expect_close(back, {10, 16, 15, 4});
}

TEST(Scan, OfSeveralTensorsAndOfNone) {
  const ScanStep fibonacci =
      scan([](Span s, Span) { return ScanStep{{s[1], s[0] + s[1]}, {s[0]}}; },
           {Tensor::scalar(0, kF64), Tensor::scalar(1, kF64)}, {}, {.length = 8});
  expect_close(fibonacci.state[0], {21});
  expect_close(fibonacci.outputs[0], {0, 1, 1, 2, 3, 5, 8, 13});
  const ScanStep nothing = scan([](Span s, Span) { return ScanStep{{s[0] * 2}, {}}; },
                                {Tensor::scalar(3, kF64)}, {}, {.length = 0});
  expect_close(nothing.state[0], {3});
}

TEST(Scan, RefusesWhatDoesNotFit) {
  const Tensor x({1, 2});
  const auto same = [](Span s, Span) { return ScanStep{{s.begin(), s.end()}, {}}; };
  EXPECT_EQ(message_of<UsageError>([&] { scan(same, {x}, {}); }),
            "scan: without items it needs a length");
  EXPECT_EQ(message_of<ShapeError>([&] { scan(same, {x}, {sum(x)}); }),
            "scan: items are f32[], which has no axis to go along");
  EXPECT_EQ(message_of<ShapeError>([&] { scan(same, {x}, {x}, {.length = 3}); }),
            "scan: operand 1, f32[2], is scanned, so its axis 0 must have extent 3");
  EXPECT_EQ(message_of<UsageError>([&] { scan([](Span, Span) { return ScanStep{}; }, {x}, {x}); }),
            "scan: the body gives a state of 0 tensors for one of 1");
}

Tensor random_f64(const ir::Shape& shape, double deviation) {
  return Tensor(init::randn(shape, 0, deviation).to_vector<double>(), shape, kF64);
}

// A recurrent network of `length` steps as a loop of the program, or of C++.
struct Network {
  Tensor w = random_f64({5, 5}, 0.5);
  Tensor u = random_f64({3, 5}, 0.5);
  Tensor h = zeros({2, 5}, kF64);

  Tensor step(const Tensor& state, const Tensor& x) const {
    return tanh(matmul(state, w) + matmul(x, u));
  }
  Tensor scanned(const Tensor& xs) const {
    const auto [last, all] = scan(
        [&](const Tensor& state, const Tensor& x) {
          const Tensor next = step(state, x);
          return std::pair(next, next);
        },
        h, xs);
    return sum(last * last) + sum(sin(all));
  }
  Tensor unrolled(const Tensor& xs) const {
    Tensor state = h;
    Tensor loss = Tensor::scalar(0, kF64);
    for (std::int64_t i = 0; i < xs.shape()[0]; ++i) {
      state = step(state, xs[{i}]);
      loss = loss + sum(sin(state));
    }
    return loss + sum(state * state);
  }
};

TEST(Scan, OfARecurrentNetworkIsItsUnrolling) {
  const Network net;
  const Tensor xs = random_f64({7, 2, 3}, 1.0);
  std::vector<Doubles> gradients;
  for (const bool is_loop : {false, true}) {
    const Tensor loss = is_loop ? net.scanned(xs) : net.unrolled(xs);
    loss.backward();
    if (!is_loop) {
      gradients.push_back(loss.to_vector<double>());
      for (const Tensor* t : {&net.w, &net.u, &net.h, &xs}) {
        gradients.push_back(t->grad().to_vector<double>());
      }
    } else {
      expect_close(loss, gradients[0], 1e-12);
      int k = 1;
      for (const Tensor* t : {&net.w, &net.u, &net.h, &xs}) {
        expect_close(t->grad(), gradients[static_cast<std::size_t>(k++)], 1e-12);
      }
    }
  }
}

TEST(Scan, HasGradientsOfGradients) {
  const auto f = [](const Tensor& x) {
    return scan([](const Tensor& s, const Tensor& t) { return std::pair(s * t + sin(s), s); },
                Tensor::scalar(0.3, kF64), x)
        .first;
  };
  const auto unrolled = [](const Tensor& x) {
    Tensor s = Tensor::scalar(0.3, kF64);
    for (std::int64_t i = 0; i < 4; ++i) s = s * x[{i}] + sin(s);
    return s;
  };
  const Tensor x({0.5, -1.0, 2.0, 0.25}, kF64);
  expect_close(hessian(f)(x), hessian(unrolled)(x).to_vector<double>(), 1e-12);
}

TEST(Scan, TrainsInAJittedStep) {
  Network net;
  Network same = net;
  same.w = Tensor(net.w.to_vector<double>(), {5, 5}, kF64);
  const Tensor xs = random_f64({7, 2, 3}, 1.0);
  const auto train = [&](Network& n, bool is_loop) {
    optim::SGD sgd({n.w}, {.lr = 0.01});
    auto step = jit([&](const Tensor& x) {
      const Tensor loss = is_loop ? n.scanned(x) : n.unrolled(x);
      loss.backward();
      sgd.step();
      return loss;
    });
    Doubles losses;
    for (int i = 0; i < 5; ++i) losses.push_back(step(xs).to_vector<double>()[0]);
    return losses;
  };
  const Doubles want = train(net, false);
  const Doubles got = train(same, true);
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-9) << i;
  EXPECT_LT(want.back(), want.front());
}

// As many kernels are compiled for many steps as for few.
TEST(Scan, OfAThousandStepsIsALoop) {
  const auto compiled = [](std::int64_t length) {
    const Network net;
    const Tensor xs = random_f64({length, 2, 3}, 1.0);
    const ir::Graph graph = trace([&](const Tensor& x) { return net.scanned(x); }, xs);
    return graph.size();
  };
  EXPECT_EQ(compiled(1000), compiled(3));
  const Network net;
  const Tensor xs = random_f64({1000, 2, 3}, 1.0);
  auto f = jit([&](const Tensor& x) { return net.scanned(x); });
  f(xs).realize();
  const auto before = runtime::counters();
  f(xs).realize();
  const std::int64_t launches = runtime::counters().launches - before.launches;
  EXPECT_GE(launches, 1000);
  EXPECT_LE(launches, 4 * 1000 + 10);
}

TEST(Scan, ReportsAnIndexOutOfRange) {
  const Tensor x({1, 2, 3}, kF64);
  const Tensor places({0, 2, 7, 9}, {.dtype = DType::kI32});
  const auto [last, all] = scan(
      [&](const Tensor& s, const Tensor& i) { return std::pair(s + take(x, reshape(i, {1})), s); },
      zeros({1}, kF64), places);
  const std::string message = message_of<IndexError>([&] { last.realize(); });
  EXPECT_EQ(message, "gather: index 7 at position 0 is out of range for axis 0 of extent 3");
}

TEST(Vmap, MapsRows) {
  const Tensor xs({{1, 2}, {3, 4}, {5, 6}}, kF64);
  const Tensor w({10, 100}, kF64);
  expect_close(vmap([&](const Tensor& x) { return sum(x * w); })(xs), {210, 430, 650});
  expect_close(vmap(grad([](const Tensor& x) { return sum(x * x * x); }))(xs),
               {3, 12, 27, 48, 75, 108});
  const TensorTuple both =
      vmap([](const Tensor& x, const Tensor& y) { return make_tuple({x + y, amax(x)}); })(xs, xs);
  expect_close(both[0], {2, 4, 6, 8, 10, 12});
  expect_close(both[1], {2, 4, 6});
}

TEST(Vmap, NestsAndDifferentiates) {
  const Tensor a({{1, 2}, {3, 4}, {5, 6}}, kF64);
  const Tensor b({{1, -1}, {2, 0.5}}, kF64);
  const auto dots = vmap(
      [&](const Tensor& x) { return vmap([&](const Tensor& y) { return sum(x * y); })(b); })(a);
  expect_close(dots, matmul(a, transpose(b)).to_vector<double>());
  sum(sin(dots)).backward();
  const Doubles of_vmap = a.grad().to_vector<double>();
  sum(sin(matmul(a, transpose(b)))).backward();
  expect_close(a.grad(), of_vmap);
}

// An index that is out of range where the example does not go.
TEST(Vmap, GuardsIndicesOfEachExample) {
  const Tensor x({10, 20, 30, 40}, kF64);
  const Tensor places({2, 7}, {.dtype = DType::kI64});
  const auto guarded = vmap([&](const Tensor& i) {
    return cond(
        i < 4, [&] { return take(x, reshape(i, {1})); },
        [&] { return zeros_like(x[{0}]) + zeros({1}, kF64); });
  });
  expect_close(guarded(places), {30, 0});
  const auto sum_from = vmap([&](const Tensor& i) {
    return while_loop([](Span s) { return s[0] < 4; },
                      [&](Span s) {
                        return std::vector<Tensor>{s[0] + 1,
                                                   s[1] + sum(take(x, reshape(s[0], {1})))};
                      },
                      {i, Tensor::scalar(0, kF64)})[1];
  });
  expect_close(sum_from(Tensor({3, 1}, {.dtype = DType::kI64})), {40, 90});
}

TEST(Vmap, RefusesWhatHasNoRows) {
  const auto f = vmap([](const Tensor& x, const Tensor& y) { return x + y; });
  EXPECT_EQ(message_of<ShapeError>([&] { f(ones({2}), ones({3})); }),
            "vmap: f32[2] has 2 examples along axis 0, and f32[3] has 3");
  EXPECT_EQ(message_of<ShapeError>([&] { f(Tensor::scalar(1.5), ones({3})); }),
            "vmap: f32[] has no axis 0 of examples");
}

}  // namespace
}  // namespace ndl
