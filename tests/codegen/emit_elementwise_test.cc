// What lanes compute is what the interpreter computes: every elementwise op on every dtype, bit for
// bit (all NaNs equal), on every target; but where multiply and add do not fuse, leaf functions of
// 16-bit floats may give the neighbour of that.
#include "codegen/emit_elementwise.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "ir/interpreter.h"
#include "tests/codegen/lane_functions.h"
#include "tests/codegen/lane_values.h"
#include "tests/codegen/op_dtypes.h"
#include "tests/math/leaves.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

constexpr std::int64_t kElements = 1 << 14;  // a multiple of every width

// Whether the op is a leaf function, of which targets that do not fuse multiply and add have a
// variant of its own accuracy.
bool is_leaf(const ir::OpDef& def) { return ir::math::test::bounds_of(def.name).has_value(); }

// Whether the 16-bit floats a and b are equal or neighbours.
bool are_close(std::uint16_t a, std::uint16_t b) {
  const auto order = [](std::uint16_t bits) {
    const int magnitude = bits & 0x7fff;
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  };
  return std::abs(order(a) - order(b)) <= 1;
}

struct Case {
  const ir::OpDef* def;
  std::string target;
};

class EmitElementwise : public testing::TestWithParam<Case> {};

TEST_P(EmitElementwise, ComputesTheInterpretersBits) {
  const ir::OpDef& def = *GetParam().def;
  const Target target = target_named(GetParam().target);
  const bool is_bounded = !target.has_fma && is_leaf(def);
  LaneFunctions functions(target);
  for (const DType dtype : dtypes_of(def)) {
    functions.add(std::string(name_of(dtype)), operand_dtypes(def, dtype), result_dtype(def, dtype),
                  static_cast<unsigned>(target.vector_bytes / 4),
                  [&](std::span<llvm::Value* const> operands) {
                    return emit_elementwise(def.op, dtype, operands);
                  });
  }
  const auto code = functions.compile();

  for (const DType dtype : dtypes_of(def)) {
    // leaf_without_fma_test.cc judges the wide ones.
    if (is_bounded && !is_half(dtype)) continue;
    std::vector<ir::Literal> operands;
    for (const DType operand : operand_dtypes(def, dtype)) {
      operands.push_back(random_values({operand, {kElements}}, 100 * operands.size() + 7));
    }
    const ir::TensorType result{result_dtype(def, dtype), {kElements}};
    const ir::Literal want = ir::evaluate_node(def.op, {}, result, operands).front();
    const ir::Literal got = run_lanes(*code, std::string(name_of(dtype)), operands, result.dtype);
    for (std::int64_t k = 0; k < kElements; ++k) {
      if (test::same_element(got, want, k)) continue;
      if (is_bounded) {
        std::uint16_t bits[2];
        std::memcpy(&bits[0], got.bytes() + 2 * k, 2);
        std::memcpy(&bits[1], want.bytes() + 2 * k, 2);
        if (are_close(bits[0], bits[1])) continue;
      }
      FAIL() << def.name << " of " << name_of(dtype) << " of " << operands[0].as_double(k) << ", "
             << operands.back().as_double(k) << ": " << got.as_double(k) << ", not "
             << want.as_double(k);
    }
  }
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const ir::OpDef& def : ir::all_ops()) {
    if (!def.is_elementwise()) continue;
    for (const char* target : {"native", "x86-64-v3", "x86-64"}) cases.push_back({&def, target});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ops, EmitElementwise, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = fmt::format("{}_{}", info.param.def->name, info.param.target);
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Target, NamesAreChecked) {
  EXPECT_THROW(target_named("pentium"), UsageError);
  EXPECT_EQ(target_named("x86-64").vector_bytes, 16);
  EXPECT_FALSE(target_named("x86-64").has_fma);
  EXPECT_EQ(target_names().front(), "native");
}

}  // namespace
}  // namespace ndl::codegen
