// Accuracy of the leaf functions where the target does not fuse multiply and add: plain x86-64.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "codegen/emit_elementwise.h"
#include "ir/op.h"
#include "tests/codegen/lane_functions.h"
#include "tests/math/leaves.h"

namespace ndl::ir::math::test {
namespace {

using codegen::LaneFunctions;

// The row with functions that are compiled lanes, and their bounds; `code` has to outlive it.
template <class Row>
Row compiled(const Row& row, std::unique_ptr<codegen::MachineCode>& code) {
  constexpr unsigned kOperands = std::is_same_v<Row, Unary> ? 1 : 2;
  const codegen::Target target = codegen::target_named("x86-64");
  NDL_CHECK(!target.has_fma);
  const OpDef* def = find_op(row.name);
  NDL_CHECK(def != nullptr);
  LaneFunctions functions(target);
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    const auto width =
        static_cast<unsigned>(target.vector_bytes) / static_cast<unsigned>(size_of(dtype));
    functions.add_scalar(std::string(name_of(dtype)), dtype, kOperands, width,
                         [&](std::span<llvm::Value* const> operands) {
                           return codegen::emit_elementwise(def->op, dtype, operands);
                         });
  }
  code = functions.compile();
  Row result = row;
  result.float_fn = reinterpret_cast<decltype(result.float_fn)>(code->function("f32"));
  result.double_fn = reinterpret_cast<decltype(result.double_fn)>(code->function("f64"));
  result.bound = row.without_fma;
  return result;
}

template <class Row>
class LeafWithoutFma : public testing::TestWithParam<Row> {
 protected:
  void expect_within_bounds() const {
    std::unique_ptr<codegen::MachineCode> code;
    const Row row = compiled(this->GetParam(), code);
    check<float>(row);
    check<double>(row);
  }
};

using UnaryWithoutFma = LeafWithoutFma<Unary>;
TEST_P(UnaryWithoutFma, IsWithinBounds) { expect_within_bounds(); }
INSTANTIATE_TEST_SUITE_P(Leaves, UnaryWithoutFma, testing::ValuesIn(unary_leaves()),
                         [](const auto& info) { return std::string(info.param.name); });

using BinaryWithoutFma = LeafWithoutFma<Binary>;
TEST_P(BinaryWithoutFma, IsWithinBounds) { expect_within_bounds(); }
INSTANTIATE_TEST_SUITE_P(Leaves, BinaryWithoutFma, testing::ValuesIn(binary_leaves()),
                         [](const auto& info) { return std::string(info.param.name); });

// The results that the op table promises to be exact are so here, too.
template <class E>
void expect_exact(E (*exp2)(E), E (*log2)(E)) {
  using Limits = std::numeric_limits<E>;
  for (int n = Limits::min_exponent - Limits::digits; n < Limits::max_exponent; ++n) {
    const E power = std::ldexp(E(1), n);
    EXPECT_EQ(exp2(E(n)), power);
    EXPECT_EQ(log2(power), E(n));
  }
}

TEST(WithoutFma, PowersOfTwoAreExact) {
  const auto row_named = [](std::string_view name) {
    return *std::ranges::find(unary_leaves(), name, &Unary::name);
  };
  std::unique_ptr<codegen::MachineCode> code[2];
  const Unary exp2 = compiled(row_named("exp2"), code[0]);
  const Unary log2 = compiled(row_named("log2"), code[1]);
  expect_exact(exp2.float_fn, log2.float_fn);
  expect_exact(exp2.double_fn, log2.double_fn);
}

}  // namespace
}  // namespace ndl::ir::math::test
