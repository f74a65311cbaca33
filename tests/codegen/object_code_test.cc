// Object code of every op over lanes, and of the kernels of all golden files, needs nothing from
// elsewhere: no mathematics of a C library, no conversions of a compiler's run-time library, and on
// plain x86-64 no newer instructions.
#include "tests/codegen/object_code.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codegen/emit_convert.h"
#include "codegen/emit_elementwise.h"
#include "codegen/emit_random.h"
#include "codegen/program.h"
#include "ir/op.h"
#include "tests/codegen/golden_files.h"
#include "tests/codegen/lane_functions.h"
#include "tests/codegen/op_dtypes.h"

namespace ndl::codegen {
namespace {

constexpr DType dtype_at(int index) { return static_cast<DType>(index); }

void add_elementwise(LaneFunctions& functions, unsigned width) {
  for (const ir::OpDef& def : ir::all_ops()) {
    if (!def.is_elementwise()) continue;
    for (const DType dtype : dtypes_of(def)) {
      functions.add(
          fmt::format("{}.{}.{}", def.name, name_of(dtype), width), operand_dtypes(def, dtype),
          result_dtype(def, dtype), width,
          [&](std::span<llvm::Value* const> v) { return emit_elementwise(def.op, dtype, v); });
    }
  }
}

void add_conversions(LaneFunctions& functions, unsigned width) {
  for (int i = 0; i < kDTypeCount; ++i) {
    for (int j = 0; j < kDTypeCount; ++j) {
      const DType from = dtype_at(i);
      const DType to = dtype_at(j);
      functions.add(fmt::format("convert.{}.{}.{}", name_of(from), name_of(to), width), {{from}},
                    to, width,
                    [&](std::span<llvm::Value* const> v) { return emit_convert(from, to, v[0]); });
    }
  }
}

void add_random(LaneFunctions& functions, unsigned width) {
  for (const DType dtype : {DType::kI32, DType::kI64}) {
    functions.add(
        fmt::format("random.{}.{}", name_of(dtype), width),
        {{DType::kI64, DType::kI64, DType::kI64}}, dtype, width,
        [&](std::span<llvm::Value* const> v) { return emit_random_bits(dtype, v[0], v[1], v[2]); });
  }
}

std::string object_for(const Target& target) {
  LaneFunctions functions(target);
  for (const unsigned width : {1u, static_cast<unsigned>(target.vector_bytes / 4)}) {
    add_elementwise(functions, width);
    add_conversions(functions, width);
    add_random(functions, width);
  }
  return functions.object();
}

// Code may be made, if not run, for a CPU that this one is not.
Target any_target(const std::string& name) {
  if (name == "x86-64-v4") return {name, name, {}, 64, true};
  return target_named(name);
}

void expect_self_contained(const std::string& object, const std::string& cpu) {
  for (const std::string& name : undefined_symbols(object)) {
    EXPECT_TRUE(name == "memcpy" || name == "memset" || name == "memmove") << name;
  }
  if (cpu != "x86-64") return;
  for (const std::string& text : instructions_beyond_sse2(object)) ADD_FAILURE() << text;
}

class ObjectCode : public testing::TestWithParam<std::string> {};

TEST_P(ObjectCode, NeedsNothingFromElsewhere) {
  expect_self_contained(object_for(any_target(GetParam())), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Targets, ObjectCode,
                         testing::Values("native", "x86-64-v4", "x86-64-v3", "x86-64"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

class GoldenObject : public testing::TestWithParam<std::string> {};

TEST_P(GoldenObject, NeedsNothingFromElsewhere) {
  const ir::Graph graph = read_graph(GetParam());
  for (const char* cpu : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    SCOPED_TRACE(cpu);
    CompileOptions options;
    options.cpu = cpu;
    expect_self_contained(compile_to(graph, Stage::kObject, options), cpu);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenObject, testing::ValuesIn(golden_files()), golden_file_name);

// What the tests above would find.
TEST(InstructionsBeyondSse2, AreSeen) {
  const auto found = [](const char* feature) {
    Target target = target_named("x86-64");
    target.features = {feature};
    LaneFunctions functions(target);
    functions.add("max", {{DType::kI32, DType::kI32}}, DType::kI32, 4,
                  [](std::span<llvm::Value* const> v) {
                    return emit_elementwise(ir::Op::kMax, DType::kI32, v);
                  });
    return instructions_beyond_sse2(functions.object());
  };
  EXPECT_TRUE(found("+sse2").empty());
  EXPECT_FALSE(found("+sse4.1").empty());
  EXPECT_FALSE(found("+avx").empty());
  EXPECT_FALSE(found("+avx512vl").empty());
}

// floor() is an import where there is no instruction for it.
TEST(UndefinedSymbols, AreSeen) {
  Target target = target_named("x86-64");
  target.has_fma = true;
  LaneFunctions functions(target);
  functions.add("floor", {{DType::kF32}}, DType::kF32, 4, [](std::span<llvm::Value* const> v) {
    return emit_elementwise(ir::Op::kFloor, DType::kF32, v);
  });
  EXPECT_EQ(undefined_symbols(functions.object()), std::vector<std::string>{"floorf"});
}

}  // namespace
}  // namespace ndl::codegen
