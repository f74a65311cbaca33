// Conversions and bitcasts between all dtypes give the interpreter's bits, in lanes of every width
// on every target.
#include "codegen/emit_convert.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "ir/convert_elements.h"
#include "ir/interpreter.h"
#include "tests/codegen/lane_functions.h"
#include "tests/codegen/lane_values.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

constexpr unsigned kWidths[] = {1, 2, 4, 8, 16};

std::vector<DType> dtypes() {
  std::vector<DType> all;
  for (int i = 0; i < kDTypeCount; ++i) all.push_back(static_cast<DType>(i));
  return all;
}

std::string function_name(std::string_view op, DType to, unsigned width) {
  return fmt::format("{}.{}.{}", op, name_of(to), width);
}

bool has_bitcast(DType from, DType to) {
  return kNumeric.contains(to) && size_of(from) == size_of(to);
}

// The dtype that is converted from, and the target.
class EmitConvert : public testing::TestWithParam<std::tuple<DType, std::string>> {
 protected:
  DType from() const { return std::get<0>(GetParam()); }
  LaneFunctions functions() const { return LaneFunctions(target_named(std::get<1>(GetParam()))); }

  // Runs the functions of that name of every width. `reference` computes what they shall give.
  template <class Reference>
  void expect_results(const MachineCode& code, std::string_view name, DType to,
                      const Reference& reference) const {
    const ir::Literal in = lane_values(from());
    const ir::Literal want = reference(in);
    for (const unsigned width : kWidths) {
      const std::string function = function_name(name, to, width);
      const ir::Literal got = run_lanes(code, function, {{in}}, want.dtype());
      if (got == want) continue;  // else NaNs may differ in bits
      for (std::int64_t k = 0; k < in.size(); ++k) {
        ASSERT_TRUE(test::same_element(got, want, k))
            << function << " of " << fmt::format("{:a}", in.as_double(k)) << ": "
            << got.as_double(k) << ", not " << want.as_double(k);
      }
    }
  }

  void expect_interpreters_results(const MachineCode& code, ir::Op op, DType to) const {
    expect_results(code, name_of(op), to, [&](const ir::Literal& in) {
      return ir::evaluate_node(op, {}, ir::TensorType{to, in.shape()}, {{in}}).front();
    });
  }
};

TEST_P(EmitConvert, ConvertsAsTheInterpreter) {
  LaneFunctions functions = this->functions();
  for (const DType to : dtypes()) {
    for (const unsigned width : kWidths) {
      functions.add(
          function_name("convert", to, width), {{from()}}, to, width,
          [&](std::span<llvm::Value* const> v) { return emit_convert(from(), to, v[0]); });
    }
  }
  const auto code = functions.compile();
  for (const DType to : dtypes()) expect_interpreters_results(*code, ir::Op::kConvert, to);
}

TEST_P(EmitConvert, BitcastsAsTheInterpreter) {
  LaneFunctions functions = this->functions();
  for (const DType to : dtypes()) {
    if (!has_bitcast(from(), to)) continue;
    for (const unsigned width : kWidths) {
      functions.add(
          function_name("bitcast", to, width), {{from()}}, to, width,
          [&](std::span<llvm::Value* const> v) { return emit_bitcast(from(), to, v[0]); });
    }
  }
  const auto code = functions.compile();
  for (const DType to : dtypes()) {
    if (has_bitcast(from(), to)) expect_interpreters_results(*code, ir::Op::kBitcast, to);
  }
}

// What stays in a register is rounded: halves that are stored as f32 show it.
TEST_P(EmitConvert, HalvesInLanesAreRounded) {
  const auto rounded = [&](DType half, llvm::Value* value) {
    return from() == DType::kF32 ? round_lanes(half, value) : emit_convert(from(), half, value);
  };
  LaneFunctions functions = this->functions();
  for (const DType half : {DType::kF16, DType::kBF16}) {
    for (const unsigned width : kWidths) {
      functions.add(function_name("round", half, width), {{from()}}, DType::kF32, width,
                    [&](std::span<llvm::Value* const> v) { return rounded(half, v[0]); });
    }
  }
  const auto code = functions.compile();
  for (const DType half : {DType::kF16, DType::kBF16}) {
    expect_results(*code, "round", half, [&](const ir::Literal& in) {
      return ir::converted(ir::converted(in, half), DType::kF32);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, EmitConvert,
                         testing::Combine(testing::ValuesIn(dtypes()),
                                          testing::Values("native", "x86-64-v3", "x86-64")),
                         [](const auto& info) {
                           std::string name = fmt::format("{}_{}", name_of(std::get<0>(info.param)),
                                                          std::get<1>(info.param));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace ndl::codegen
