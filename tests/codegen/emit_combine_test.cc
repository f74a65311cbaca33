// A step of a reduction over lanes is that of the interpreter, bit for bit.
#include "codegen/emit_combine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "ir/reduction.h"
#include "tests/codegen/lane_functions.h"
#include "tests/codegen/lane_values.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

using ir::ReduceKind;

constexpr unsigned kWidths[] = {1, 4, 16};
constexpr std::int64_t kElements = 1 << 14;

struct Reduction {
  ReduceKind kind;
  DType accumulator;

  bool is_defined() const {
    const bool is_bitwise = kind == ReduceKind::kAnd || kind == ReduceKind::kOr;
    return (is_bitwise ? kBitwise : kNumeric).contains(accumulator) &&
           ir::default_accumulator(kind, accumulator) == accumulator;
  }
};

std::vector<Reduction> reductions() {
  std::vector<Reduction> all;
  for (const ReduceKind kind : {ReduceKind::kSum, ReduceKind::kProd, ReduceKind::kMax,
                                ReduceKind::kMin, ReduceKind::kAnd, ReduceKind::kOr}) {
    for (int i = 0; i < kDTypeCount; ++i) {
      const Reduction reduction{kind, static_cast<DType>(i)};
      if (reduction.is_defined()) all.push_back(reduction);
    }
  }
  return all;
}

std::string function_name(std::string_view what, const Reduction& reduction, unsigned width) {
  return fmt::format("{}.{}.{}.{}", what, static_cast<int>(reduction.kind),
                     name_of(reduction.accumulator), width);
}

class EmitCombine : public testing::TestWithParam<std::string> {};

TEST_P(EmitCombine, CombinesAsTheInterpreter) {
  LaneFunctions functions(target_named(GetParam()));
  for (const Reduction& r : reductions()) {
    const DType dtype = r.accumulator;
    for (const unsigned width : kWidths) {
      functions.add(
          function_name("combine", r, width), {{dtype, dtype}}, dtype, width,
          [&](std::span<llvm::Value* const> v) { return emit_combine(r.kind, dtype, v[0], v[1]); });
      functions.add(function_name("with_neutral", r, width), {{dtype}}, dtype, width,
                    [&](std::span<llvm::Value* const> v) {
                      return emit_combine(r.kind, dtype, v[0], emit_neutral(r.kind, dtype));
                    });
      functions.add(function_name("neutral", r, width), {{dtype}}, dtype, width,
                    [&](std::span<llvm::Value* const>) { return emit_neutral(r.kind, dtype); });
      functions.add(function_name("empty", r, width), {{dtype}}, dtype, width,
                    [&](std::span<llvm::Value* const>) { return emit_empty(r.kind, dtype); });
    }
  }
  const auto code = functions.compile();

  for (const Reduction& r : reductions()) {
    const DType dtype = r.accumulator;
    const ir::TensorType type{dtype, {kElements}};
    const ir::Literal a = random_values(type, 7);
    const ir::Literal b = random_values(type, 107);
    ir::Literal combined;
    ir::Literal neutral;
    ir::Literal empty;
    ir::visit_reduction(r.kind, dtype, [&]<ReduceKind kKind, class A>() {
      const ir::TensorType accumulated{dtype_of<A>, {kElements}};
      const ir::Literal x = ir::converted(a, dtype_of<A>);
      const ir::Literal y = ir::converted(b, dtype_of<A>);
      ir::Literal z = ir::Literal::uninitialized(accumulated);
      for (std::int64_t i = 0; i < kElements; ++i) {
        z.mutable_data<A>()[i] = ir::combine<kKind>(x.at<A>(i), y.at<A>(i));
      }
      combined = ir::converted(z, dtype);
      neutral = ir::converted(
          ir::Literal::splat(accumulated, ir::neutral_element<kKind, A>()).dense(), dtype);
      empty = ir::converted(
          ir::Literal::splat(accumulated, ir::empty_reduction<kKind, A>()).dense(), dtype);
    });
    const auto expect = [&](std::string_view what, std::span<const ir::Literal> operands,
                            const ir::Literal& want) {
      for (const unsigned width : kWidths) {
        const std::string name = function_name(what, r, width);
        const ir::Literal got = run_lanes(*code, name, operands, dtype);
        if (got == want) continue;  // else NaNs may differ in bits
        for (std::int64_t k = 0; k < kElements; ++k) {
          ASSERT_TRUE(test::same_element(got, want, k))
              << name << " of " << a.as_double(k) << ", " << b.as_double(k) << ": "
              << got.as_double(k) << ", not " << want.as_double(k);
        }
      }
    };
    expect("combine", {{a, b}}, combined);
    expect("with_neutral", {{a}}, a);
    expect("neutral", {{a}}, neutral);
    expect("empty", {{a}}, empty);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, EmitCombine, testing::Values("native", "x86-64-v3", "x86-64"));

}  // namespace
}  // namespace ndl::codegen
